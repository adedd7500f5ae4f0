#include "vision/augment.h"

#include <math.h>
#include <stddef.h>

struct conf {
    float deg; /* largest angle, either way */
};

static const struct thaw_field fields[] = {
    {.key = "deg",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, deg),
     .preset = 10,
     .min = 0,
     .max = 180},
    {0},
};

static struct thaw_warp map(const void *conf, int width, int height, struct thaw_rng *rng)
{
    const struct conf *c = conf;
    double angle = (double)thaw_rng_uniform(rng, -c->deg, c->deg) * M_PI / 180;
    double s = sin(angle), k = cos(angle);
    return thaw_warp_centred(k, s, -s, k, 0, 0, width, height);
}

const struct thaw_augmentation thaw_augmentation_rotate = {
    .name = "rotate",
    .help = "by up to deg degrees either way",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .map = map,
};
