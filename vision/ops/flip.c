#include "vision/augment.h"

#include <stddef.h>

struct conf {
    float h; /* probability of left-right */
    float v; /* probability of top-bottom */
};

static const struct thaw_field fields[] = {
    {.key = "h",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, h),
     .preset = 0.5,
     .min = 0,
     .max = 1},
    {.key = "v",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, v),
     .preset = 0,
     .min = 0,
     .max = 1},
    {0},
};

static struct thaw_warp map(const void *conf, int width, int height, struct thaw_rng *rng)
{
    const struct conf *c = conf;
    double across = thaw_rng_float(rng) < c->h ? -1 : 1;
    double down = thaw_rng_float(rng) < c->v ? -1 : 1;
    return thaw_warp_centred(across, 0, 0, down, 0, 0, width, height);
}

const struct thaw_augmentation thaw_augmentation_flip = {
    .name = "flip",
    .help = "left-right with probability h, top-bottom with probability v",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .map = map,
};
