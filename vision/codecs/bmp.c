/* BMP, the pictures of Windows and OS/2: 1 to 8 bits with a palette, also run-length coded, 16, 24
 * and 32 bits, any masks. A palette that only has greys gives a grey picture; alpha is dropped. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/bytes.h"
#include "io/base/mem.h"
#include "vision/codec.h"

enum { FILE_HEADER = 14, OLD_HEADER = 12, INFO_HEADER = 40, LARGEST_HEADER = 4096 };
enum { PLAIN = 0, RUNS8 = 1, RUNS4 = 2, MASKS = 3, MASKS_ALPHA = 6 };

struct reader {
    const unsigned char *data;
    size_t size, samples; /* where the samples begin */
    const char *name;
    struct thaw_error *err;
    struct thaw_pixels *pixels;
    long width, height; /* height > 0 */
    bool from_top;
    unsigned bits, coding;
    uint32_t mask[3];
    uint8_t palette[256][3]; /* RGB */
    unsigned colours;
    uint8_t *indices; /* [H,W], of a palette picture */
};

/* The caller has checked that the bytes are there. */
static uint32_t number(const struct reader *r, size_t at, int bytes)
{
    return (uint32_t)thaw_little_endian(r->data + at, (size_t)bytes);
}

static int truncated(const struct reader *r)
{
    return thaw_fail(r->err, THAW_EINPUT, "%s: truncated BMP: it ends after %zu bytes", r->name,
                     r->size);
}

static int damaged(const struct reader *r, const char *what)
{
    return thaw_fail(r->err, THAW_EINPUT, "%s: damaged BMP: %s", r->name, what);
}

static long signed_number(const struct reader *r, size_t at)
{
    return (long)(int32_t)number(r, at, 4);
}

/* --- header and palette --- */

static int check_kind(const struct reader *r)
{
    bool depth = r->bits == 1 || r->bits == 4 || r->bits == 8 || r->bits == 16 || r->bits == 24 ||
                 r->bits == 32;
    bool coding =
        r->coding == PLAIN || (r->coding == RUNS8 && r->bits == 8) ||
        (r->coding == RUNS4 && r->bits == 4) ||
        ((r->coding == MASKS || r->coding == MASKS_ALPHA) && (r->bits == 16 || r->bits == 32));
    if (depth && coding)
        return 0;
    return thaw_fail(r->err, THAW_EINPUT,
                     "%s: BMP of %u bits with compression %u, which is not read", r->name, r->bits,
                     r->coding);
}

static int read_header(struct reader *r, size_t *header)
{
    if (r->size < FILE_HEADER + OLD_HEADER)
        return truncated(r);
    r->samples = number(r, 10, 4);
    *header = number(r, 14, 4);
    bool old = *header == OLD_HEADER;
    if (!old && (*header < INFO_HEADER || *header > LARGEST_HEADER))
        return thaw_fail(r->err, THAW_EINPUT, "%s: damaged BMP: a header of %zu bytes", r->name,
                         *header);
    if (r->size < FILE_HEADER + *header)
        return truncated(r);
    r->width = old ? (long)number(r, 18, 2) : signed_number(r, 18);
    r->height = old ? (long)number(r, 20, 2) : signed_number(r, 22);
    r->bits = number(r, old ? 24 : 28, 2);
    r->coding = old ? PLAIN : number(r, 30, 4);
    r->from_top = r->height < 0;
    r->height = labs(r->height);
    if (check_kind(r))
        return -1;
    size_t row = ((size_t)labs(r->width) * r->bits + 31) / 32 * 4, all = 0;
    bool plain = r->coding != RUNS8 && r->coding != RUNS4;
    if (plain && r->width <= THAW_MAX_SIDE && r->height <= THAW_MAX_SIDE)
        all = row * (size_t)r->height;
    return thaw_codec_check_size(r->width, r->height, all, r->size, r->name, r->err);
}

