/* A decoded picture, as its file holds it: 8 or 16 bits or float, 1 or 3 channels. */
#ifndef THAW_VISION_PIXELS_H
#define THAW_VISION_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"

struct thaw_pixels {
    int width, height;
    int channels; /* 1 grey, 3 RGB; alpha has been dropped */
    int depth;    /* 8 or 16: unsigned, of that many bits; 32: float in the file's own unit, such as
                     Hounsfield's; never NaN */
    void *data;   /* [height, width, channels]; uint8_t, uint16_t or float */
    bool inverted;   /* the smallest sample is the brightest: MONOCHROME1, WhiteIsZero */
    float window[2]; /* samples that the file wants shown as the ends of the grey scale, in rising
                        order; both 0 when it does not say */
    size_t work;     /* bytes that thaw_pixels_load held at its height, these included */
};

/* What of a file is wanted, and what a decoder may do to save work. Zeroed means: decode as it is.
 * A scaled decode may go down to, but not under, this size of the upright picture. */
struct thaw_decode_hint {
    int min_width, min_height; /* 0 = full size */
    int frame;  /* of a file that holds several pictures (frames, pages, slices): from 1, 0 = the
                   middle one; a file of one picture does not mind */
    bool shown; /* where the file brings a curve for showing (a VOI LUT of DICOM): that is applied,
                   and `window` is the range of what comes out */
};

/* Decodes by content, never by suffix. `name` begins the error text. Nothing is allocated before
 * the declared size has been checked. EXIF orientation is honoured. A truncated or corrupt file is
 * an error, also where its library would go on with grey or black; then `pixels` is empty. */
int thaw_pixels_decode(struct thaw_pixels *pixels, const unsigned char *data, size_t size,
                       const struct thaw_decode_hint *hint, const char *name,
                       struct thaw_error *err);
/* The same from a file of at most THAW_MAX_FILE bytes. */
int thaw_pixels_load(struct thaw_pixels *pixels, const char *path,
                     const struct thaw_decode_hint *hint, struct thaw_error *err);
/* Entry i of data, whatever the depth. */
static inline float thaw_pixels_sample(const struct thaw_pixels *pixels, size_t i)
{
    return pixels->depth == 8    ? (float)((const uint8_t *)pixels->data)[i]
           : pixels->depth == 16 ? (float)((const uint16_t *)pixels->data)[i]
                                 : ((const float *)pixels->data)[i];
}
void thaw_pixels_release(struct thaw_pixels *pixels);

/* "JPEG and PNG": the formats that this build reads; as many as `size` bytes hold. */
enum { THAW_FORMATS_TEXT = 256 };
void thaw_pixels_formats(char *text, size_t size);

#endif
