#include "nn/optimizer.h"

#include <math.h>

/* Loshchilov and Hutter 2019, with PyTorch's placing of epsilon: outside the bias-corrected root.
 */
static void apply(const struct thaw_optimizer_options *options, const struct thaw_update *u,
                  size_t first, size_t last)
{
    float b1 = options->beta1, b2 = options->beta2;
    float keep = 1 - u->rate * u->decay;
    float rate = (float)(u->rate / (1 - pow(b1, u->step)));
    float correction = (float)(1 / sqrt(1 - pow(b2, u->step)));
    float *w = u->weights, *m = u->slots[0], *v = u->slots[1];
    for (size_t i = first; i < last; i++) {
        float g = u->gradient[i];
        m[i] = b1 * m[i] + (1 - b1) * g;
        v[i] = b2 * v[i] + (1 - b2) * g * g;
        w[i] = w[i] * keep - rate * m[i] / (sqrtf(v[i]) * correction + options->epsilon);
    }
}

const struct thaw_optimizer thaw_optimizer_adamw = {
    .name = "adamw", .help = "Adam with decoupled weight decay", .slots = 2, .apply = apply};
