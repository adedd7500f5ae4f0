#include "vision/augment.h"

#include <math.h>
#include <stddef.h>

struct conf {
    float deg; /* largest slant, either way */
};

static const struct thaw_field fields[] = {
    {.key = "deg",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, deg),
     .preset = 5,
     .min = 0,
     .max = 60},
    {0},
};

static struct thaw_warp map(const void *conf, int width, int height, struct thaw_rng *rng)
{
    const struct conf *c = conf;
    double slant = tan((double)thaw_rng_uniform(rng, -c->deg, c->deg) * M_PI / 180);
    return thaw_warp_centred(1, slant, 0, 1, 0, 0, width, height);
}

const struct thaw_augmentation thaw_augmentation_shear = {
    .name = "shear",
    .help = "slanted by up to deg degrees along the rows",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .map = map,
};
