/* What a picture looks like, small enough to keep for every image of a large set: copies are found
 * by it though they were resized, compressed, brightened, mirrored or cropped a little. */
#ifndef THAW_VISION_LIKENESS_H
#define THAW_VISION_LIKENESS_H

#include <stdbool.h>
#include <stdint.h>

#include "io/base/error.h"
#include "vision/pixels.h"

enum {
    THAW_LIKENESS_SIDE = 48,
    THAW_LIKENESS_POINTS = THAW_LIKENESS_SIDE * THAW_LIKENESS_SIDE,
    THAW_LIKENESS_KEY = 64,
    THAW_LIKENESS_MARGIN = 3, /* per cent that the inner part leaves out on each side */
};

/* What of a picture a key describes. A copy that lost 3 % on each side looks like the inner part of
 * the original, and a mirrored one like the original mirrored. */
enum thaw_likeness_part {
    THAW_LIKENESS_WHOLE,
    THAW_LIKENESS_INNER, /* without the margin */
    THAW_LIKENESS_PARTS
};

/* A decoder may go down to twice the thumbnail. */
struct thaw_decode_hint thaw_likeness_hint(void);

/* The thumbnail: the luma of the whole picture as it is shown (thaw_preprocess_show), stretched to
 * SIDE x SIDE, its darkest point 0 and its brightest 255. *blank: the picture has no contrast to
 * compare by. */
int thaw_likeness_of(const struct thaw_pixels *pixels, uint8_t grey[THAW_LIKENESS_POINTS],
                     bool *blank, struct thaw_error *err);

/* The 8 x 8 lowest frequencies (discrete cosine transform, without the mean) of the thumbnail's
 * middle band: a vector of length 127, or 0 for a picture without any. Cosine between two keys =
 * inner product / 127^2. */
void thaw_likeness_key(const uint8_t grey[THAW_LIKENESS_POINTS], enum thaw_likeness_part part,
                       int8_t key[THAW_LIKENESS_KEY]);
/* The key of the mirrored picture. */
void thaw_likeness_mirror(const int8_t key[THAW_LIKENESS_KEY], int8_t mirrored[THAW_LIKENESS_KEY]);

/* A thumbnail made ready for comparisons. */
struct thaw_likeness_view {
    float smooth[THAW_LIKENESS_POINTS]; /* what is aligned */
    float band[THAW_LIKENESS_POINTS];   /* what is correlated: neither shading nor noise */
};
void thaw_likeness_prepare(const uint8_t grey[THAW_LIKENESS_POINTS], bool mirrored,
                           struct thaw_likeness_view *view);

/* Lays b over a (shift and scale along each axis; by Lucas and Kanade, "An iterative image
 * registration technique", IJCAI 1981, beginning with the parts that were found alike) and compares
 * the middle bands where both are: the mean of the correlation of the whole and of that of its
 * 6 x 6 cells, weighted by the root of what they show. 1 for copies, -1..1. */
float thaw_likeness_correlate(const struct thaw_likeness_view *a,
                              const struct thaw_likeness_view *b, enum thaw_likeness_part part_a,
                              enum thaw_likeness_part part_b);

#endif
