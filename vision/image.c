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
