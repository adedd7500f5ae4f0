#include "vision/compact.h"

#include "io/base/mem.h"

static const float step = 1.0F / THAW_COMPACT_STEPS;

static size_t cells_of(const struct thaw_image *image)
{
    return (size_t)image->width * (size_t)image->height;
}

static uint16_t steps_in(float value)
{
    return (uint16_t)(int)(value * THAW_COMPACT_STEPS + 0.5F);
}

void thaw_compact_round(struct thaw_image *image)
{
    size_t n = cells_of(image) * (size_t)image->channels;
    for (size_t i = 0; i < n; i++)
        image->data[i] = (float)steps_in(image->data[i]) * step;
}

static int kept_channels(const struct thaw_image *image)
{
    return thaw_image_is_grey(image) ? 1 : image->channels;
}

static size_t bytes_of(const struct thaw_image *image, int channels)
{
    const struct thaw_compact *c = NULL;
    return sizeof *c + cells_of(image) * (size_t)channels * sizeof *c->values;
}

size_t thaw_compact_bytes(const struct thaw_image *image)
{
    return bytes_of(image, kept_channels(image));
}

struct thaw_compact *thaw_compact_create(const struct thaw_image *image, struct thaw_error *err)
{
    int channels = kept_channels(image);
    struct thaw_compact *c = thaw_new(bytes_of(image, channels), 1, err);
    if (!c)
        return NULL;
    c->channels = channels;
    size_t n = cells_of(image) * (size_t)channels, apart = channels == image->channels ? 1 : 3;
    for (size_t i = 0; i < n; i++)
        c->values[i] = steps_in(image->data[i * apart]);
    return c;
}

void thaw_compact_read(const struct thaw_compact *c, struct thaw_image *image)
{
    image->channels = c->channels;
    size_t n = cells_of(image) * (size_t)c->channels;
    for (size_t i = 0; i < n; i++)
        image->data[i] = (float)c->values[i] * step;
}
