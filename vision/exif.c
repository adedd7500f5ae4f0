#include "vision/exif.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/bytes.h"
#include "io/base/mem.h"

enum { TAG_ORIENTATION = 274, TYPE_SHORT = 3, TYPE_LONG = 4, ENTRY_BYTES = 12 };

struct tiff {
    const unsigned char *data;
    size_t size;
    bool big_endian;
};

/* The caller has checked that n bytes stand there. */
static uint32_t number(const struct tiff *t, size_t at, size_t n)
{
    const unsigned char *from = t->data + at;
    return (uint32_t)(t->big_endian ? thaw_big_endian(from, n) : thaw_little_endian(from, n));
}

int thaw_exif_orientation(const unsigned char *record, size_t size)
{
    static const char prefix[6] = "Exif\0";
    if (size >= sizeof prefix && memcmp(record, prefix, sizeof prefix) == 0) {
        record += sizeof prefix;
        size -= sizeof prefix;
    }
    if (size < 8)
        return 1;
    struct tiff t = {record, size, memcmp(record, "MM\0*", 4) == 0};
    if (!t.big_endian && memcmp(record, "II*\0", 4) != 0)
        return 1;
    size_t at = number(&t, 4, 4);
    if (at > size - 2)
        return 1;
    size_t entries = number(&t, at, 2);
    at += 2;
    for (; entries > 0 && size - at >= ENTRY_BYTES; entries--, at += ENTRY_BYTES) {
        if (number(&t, at, 2) != TAG_ORIENTATION)
            continue;
        uint32_t type = number(&t, at + 2, 2);
        if ((type != TYPE_SHORT && type != TYPE_LONG) || number(&t, at + 4, 4) != 1)
            return 1;
        uint32_t value = number(&t, at + 8, type == TYPE_SHORT ? 2 : 4);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

int thaw_exif_apply(struct thaw_pixels *pixels, int orientation, struct thaw_error *err)
{
    /* The sample at (x, y) comes from (x, y), swapped if so said, then counted from the far side.
     */
    static const struct {
        bool swap, from_right, from_bottom;
    } ways[9] = {{0, 0, 0}, {0, 0, 0}, {0, 1, 0}, {0, 1, 1}, {0, 0, 1},
                 {1, 0, 0}, {1, 0, 1}, {1, 1, 1}, {1, 1, 0}};
    if (orientation < 2 || orientation > 8)
        return 0;
    bool swap = ways[orientation].swap;
    size_t w = (size_t)pixels->width, h = (size_t)pixels->height;
    size_t sample = (size_t)pixels->channels * (size_t)pixels->depth / 8;
    size_t out_w = swap ? h : w, out_h = swap ? w : h;
    unsigned char *out = thaw_new(w * h, sample, err);
    if (!out)
        return -1;
    const unsigned char *in = pixels->data;
    for (size_t y = 0; y < out_h; y++)
        for (size_t x = 0; x < out_w; x++) {
            size_t from_x = swap ? y : x, from_y = swap ? x : y;
            if (ways[orientation].from_right)
                from_x = w - 1 - from_x;
            if (ways[orientation].from_bottom)
                from_y = h - 1 - from_y;
            memcpy(out + (y * out_w + x) * sample, in + (from_y * w + from_x) * sample, sample);
        }
    free(pixels->data);
    pixels->work += w * h * sample; /* both were there */
    pixels->data = out;
    pixels->width = (int)out_w;
    pixels->height = (int)out_h;
    return 0;
}
