#include "vision/augment.h"

#include <stddef.h>

struct conf {
    float amount; /* largest change, of 255 */
};

static const struct thaw_field fields[] = {
    {.key = "amount",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, amount),
     .preset = 0.1,
     .min = 0,
     .max = 1},
    {0},
};

static void apply(const void *conf, struct thaw_image *image, struct thaw_image *scratch,
                  struct thaw_rng *rng)
{
    const struct conf *c = conf;
    size_t n = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
    float add = 255 * thaw_rng_uniform(rng, -c->amount, c->amount);
    (void)scratch;
    for (size_t i = 0; i < n; i++)
        image->data[i] = thaw_image_clamp(image->data[i] + add);
}

const struct thaw_augmentation thaw_augmentation_brightness = {
    .name = "brightness",
    .help = "lighter or darker by up to amount of the full range",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .apply = apply,
};
