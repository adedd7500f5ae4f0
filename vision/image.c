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

int thaw_image_from_pixels(struct thaw_image *image, const struct thaw_pixels *pixels,
                           struct thaw_error *err)
{
    if (thaw_image_init(image, pixels->width, pixels->height, pixels->channels, err))
        return -1;
    size_t n = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
    const uint8_t *narrow = pixels->data;
    const uint16_t *wide = pixels->data;
    float *out = image->data;
    if (pixels->depth == 32)
        memcpy(out, pixels->data, n * sizeof *out);
    else if (pixels->depth == 16)
        for (size_t i = 0; i < n; i++)
            out[i] = wide[i];
    else
        for (size_t i = 0; i < n; i++)
            out[i] = narrow[i];
    return 0;
}

void thaw_image_release(struct thaw_image *image)
{
    free(image->data);
    memset(image, 0, sizeof *image);
}
