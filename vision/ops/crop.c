#include "vision/augment.h"

#include <math.h>
#include <stddef.h>

struct conf {
    float scale; /* smallest part of the area; the largest is 1 */
    float ratio; /* its proportions, against the picture's, lie between 1/ratio and ratio */
};

static const struct thaw_field fields[] = {
    {.key = "scale",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, scale),
     .preset = 0.7,
     .min = 0.01,
     .max = 1},
    {.key = "ratio",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, ratio),
     .preset = 1.333,
     .min = 1,
     .max = 4},
    {0},
};

/* The part of width w and height h (fractions of the picture) begins at a random place inside.
 * Pixel edges, not centres, are what is mapped: edge e of the result comes from start + e *
 * fraction. */
static struct thaw_warp map(const void *conf, int width, int height, struct thaw_rng *rng)
{
    const struct conf *c = conf;
    double area = (double)thaw_rng_uniform(rng, c->scale, 1);
    double bend = log((double)c->ratio) * (double)thaw_rng_uniform(rng, -1, 1);
    double w = fmax(area, fmin(1, sqrt(area * exp(bend)))), h = area / w;
    double left = (double)thaw_rng_float(rng) * (1 - w) * width;
    double top = (double)thaw_rng_float(rng) * (1 - h) * height;
    return (struct thaw_warp){w, 0, left + (w - 1) / 2, 0, h, top + (h - 1) / 2};
}

const struct thaw_augmentation thaw_augmentation_crop = {
    .name = "crop",
    .help = "random part of at least the fraction scale of the area, stretched to full size",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .map = map,
};