static int read_masks(struct reader *r)
{
    static const uint32_t usual[2][3] = {{0x7c00, 0x3e0, 0x1f}, {0xff0000, 0xff00, 0xff}};
    memcpy(r->mask, usual[r->bits == 32], sizeof r->mask);
    if (r->coding != MASKS && r->coding != MASKS_ALPHA)
        return 0;
    /* They follow the short header and stand within the longer ones: at the same place. */
    if (r->size < FILE_HEADER + INFO_HEADER + 12)
        return truncated(r);
    for (size_t c = 0; c < 3; c++) {
        uint32_t mask = number(r, FILE_HEADER + INFO_HEADER + 4 * c, 4);
        uint32_t ones = mask ? mask >> __builtin_ctz(mask) : 0;
        if (ones == 0 || (ones & (ones + 1)))
            return damaged(r, "a colour mask with holes");
        r->mask[c] = mask;
    }
    return 0;
}

static int read_palette(struct reader *r, size_t header)
{
    size_t entry = header == OLD_HEADER ? 3 : 4, at = FILE_HEADER + header;
    uint32_t used = header == OLD_HEADER ? 0 : number(r, 46, 4);
    r->colours = used && used < 1u << r->bits ? used : 1u << r->bits;
    /* Some writers count on a palette that ends where the samples begin. */
    if (r->samples > at && (r->samples - at) / entry < r->colours)
        r->colours = (unsigned)((r->samples - at) / entry);
    if (r->size < at + r->colours * entry)
        return truncated(r);
    bool grey = true;
    for (unsigned i = 0; i < r->colours; i++)
        for (size_t c = 0; c < 3; c++) {
            r->palette[i][c] = r->data[at + i * entry + 2 - c];
            grey = grey && r->palette[i][c] == r->palette[i][0];
        }
    r->pixels->channels = grey ? 1 : 3;
    return 0;
}

/* --- samples --- */

static size_t line_of(const struct reader *r, size_t y)
{
    return r->from_top ? y : (size_t)r->height - 1 - y;
}

static int unpack_plain(struct reader *r)
{
    size_t width = (size_t)r->width, stride = (width * r->bits + 31) / 32 * 4;
    for (size_t y = 0; y < (size_t)r->height; y++) {
        const unsigned char *row = r->data + r->samples + y * stride;
        uint8_t *out = r->indices + line_of(r, y) * width;
        for (size_t x = 0; x < width; x++) {
            size_t bit = x * r->bits;
            unsigned byte = row[bit / 8];
            out[x] = (uint8_t)(byte >> (8 - r->bits - bit % 8) & ((1u << r->bits) - 1));
        }
    }
    return 0;
}

/* Runs, and stretches as they are; what is jumped over keeps colour 0. */
static int unpack_runs(struct reader *r)
{
    size_t at = r->samples, x = 0, y = 0, width = (size_t)r->width, height = (size_t)r->height;
    unsigned per_byte = 8 / r->bits, mask = (1u << r->bits) - 1;
    while (r->size - at >= 2) {
        unsigned count = r->data[at], what = r->data[at + 1];
        at += 2;
        if (count == 0 && what == 1)
            return 0;
        if (count == 0 && what == 0) {
            x = 0;
            y++;
            continue;
        }
        if (count == 0 && what == 2) {
            if (r->size - at < 2)
                break;
            x += r->data[at];
            y += r->data[at + 1];
            at += 2;
            continue;
        }
        bool run = count > 0;
        size_t n = run ? count : what, bytes = run ? 0 : (n + per_byte - 1) / per_byte;
        if (r->size - at < bytes)
            break;
        if (y >= height || n > width - (x < width ? x : width))
            return damaged(r, "a run that leaves the picture");
        for (size_t i = 0; i < n; i++) {
            unsigned byte = run ? what : r->data[at + i / per_byte];
            unsigned shift = 8 - r->bits * (1 + (unsigned)(i % per_byte));
            r->indices[line_of(r, y) * width + x++] = (uint8_t)(byte >> shift & mask);
        }
        at += bytes + bytes % 2;
        at = at < r->size ? at : r->size;
    }
    return truncated(r);
}

