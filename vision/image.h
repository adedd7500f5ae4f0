/* A float picture [height, width, channels]; values are in the units of the preprocessing step at
 * hand (0..255 until normalisation). */
#ifndef THAW_VISION_IMAGE_H
#define THAW_VISION_IMAGE_H

#include <stdbool.h>

#include "io/base/error.h"

struct thaw_image {
    int width, height, channels;
    float *data; /* [H,W,C], owned */
};

/* Zeroed. Every side and the channels must be >= 1. */
int thaw_image_init(struct thaw_image *image, int width, int height, int channels,
                    struct thaw_error *err);

void thaw_image_release(struct thaw_image *image);

/* Three channels, the same everywhere: a grey picture, of which one channel says all. */
bool thaw_image_is_grey(const struct thaw_image *image);

/* One channel in place of three equal ones; other pictures stay as they are. */
void thaw_image_drop_equal(struct thaw_image *image);

/* out[H,W,channels]: the picture, which has as many channels, or one, which is repeated. */
void thaw_image_spread(const struct thaw_image *image, int channels, float *out);

/* Holds a value within 0..255; in two steps, for which processors need no branch. */
static inline float thaw_image_clamp(float v)
{
    v = v > 0 ? v : 0;
    return v < 255 ? v : 255;
}

#endif
