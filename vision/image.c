#include "vision/image.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

int thaw_image_init(struct thaw_image *image, int width, int height, int channels,
                    struct thaw_error *err)
{
    memset(image, 0, sizeof *image);
    size_t n;
    if (width < 1 || height < 1 || channels < 1 ||
        !thaw_count((long[]){width, height, channels}, 3, &n))
        return thaw_fail(err, THAW_EUSAGE,
                         "an image of %d x %d x %d values: each must be at least 1", width, height,
                         channels);
    if (!(image->data = thaw_new_aligned(n, sizeof *image->data, err)))
        return -1;
    image->width = width;
    image->height = height;
    image->channels = channels;
    return 0;
}

void thaw_image_release(struct thaw_image *image)
{
    free(image->data);
    memset(image, 0, sizeof *image);
}

static size_t pixels_of(const struct thaw_image *image)
{
    return (size_t)image->width * (size_t)image->height;
}

bool thaw_image_is_grey(const struct thaw_image *image)
{
    const float *v = image->data;
    size_t n = pixels_of(image);
    if (image->channels != 3)
        return false;
    for (size_t i = 0; i < n; i++, v += 3)
        if (v[0] != v[1] || v[0] != v[2])
            return false;
    return true;
}

void thaw_image_drop_equal(struct thaw_image *image)
{
    if (!thaw_image_is_grey(image))
        return;
    size_t n = pixels_of(image);
    for (size_t i = 0; i < n; i++)
        image->data[i] = image->data[3 * i];
    image->channels = 1;
}

void thaw_image_spread(const struct thaw_image *image, int channels, float *out)
{
    size_t n = pixels_of(image);
    if (image->channels == channels)
        memcpy(out, image->data, n * (size_t)channels * sizeof *out);
    else
        for (size_t i = 0; i < n; i++, out += channels)
            for (int c = 0; c < channels; c++)
                out[c] = image->data[i];
}
