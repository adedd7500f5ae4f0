/* One picture format: one file in codecs/ that defines `const struct thaw_codec thaw_codec_<stem>`. */
#ifndef THAW_VISION_CODEC_H
#define THAW_VISION_CODEC_H

#include <stdbool.h>

#include "vision/pixels.h"

struct thaw_codec {
    const char *name; /* "PNG" */
    const char *suffixes; /* ".png", or several with a space between: what a data folder is searched for */
    bool (*sniff)(const unsigned char *data, size_t size);
    int (*decode)(struct thaw_pixels *pixels, const unsigned char *data, size_t size,
                  const struct thaw_decode_hint *hint, const char *name, struct thaw_error *err);
};

/* Generated from the folder; NULL-ended. */
extern const struct thaw_codec *const thaw_codecs[];

enum { THAW_MAX_SIDE = 65535 };
enum { THAW_MAX_PIXELS = 1 << 28 }; /* width * height; above it the file is refused as a bomb */

#endif
