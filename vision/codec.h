/* One picture format: one file in codecs/ that defines `const struct thaw_codec thaw_codec_<stem>`.
 */
#ifndef THAW_VISION_CODEC_H
#define THAW_VISION_CODEC_H

#include <stdbool.h>

#include "vision/pixels.h"

struct thaw_codec {
    const char *name;    /* "PNG" */
    const char *library; /* that decodes, with the version it was built for: "libpng 1.6.39"; NULL
                            when this build lacks it: such files are found and refused by name */
    const char *package; /* of Debian, that has the library; only where a build may lack it */
    const char
        *suffixes; /* ".png", or several with a space between: what a data folder is searched for */
    bool (*sniff)(const unsigned char *data, size_t size);
    int (*decode)(struct thaw_pixels *pixels, const unsigned char *data, size_t size,
                  const struct thaw_decode_hint *hint, const char *name, struct thaw_error *err);
};

/* Generated from the folder; NULL-ended. */
extern const struct thaw_codec *const thaw_codecs[];

/* -1 with an error unless both sides are 1 .. THAW_MAX_SIDE, the product is at most THAW_MAX_PIXELS
 * and `at_least`, the fewest bytes of a file that can hold such a picture, is not above `size`. */
int thaw_codec_check_size(long width, long height, size_t at_least, size_t size, const char *name,
                          struct thaw_error *err);

/* Which of a file's pictures the hint means, counted from 0; -1 with an error where it has no such
 * one. `what` names them: "frames". */
long thaw_codec_choose(const struct thaw_decode_hint *hint, long pictures, const char *what,
                       const char *name, struct thaw_error *err);

/* The text of a macro's value, for versions. */
#define THAW_TEXT_OF_TOKEN(token) #token
#define THAW_TEXT_OF(macro)       THAW_TEXT_OF_TOKEN(macro)

enum { THAW_MAX_FILE = 1 << 30 }; /* bytes of a file that is read at all */
enum { THAW_MAX_SIDE = 65535 };
enum { THAW_MAX_PIXELS = 1 << 28 }; /* width * height; above it the file is refused as a bomb */

#endif
