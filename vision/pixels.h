/* A decoded picture, as its file holds it: 8 or 16 bits, 1 or 3 channels. */
#ifndef THAW_VISION_PIXELS_H
#define THAW_VISION_PIXELS_H

#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"

struct thaw_pixels {
    int width, height;
    int channels; /* 1 grey, 3 RGB; alpha has been dropped */
    int depth;    /* 8 or 16 bits a sample */
    void *data;   /* [height, width, channels]; uint8_t when depth is 8, uint16_t when it is 16 */
    size_t work;  /* bytes that thaw_pixels_load held at its height, these included */
};

/* What a decoder may do to save work. Zeroed means: decode as it is. A scaled decode may go down
 * to, but not under, this size of the upright picture. */
struct thaw_decode_hint {
    int min_width, min_height; /* 0 = full size */
};

/* Decodes by content, never by suffix. `name` begins the error text. Nothing is allocated before
 * the declared size has been checked. EXIF orientation is honoured. A truncated or corrupt file is
 * an error, also where its library would go on with grey or black; then `pixels` is empty. */
int thaw_pixels_decode(struct thaw_pixels *pixels, const unsigned char *data, size_t size,
                       const struct thaw_decode_hint *hint, const char *name,
                       struct thaw_error *err);
int thaw_pixels_load(struct thaw_pixels *pixels, const char *path,
                     const struct thaw_decode_hint *hint, struct thaw_error *err);
size_t thaw_pixels_bytes(const struct thaw_pixels *pixels); /* of data */
void thaw_pixels_release(struct thaw_pixels *pixels);

#endif
