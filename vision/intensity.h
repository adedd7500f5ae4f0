/* What samples a picture holds: its darkest and brightest, or percentiles in between. */
#ifndef THAW_VISION_INTENSITY_H
#define THAW_VISION_INTENSITY_H

#include "io/base/error.h"
#include "vision/pixels.h"

/* ends[i] = the smallest finite sample with at least percents[i] (0..100, rising) percent of the
 * finite samples at or below it, so that 0 and 100 give the smallest and the largest; all channels
 * count as one. Exact for every depth. Both are 0 where no sample is finite. */
int thaw_intensity_percentiles(const struct thaw_pixels *pixels, const float percents[2],
                               float ends[2], struct thaw_error *err);

#endif
