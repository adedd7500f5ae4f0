#include "vision/augment.h"

#include <math.h>
#include <stddef.h>

struct conf {
    float sigma; /* largest standard deviation, in pixels */
    float p;     /* probability */
};

static const struct thaw_field fields[] = {
    {.key = "sigma",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, sigma),
     .preset = 1,
     .min = 0,
     .max = 20},
    {.key = "p",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, p),
     .preset = 0.5,
     .min = 0,
     .max = 1},
    {0},
};

enum { RADIUS = 60 }; /* three times the largest sigma: the rest of the bell is under 0.3 % */

/* One direction: n pixels of `channels` values, `step` values from one to the next. */
static void smooth(const float *in, float *out, int n, size_t step, size_t channels,
                   const float *weights, int radius)
{
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < channels; k++) {
            float sum = 0;
            for (int r = -radius; r <= radius; r++) {
                int at = i + r < 0 ? 0 : i + r >= n ? n - 1 : i + r; /* the edge goes on */
                sum += weights[r + radius] * in[(size_t)at * step + k];
            }
            out[(size_t)i * step + k] = sum;
        }
}

static void apply(const void *conf, struct thaw_image *image, struct thaw_image *scratch,
                  struct thaw_rng *rng)
{
    const struct conf *c = conf;
    float chance = thaw_rng_float(rng), sigma = thaw_rng_uniform(rng, 0, c->sigma);
    int radius = (int)ceilf(3 * sigma);
    float weights[2 * RADIUS + 1], total = 0;
    size_t channels = (size_t)image->channels, row = (size_t)image->width * channels;
    if (chance >= c->p || sigma < 0.05f) /* below, the neighbours' weights round to nothing */
        return;
    for (int r = -radius; r <= radius; r++)
        total += weights[r + radius] = expf(-0.5f * (float)(r * r) / (sigma * sigma));
    for (int r = 0; r <= 2 * radius; r++)
        weights[r] /= total;
    for (size_t y = 0; y < (size_t)image->height; y++)
        smooth(image->data + y * row, scratch->data + y * row, image->width, channels, channels,
               weights, radius);
    for (size_t x = 0; x < (size_t)image->width; x++)
        smooth(scratch->data + x * channels, image->data + x * channels, image->height, row,
               channels, weights, radius);
}

const struct thaw_augmentation thaw_augmentation_blur = {
    .name = "blur",
    .help = "Gaussian blur of up to sigma pixels, with probability p",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .apply = apply,
};
