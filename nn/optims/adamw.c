#include "nn/optimizer.h"

#include <math.h>

#include "nn/kernels/kernels.h"

struct numbers {
    float b1, b2, keep, rate, correction, epsilon;
};

THAW_HOT static void step(const struct numbers *given, size_t count, const float *restrict gradient,
                          float *restrict w, float *restrict m, float *restrict v)
{
    const struct numbers n = *given;
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i];
        m[i] = n.b1 * m[i] + (1 - n.b1) * g;
        v[i] = n.b2 * v[i] + (1 - n.b2) * g * g;
        w[i] = w[i] * n.keep - n.rate * m[i] / (sqrtf(v[i]) * n.correction + n.epsilon);
    }
}

/* Loshchilov and Hutter 2019, with PyTorch's placing of epsilon: outside the bias-corrected root.
 */
static void apply(const struct thaw_optimizer_options *options, const struct thaw_update *u,
                  size_t first, size_t last)
{
    struct numbers n = {.b1 = options->beta1,
                        .b2 = options->beta2,
                        .keep = 1 - u->rate * u->decay,
                        .rate = (float)(u->rate / (1 - pow(options->beta1, u->step))),
                        .correction = (float)(1 / sqrt(1 - pow(options->beta2, u->step))),
                        .epsilon = options->epsilon};
    step(&n, last - first, u->gradient + first, u->weights + first, u->slots[0] + first,
         u->slots[1] + first);
}

const struct thaw_optimizer thaw_optimizer_adamw = {
    .name = "adamw", .help = "Adam with decoupled weight decay", .slots = 2, .apply = apply};
