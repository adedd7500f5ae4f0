/* Antialiased bilinear resizing: a triangle filter whose support grows with the reduction,
 * separable, in float throughout. The same weights as Pillow's BILINEAR, without rounding between
 * the passes. */
#ifndef THAW_VISION_RESIZE_H
#define THAW_VISION_RESIZE_H

#include "io/base/error.h"
#include "vision/image.h"
#include "vision/pixels.h"

/* A part of a picture, in its pixels; (0,0) is the outer corner of the first pixel, so that the
 * whole picture is {0, 0, width, height}. It must lie inside the picture and not be empty. */
struct thaw_box {
    float x, y, width, height;
};

/* Fills all of `out`, which the caller has initialised with the size he wants and as many channels
 * as `in`. `box` is the part of `in` to take, NULL = all of it. */
int thaw_resize(const struct thaw_image *in, const struct thaw_box *box, struct thaw_image *out,
                struct thaw_error *err);

/* The same straight from samples: each becomes (sample - lo) * 255 / (hi - lo), held in 0..255,
 * before it is filtered. hi and lo differ; where lo is the greater, small samples become bright. */
int thaw_resize_pixels(const struct thaw_pixels *in, float lo, float hi, const struct thaw_box *box,
                       struct thaw_image *out, struct thaw_error *err);

#endif