static int read_indices(struct reader *r)
{
    struct thaw_pixels *p = r->pixels;
    size_t n = (size_t)r->width * (size_t)r->height, channels = (size_t)p->channels;
    if (!(r->indices = thaw_new(n, 1, r->err)) || !(p->data = thaw_new(n, channels, r->err)))
        return -1;
    p->work = n;
    if (r->coding == PLAIN ? unpack_plain(r) : unpack_runs(r))
        return -1;
    uint8_t *out = p->data;
    for (size_t i = 0; i < n; i++, out += channels) {
        if (r->indices[i] >= r->colours)
            return thaw_fail(r->err, THAW_EINPUT,
                             "%s: damaged BMP: colour %d used, the palette has %u colours", r->name,
                             r->indices[i], r->colours);
        memcpy(out, r->palette[r->indices[i]], channels);
    }
    return 0;
}

static uint8_t colour(uint32_t value, uint32_t mask)
{
    int shift = __builtin_ctz(mask);
    uint64_t top = mask >> shift, part = (value & mask) >> shift;
    return (uint8_t)((part * 255 + top / 2) / top);
}

static int read_colours(struct reader *r)
{
    struct thaw_pixels *p = r->pixels;
    size_t width = (size_t)r->width, stride = (width * r->bits + 31) / 32 * 4, bytes = r->bits / 8;
    p->channels = 3;
    if (!(p->data = thaw_new(width * (size_t)r->height, 3, r->err)))
        return -1;
    for (size_t y = 0; y < (size_t)r->height; y++) {
        size_t at = r->samples + y * stride;
        uint8_t *out = (uint8_t *)p->data + 3 * line_of(r, y) * width;
        for (size_t x = 0; x < width; x++, out += 3, at += bytes)
            for (size_t c = 0; c < 3; c++)
                out[c] = r->bits == 24 ? r->data[at + 2 - c]
                                       : colour(number(r, at, (int)bytes), r->mask[c]);
    }
    return 0;
}

static int work(struct reader *r)
{
    size_t header = 0;
    if (read_header(r, &header))
        return -1;
    r->pixels->width = (int)r->width;
    r->pixels->height = (int)r->height;
    r->pixels->depth = 8;
    if (r->bits <= 8 ? read_palette(r, header) : read_masks(r))
        return -1;
    size_t stride = ((size_t)r->width * r->bits + 31) / 32 * 4;
    bool plain = r->coding != RUNS8 && r->coding != RUNS4;
    if (r->samples < FILE_HEADER + header)
        return damaged(r, "its samples begin within the header");
    if (r->samples > r->size || (plain && (r->size - r->samples) / stride < (size_t)r->height))
        return truncated(r);
    return r->bits <= 8 ? read_indices(r) : read_colours(r);
}

static bool bmp_sniff(const unsigned char *data, size_t size)
{
    return size >= 2 && data[0] == 'B' && data[1] == 'M';
}

static int bmp_decode(struct thaw_pixels *pixels, const unsigned char *data, size_t size,
                      const struct thaw_decode_hint *hint, const char *name, struct thaw_error *err)
{
    (void)hint;
    struct reader r = {.data = data, .size = size, .name = name, .err = err, .pixels = pixels};
    memset(pixels, 0, sizeof *pixels);
    int rc = work(&r);
    if (rc)
        thaw_pixels_release(pixels);
    free(r.indices);
    return rc;
}

const struct thaw_codec thaw_codec_bmp = {
    .name = "BMP",
    .library = "own reader",
    .suffixes = ".bmp .dib",
    .sniff = bmp_sniff,
    .decode = bmp_decode,
};
