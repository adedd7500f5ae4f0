#include "vision/augment.h"

#include <stddef.h>

struct conf {
    float amount; /* the factor lies between 1 - amount and 1 + amount; above 1 enlarges */
};

static const struct thaw_field fields[] = {
    {.key = "amount",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, amount),
     .preset = 0.1,
     .min = 0,
     .max = 0.9},
    {0},
};

static struct thaw_warp map(const void *conf, int width, int height, struct thaw_rng *rng)
{
    const struct conf *c = conf;
    double scale = 1 / (1 + (double)thaw_rng_uniform(rng, -c->amount, c->amount));
    return thaw_warp_centred(scale, 0, 0, scale, 0, 0, width, height);
}

const struct thaw_augmentation thaw_augmentation_zoom = {
    .name = "zoom",
    .help = "by a factor between 1-amount and 1+amount",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .map = map,
};
