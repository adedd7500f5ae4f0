#include "vision/augment.h"

#include <stddef.h>

struct conf {
    float amount; /* the factor lies between 1 - amount and 1 + amount */
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

/* One sum would make each addition wait for the one before it. */
static float mean_of(const float *v, size_t n)
{
    enum { SUMS = 8 };
    double sums[SUMS] = {0}, sum = 0;
    size_t i = 0;
    for (; i + SUMS <= n; i += SUMS)
        for (size_t k = 0; k < SUMS; k++)
            sums[k] += (double)v[i + k];
    for (; i < n; i++)
        sum += (double)v[i];
    for (size_t k = 0; k < SUMS; k++)
        sum += sums[k];
    return (float)(sum / (double)n);
}

static void apply(const void *conf, struct thaw_image *image, struct thaw_image *scratch,
                  struct thaw_rng *rng)
{
    const struct conf *c = conf;
    size_t n = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
    float factor = 1 + thaw_rng_uniform(rng, -c->amount, c->amount);
    float mean = mean_of(image->data, n);
    (void)scratch;
    for (size_t i = 0; i < n; i++)
        image->data[i] = thaw_image_clamp(mean + factor * (image->data[i] - mean));
}

const struct thaw_augmentation thaw_augmentation_contrast = {
    .name = "contrast",
    .help = "distance from the mean times a factor between 1-amount and 1+amount",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .apply = apply,
};
