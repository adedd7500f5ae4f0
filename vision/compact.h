/* Prepared pictures in 16 bits a value, and grey ones in one channel: half the room of floats, or a
 * sixth, and no bit is lost, since preparation rounds every picture to the steps kept here. */
#ifndef THAW_VISION_COMPACT_H
#define THAW_VISION_COMPACT_H

#include <stddef.h>
#include <stdint.h>

#include "vision/image.h"

/* Of one grey level: 8 bits before the point and 8 behind it. */
enum { THAW_COMPACT_STEPS = 256 };

struct thaw_compact {
    int channels;      /* that are kept: 1 where all are equal */
    uint16_t values[]; /* [height,width,channels], in steps */
};

/* Values of 0..255 become the nearest step, at most 1/512 of a grey level away. */
void thaw_compact_round(struct thaw_image *image);

/* Bytes that a picture takes, and the picture in them (the caller frees). Its values are steps. */
size_t thaw_compact_bytes(const struct thaw_image *image);
struct thaw_compact *thaw_compact_create(const struct thaw_image *image, struct thaw_error *err);

/* Fills `image`, which has the sides and room for the channels of the one that was kept, with its
 * bits; a grey one has one channel from now on. */
void thaw_compact_read(const struct thaw_compact *compact, struct thaw_image *image);

#endif
