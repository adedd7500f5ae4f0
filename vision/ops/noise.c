#include "vision/augment.h"

#include <stddef.h>

struct conf {
    float std; /* standard deviation, in units of 0..255 */
    float p;   /* probability */
};

static const struct thaw_field fields[] = {
    {.key = "std",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, std),
     .preset = 5,
     .min = 0,
     .max = 128},
    {.key = "p",
     .type = THAW_FIELD_FLOAT,
     .offset = offsetof(struct conf, p),
     .preset = 0.5,
     .min = 0,
     .max = 1},
    {0},
};

static void apply(const void *conf, struct thaw_image *image, struct thaw_image *scratch,
                  struct thaw_rng *rng)
{
    const struct conf *c = conf;
    size_t pixels = (size_t)image->width * (size_t)image->height;
    size_t channels = (size_t)image->channels;
    (void)scratch;
    if (thaw_rng_float(rng) >= c->p)
        return;
    /* One number for all channels: grey scans stay grey. */
    for (size_t i = 0; i < pixels; i++) {
        float add = c->std * thaw_rng_normal(rng);
        for (size_t k = 0; k < channels; k++)
            image->data[i * channels + k] = thaw_image_clamp(image->data[i * channels + k] + add);
    }
}

const struct thaw_augmentation thaw_augmentation_noise = {
    .name = "noise",
    .help = "normal noise of standard deviation std (of 255), with probability p",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .apply = apply,
};
