/* Orientation of a photograph, as its EXIF record states it (CIPA DC-008, tag 274). */
#ifndef THAW_VISION_EXIF_H
#define THAW_VISION_EXIF_H

#include <stddef.h>

#include "io/base/error.h"
#include "vision/pixels.h"

/* 1..8 from an EXIF record, with or without the six bytes "Exif\0\0" in front; 1 (upright) where
 * the record is damaged, silent or out of range. */
int thaw_exif_orientation(const unsigned char *record, size_t size);

/* Turns the picture upright; for 5..8 its sides are swapped. */
int thaw_exif_apply(struct thaw_pixels *pixels, int orientation, struct thaw_error *err);

#endif
