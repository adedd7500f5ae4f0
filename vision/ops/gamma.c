#include "vision/augment.h"

#include <math.h>
#include <stddef.h>

struct conf {
    float amount; /* the exponent lies between 1 / (1 + amount) and 1 + amount */
};

static const struct thaw_field fields[] = {
    {.key = "amount",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, amount),
     .preset = 0.2,
     .min = 0,
     .max = 4},
    {0},
};

static void apply(const void *conf, struct thaw_image *image, struct thaw_image *scratch,
                  struct thaw_rng *rng)
{
    const struct conf *c = conf;
    size_t n = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
    float bend = logf(1 + c->amount), exponent = expf(thaw_rng_uniform(rng, -bend, bend));
    (void)scratch;
    for (size_t i = 0; i < n; i++)
        image->data[i] = thaw_image_clamp(255 * powf(image->data[i] / 255, exponent));
}

const struct thaw_augmentation thaw_augmentation_gamma = {
    .name = "gamma",
    .help = "exponent between 1/(1+amount) and 1+amount",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .apply = apply,
};
