/* What stands in a picture beside the scan: an even border, burned-in text. */
#ifndef THAW_VISION_MARKS_H
#define THAW_VISION_MARKS_H

#include "io/base/error.h"
#include "vision/pixels.h"

struct thaw_marks {
    /* Part of the area, 0..1, outside the rows and columns that show something. A line shows
     * something unless all but 1 % of it are within 5 % of the mean of the outermost one. */
    float border;
    /* Part of the area, 0..1, in cells (32 on the shorter side) that are full of thin, bright,
     * sharp strokes between darker points, as letters have them. */
    float text;
};

int thaw_marks_find(const struct thaw_pixels *pixels, struct thaw_marks *marks,
                    struct thaw_error *err);

#endif
