/* A float picture [height, width, channels]; values are in the units of the preprocessing step at
 * hand (0..255 until normalisation). */
#ifndef THAW_VISION_IMAGE_H
#define THAW_VISION_IMAGE_H

#include "io/base/error.h"

struct thaw_image {
    int width, height, channels;
    float *data; /* [H,W,C], owned */
};

/* Zeroed. Every side and the channels must be >= 1. */
int thaw_image_init(struct thaw_image *image, int width, int height, int channels,
                    struct thaw_error *err);

void thaw_image_release(struct thaw_image *image);

#endif
