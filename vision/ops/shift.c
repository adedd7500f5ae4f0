#include "vision/augment.h"

#include <stddef.h>

struct conf {
    float x; /* of the width, either way */
    float y; /* of the height, either way */
};

static const struct thaw_field fields[] = {
    {.key = "x",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, x),
     .preset = 0.1,
     .min = 0,
     .max = 1},
    {.key = "y",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, y),
     .preset = 0.1,
     .min = 0,
     .max = 1},
    {0},
};

static struct thaw_warp map(const void *conf, int width, int height, struct thaw_rng *rng)
{
    const struct conf *c = conf;
    double x = (double)thaw_rng_uniform(rng, -c->x, c->x) * width;
    double y = (double)thaw_rng_uniform(rng, -c->y, c->y) * height;
    return thaw_warp_centred(1, 0, 0, 1, x, y, width, height);
}

const struct thaw_augmentation thaw_augmentation_shift = {
    .name = "shift",
    .help = "by up to the fractions x of the width and y of the height",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .map = map,
};
