#include "vision/augment.h"

#include <math.h>
#include <stddef.h>

struct conf {
    float p;    /* probability */
    float area; /* largest part of the picture; the smallest is a fifth of it */
};

static const struct thaw_field fields[] = {
    {.key = "p",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, p),
     .preset = 0.25,
     .min = 0,
     .max = 1},
    {.key = "area",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, area),
     .preset = 0.1,
     .min = 0.001,
     .max = 0.9},
    {0},
};

static void apply(const void *conf, struct thaw_image *image, struct thaw_image *scratch,
                  struct thaw_rng *rng)
{
    const struct conf *c = conf;
    size_t channels = (size_t)image->channels, row = (size_t)image->width * channels;
    size_t n = row * (size_t)image->height;
    double sum = 0;
    (void)scratch;
    if (thaw_rng_float(rng) >= c->p)
        return;
    float area = thaw_rng_uniform(rng, c->area / 5, c->area);
    float bend = thaw_rng_uniform(rng, -0.55f, 0.55f); /* proportions of 1:3 to 3:1 */
    int w = (int)((float)image->width * fminf(1, sqrtf(area) * expf(bend)));
    int h = (int)((float)image->height * fminf(1, sqrtf(area) * expf(-bend)));
    size_t left = thaw_rng_below(rng, (uint32_t)(image->width - w + 1));
    size_t top = thaw_rng_below(rng, (uint32_t)(image->height - h + 1));
    for (size_t i = 0; i < n; i++)
        sum += (double)image->data[i];
    for (size_t y = top; y < top + (size_t)h; y++)
        for (size_t i = 0; i < (size_t)w * channels; i++)
            image->data[y * row + left * channels + i] = (float)(sum / (double)n);
}

const struct thaw_augmentation thaw_augmentation_erase = {
    .name = "erase",
    .help = "a rectangle of up to the fraction area set to the mean, with probability p",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .apply = apply,
};
