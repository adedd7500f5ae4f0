/* Affine maps of a picture, sampled with cubic weights (Catmull-Rom), held in 0..255. */
#ifndef THAW_VISION_WARP_H
#define THAW_VISION_WARP_H

#include "vision/image.h"

/* Source position of result pixel (x, y), in pixels, centres at whole numbers:
 * (a x + b y + c, d x + e y + f). */
struct thaw_warp {
    double a, b, c, d, e, f;
};

struct thaw_warp thaw_warp_identity(void);

/* The linear part a, b, d, e around the picture's centre, then a shift of the source position. */
struct thaw_warp thaw_warp_centred(double a, double b, double d, double e, double shift_x,
                                   double shift_y, int width, int height);

/* The map of a picture made by `first` from the source, then changed by `second`. */
struct thaw_warp thaw_warp_join(struct thaw_warp first, struct thaw_warp second);

/* out = in seen through the map; both of the same dimensions. Beyond its edge a picture goes on
 * with the value at the edge (nearest): black corners or mirrored anatomy would be things to learn.
 */
void thaw_warp(const struct thaw_image *in, const struct thaw_warp *map, struct thaw_image *out);

#endif
