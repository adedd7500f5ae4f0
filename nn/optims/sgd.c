#include "nn/optimizer.h"

#include "nn/kernels/kernels.h"

struct numbers {
    float momentum, keep, rate;
};

THAW_HOT static void step(const struct numbers *given, size_t count, const float *restrict gradient,
                          float *restrict w, float *restrict v)
{
    const struct numbers n = *given;
    for (size_t i = 0; i < count; i++) {
        v[i] = n.momentum * v[i] + gradient[i];
        w[i] = w[i] * n.keep - n.rate * v[i];
    }
}

THAW_HOT static void step_nesterov(const struct numbers *given, size_t count,
                                   const float *restrict gradient, float *restrict w,
                                   float *restrict v)
{
    const struct numbers n = *given;
    for (size_t i = 0; i < count; i++) {
        v[i] = n.momentum * v[i] + gradient[i];
        w[i] = w[i] * n.keep - n.rate * (gradient[i] + n.momentum * v[i]);
    }
}

/* v = momentum v + g; w -= rate v (Nesterov: rate (g + momentum v)), as in PyTorch without
 * dampening. */
static void apply(const struct thaw_optimizer_options *options, const struct thaw_update *u,
                  size_t first, size_t last)
{
    struct numbers n = {options->momentum, 1 - u->rate * u->decay, u->rate};
    (options->nesterov ? step_nesterov : step)(&n, last - first, u->gradient + first,
                                               u->weights + first, u->slots[0] + first);
}

const struct thaw_optimizer thaw_optimizer_sgd = {
    .name = "sgd", .help = "momentum 0.9, decoupled weight decay", .slots = 1, .apply = apply};
