#include "nn/optimizer.h"

/* v = momentum v + g; w -= rate v (Nesterov: rate (g + momentum v)), as in PyTorch without
 * dampening. */
static void apply(const struct thaw_optimizer_options *options, const struct thaw_update *u,
                  size_t first, size_t last)
{
    float keep = 1 - u->rate * u->decay, momentum = options->momentum;
    float *w = u->weights, *v = u->slots[0];
    for (size_t i = first; i < last; i++) {
        float g = u->gradient[i];
        v[i] = momentum * v[i] + g;
        w[i] = w[i] * keep - u->rate * (options->nesterov ? g + momentum * v[i] : v[i]);
    }
}

const struct thaw_optimizer thaw_optimizer_sgd = {
    .name = "sgd", .help = "momentum 0.9, decoupled weight decay", .slots = 1, .apply = apply};
