/* TIFF through libtiff: 1 to 16 bits as they are, signed, 32-bit and float samples as floats;
 * strips and tiles, planes together or apart, palettes. Kinds of colour beyond grey, RGB and
 * palette (CMYK, CIELAB, subsampled YCbCr) are turned to 8-bit RGB by the library. Alpha is
 * dropped. */
#include <string.h>

#include "vision/codec.h"

static bool tiff_sniff(const unsigned char *data, size_t size)
{
    return size >= 4 && (memcmp(data, "II*\0", 4) == 0 || memcmp(data, "MM\0*", 4) == 0 ||
                         memcmp(data, "II+\0", 4) == 0 || memcmp(data, "MM\0+", 4) == 0);
}

#if THAW_WITH_TIFF
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <tiffio.h>

#include "io/base/mem.h"
#include "vision/exif.h"
#include "vision/numbers.h"

/* Deflate codes at most 258 bytes in two bits; the other compressions of strips and tiles know no
 * such bound, and their pictures are checked as they come. */
enum { DEFLATE_RATIO = 1032, MAX_PAGES = 65535, MAX_BLOCK = 1 << 30 };

struct reader {
    TIFF *tiff;
    const unsigned char *data;
    size_t size, at;
    const char *name;
    struct thaw_error *err;
    struct thaw_pixels *pixels;
    char complaint[256]; /* of the library, the first one; empty: none */
    uint32_t width, height;
    uint16_t bits, format, samples, photometric, planar, compression, orientation;
    int colours;             /* samples that are taken from each pixel */
    uint8_t *palette;        /* [2^bits, 3]; NULL: none */
    unsigned char *block;    /* one strip or tile, unpacked */
    struct thaw_number type; /* of a sample that becomes a float */
};

/* --- the library's view of memory --- */

static tmsize_t on_read(thandle_t handle, void *out, tmsize_t n)
{
    struct reader *r = handle;
    size_t left = r->at < r->size ? r->size - r->at : 0, take = (size_t)n < left ? (size_t)n : left;
    memcpy(out, r->data + (take ? r->at : 0), take);
    r->at += take;
    return (tmsize_t)take;
}

static tmsize_t on_write(thandle_t handle, void *data, tmsize_t n)
{
    (void)handle, (void)data, (void)n;
    return 0;
}

static toff_t on_seek(thandle_t handle, toff_t to, int from)
{
    struct reader *r = handle;
    r->at = from == SEEK_SET ? to : from == SEEK_CUR ? r->at + to : r->size + to;
    return r->at;
}

static int on_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t on_size(thandle_t handle)
{
    return ((struct reader *)handle)->size;
}

static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    struct reader *r = user;
    (void)tiff, (void)module;
    if (!r->complaint[0])
        vsnprintf(r->complaint, sizeof r->complaint, format, args);
    return 1;
}

/* Mostly about unknown tags. Only the unpackers warn of damage that they have filled with grey or
 * white; a scan like that must not be learnt from. */
static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    if (module && (strcmp(module, "JPEGLib") == 0 || strncmp(module, "Fax", 3) == 0))
        on_error(tiff, user, module, format, args);
    return 1;
}

static int fail(struct reader *r, const char *what)
{
    return thaw_fail(r->err, THAW_EINPUT, "%s: damaged or unsupported TIFF: %s%s%s", r->name, what,
                     r->complaint[0] ? ": " : "", r->complaint);
}

/* --- which page, and what it is --- */

/* Smaller versions and masks stand between the pages. */
static bool is_page(TIFF *tiff)
{
    uint32_t type = 0;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SUBFILETYPE, &type);
    return (type & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) == 0;
}

static int choose_page(struct reader *r, const struct thaw_decode_hint *hint)
{
    long pages = 0, all = 0;
    do {
        pages += is_page(r->tiff);
        all++;
    } while (all < MAX_PAGES && TIFFReadDirectory(r->tiff));
    if (r->complaint[0])
        return fail(r, "its list of pages");
    long want = thaw_codec_choose(hint, pages, "pages", r->name, r->err);
    if (want < 0)
        return -1;
    for (long i = 0; i < all; i++) {
        if (!TIFFSetDirectory(r->tiff, (tdir_t)i))
            return fail(r, "a page cannot be read");
        if ((pages == 0 || is_page(r->tiff)) && want-- == 0)
            return 0;
    }
    return fail(r, "no page");
}

static void read_tags(struct reader *r)
{
    TIFF *t = r->tiff;
    TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &r->width);
    TIFFGetField(t, TIFFTAG_IMAGELENGTH, &r->height);
    TIFFGetFieldDefaulted(t, TIFFTAG_BITSPERSAMPLE, &r->bits);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLEFORMAT, &r->format);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLESPERPIXEL, &r->samples);
    TIFFGetFieldDefaulted(t, TIFFTAG_PLANARCONFIG, &r->planar);
    TIFFGetFieldDefaulted(t, TIFFTAG_COMPRESSION, &r->compression);
    TIFFGetFieldDefaulted(t, TIFFTAG_ORIENTATION, &r->orientation);
    if (!TIFFGetField(t, TIFFTAG_PHOTOMETRIC, &r->photometric))
        r->photometric = r->samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
    if (r->photometric == PHOTOMETRIC_YCBCR && r->compression == COMPRESSION_JPEG) {
        TIFFSetField(t, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        r->photometric = PHOTOMETRIC_RGB;
    }
}

static int check_size(const struct reader *r)
{
    size_t pixels = (size_t)r->width * r->height, bits = (size_t)r->bits * r->samples, all;
    if (!thaw_mul(pixels, bits, &all))
        all = SIZE_MAX;
    size_t at_least = r->compression == COMPRESSION_NONE            ? all / 8
                      : r->compression == COMPRESSION_ADOBE_DEFLATE ? all / 8 / DEFLATE_RATIO
                                                                    : 0;
    /* Sizes too large are to be called that, not truncated. */
    if (r->width > THAW_MAX_SIDE || r->height > THAW_MAX_SIDE || pixels > THAW_MAX_PIXELS ||
        r->photometric == PHOTOMETRIC_YCBCR)
        at_least = 0;
    return thaw_codec_check_size((long)r->width, (long)r->height, at_least, r->size, r->name,
                                 r->err);
}

/* Channels and depth of the result. */
static int choose_kind(struct reader *r)
{
    static const char *const kinds[] = {
        [SAMPLEFORMAT_UINT] = "unsigned",      [SAMPLEFORMAT_INT] = "signed",
        [SAMPLEFORMAT_IEEEFP] = "float",       [SAMPLEFORMAT_VOID] = "untyped",
        [SAMPLEFORMAT_COMPLEXINT] = "complex", [SAMPLEFORMAT_COMPLEXIEEEFP] = "complex"};
    bool palette = r->photometric == PHOTOMETRIC_PALETTE;
    r->colours = r->photometric == PHOTOMETRIC_RGB ? 3 : 1;
    if (r->samples < r->colours || r->samples > r->colours + 1)
        return thaw_fail(r->err, THAW_EINPUT,
                         "%s: TIFF with %d samples a pixel; grey or RGB can be read, with one of "
                         "alpha at most",
                         r->name, r->samples);
    if (r->format == SAMPLEFORMAT_VOID)
        r->format = SAMPLEFORMAT_UINT;
    bool whole = r->bits == 8 || r->bits == 16 || r->bits == 32 || r->bits == 64;
    bool plain = r->format == SAMPLEFORMAT_UINT && r->bits >= 1 && r->bits <= 16;
    bool wide = whole && r->format <= SAMPLEFORMAT_IEEEFP &&
                !(r->format == SAMPLEFORMAT_IEEEFP && r->bits == 8);
    if (!(plain || wide) || (palette && !plain))
        return thaw_fail(r->err, THAW_EINPUT, "%s: TIFF with %s samples of %d bits%s", r->name,
                         r->format < sizeof kinds / sizeof *kinds && kinds[r->format]
                             ? kinds[r->format]
                             : "unknown",
                         r->bits, palette ? " and a palette" : "");
    r->type = (struct thaw_number){.kind = r->format == SAMPLEFORMAT_IEEEFP ? THAW_NUMBER_REAL
                                           : r->format == SAMPLEFORMAT_INT  ? THAW_NUMBER_SIGNED
                                                                            : THAW_NUMBER_UNSIGNED,
                                   .bytes = r->bits / 8};
    r->pixels->width = (int)r->width;
    r->pixels->height = (int)r->height;
    r->pixels->channels = palette ? 3 : r->colours;
    r->pixels->depth = !plain ? 32 : palette || r->bits <= 8 ? 8 : 16;
    r->pixels->inverted = r->photometric == PHOTOMETRIC_MINISWHITE;
    return 0;
}

/* --- samples --- */

/* An unsigned sample of any number of bits up to 16, the highest first. */
static unsigned bits_at(const unsigned char *row, size_t index, unsigned bits)
{
    size_t at = index * bits;
    unsigned value = 0;
    for (unsigned left = bits; left;) {
        unsigned room = 8 - (unsigned)(at % 8), take = left < room ? left : room;
        unsigned byte = row[at / 8];
        value = value << take | (byte >> (room - take) & ((1u << take) - 1));
        left -= take;
        at += take;
    }
    return value;
}

static unsigned unsigned_at(const struct reader *r, const unsigned char *row, size_t index)
{
    uint16_t wide;
    if (r->bits == 8)
        return row[index];
    if (r->bits != 16)
        return bits_at(row, index, r->bits);
    memcpy(&wide, row + 2 * index, sizeof wide); /* the library has put the bytes right */
    return wide;
}

/* Palettes have 16 bits; some writers fill only the lower eight. */
static int read_palette(struct reader *r)
{
    size_t n = (size_t)1 << r->bits;
    uint16_t *map[3];
    int shift = 0;
    if (!TIFFGetField(r->tiff, TIFFTAG_COLORMAP, &map[0], &map[1], &map[2]))
        return fail(r, "a palette picture without its palette");
    if (!(r->palette = thaw_new(n, 3, r->err)))
        return -1;
    for (size_t i = 0; i < 3 * n; i++)
        if (map[i % 3][i / 3] > UINT8_MAX)
            shift = 8;
    for (size_t i = 0; i < 3 * n; i++)
        r->palette[i] = (uint8_t)(map[i % 3][i / 3] >> shift);
    return 0;
}

/* Puts `n` pixels of an unpacked row, from its colour `plane` on, at pixel `to` of the result. */
static void put_row(const struct reader *r, const unsigned char *row, int plane, size_t n,
                    size_t to)
{
    struct thaw_pixels *p = r->pixels;
    bool together = r->planar == PLANARCONFIG_CONTIG;
    size_t step = together ? r->samples : 1, colours = together ? (size_t)r->colours : 1;
    unsigned top = r->bits < 16 ? (1u << r->bits) - 1 : UINT16_MAX;
    for (size_t i = 0; i < n * colours; i++) {
        size_t x = i / colours, c = i % colours, from = x * step + c;
        size_t at = (to + x) * (size_t)p->channels + (size_t)plane + c;
        if (p->depth == 32) {
            thaw_numbers_to_float(&r->type, row + from * (size_t)r->type.bytes, 1, 1, 0,
                                  (float *)p->data + at);
            continue;
        }
        unsigned value = unsigned_at(r, row, from);
        if (r->palette)
            memcpy((uint8_t *)p->data + at, r->palette + 3 * (size_t)value, 3);
        else if (p->depth == 16)
            ((uint16_t *)p->data)[at] = (uint16_t)value;
        else
            ((uint8_t *)p->data)[at] = (uint8_t)(value * 255 / top);
    }
}

/* Where strips or tiles stand. */
struct grid {
    uint32_t width, height; /* of a block */
    uint32_t across, down;
    tmsize_t size, stride; /* bytes of a block, of its row */
    bool tiled;
};

static int read_grid(struct reader *r, struct grid *g)
{
    g->tiled = TIFFIsTiled(r->tiff);
    g->width = r->width;
    g->height = r->height;
    if (g->tiled) {
        TIFFGetField(r->tiff, TIFFTAG_TILEWIDTH, &g->width);
        TIFFGetField(r->tiff, TIFFTAG_TILELENGTH, &g->height);
    } else {
        TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ROWSPERSTRIP, &g->height);
        g->height = g->height < r->height ? g->height : r->height;
    }
    g->size = g->tiled ? TIFFTileSize(r->tiff) : TIFFStripSize(r->tiff);
    g->stride = g->tiled ? TIFFTileRowSize(r->tiff) : TIFFScanlineSize(r->tiff);
    size_t row_bits =
        (size_t)g->width * r->bits * (r->planar == PLANARCONFIG_CONTIG ? r->samples : 1);
    if (g->width == 0 || g->height == 0 || g->size <= 0 || g->size > MAX_BLOCK || g->stride <= 0 ||
        (size_t)g->stride < (row_bits + 7) / 8 || g->size / g->stride < (tmsize_t)g->height)
        return fail(r, "strips or tiles of an impossible size");
    g->across = (r->width - 1) / g->width + 1;
    g->down = (r->height - 1) / g->height + 1;
    return 0;
}

/* The largest of the strips or tiles as it stands in the file: the library reads each whole. */
static size_t largest_packed(struct reader *r)
{
    size_t most = 0;
    uint32_t n = TIFFIsTiled(r->tiff) ? TIFFNumberOfTiles(r->tiff) : TIFFNumberOfStrips(r->tiff);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bytes = TIFFGetStrileByteCount(r->tiff, i);
        if (bytes > most && bytes <= r->size)
            most = (size_t)bytes;
    }
    return most;
}

static int read_block(struct reader *r, const struct grid *g, int plane, uint32_t x, uint32_t y)
{
    uint32_t index = ((uint32_t)plane * g->down + y) * g->across + x;
    uint32_t left = x * g->width, top = y * g->height;
    size_t wide = g->width < r->width - left ? g->width : r->width - left;
    uint32_t high = g->height < r->height - top ? g->height : r->height - top;
    tmsize_t want = g->tiled ? g->size : (tmsize_t)high * g->stride;
    tmsize_t got = g->tiled ? TIFFReadEncodedTile(r->tiff, index, r->block, want)
                            : TIFFReadEncodedStrip(r->tiff, index, r->block, want);
    if (got < want || r->complaint[0])
        return fail(r, "its samples cannot be read whole");
    for (uint32_t i = 0; i < high; i++)
        put_row(r, r->block + (size_t)i * (size_t)g->stride, plane, wide,
                (size_t)(top + i) * r->width + left);
    return 0;
}

static int read_samples(struct reader *r)
{
    struct grid g;
    struct thaw_pixels *p = r->pixels;
    size_t pixel = (size_t)p->channels * (size_t)p->depth / 8;
    if ((r->photometric == PHOTOMETRIC_PALETTE && read_palette(r)) || read_grid(r, &g) ||
        !(r->block = thaw_new((size_t)g.size, 1, r->err)) ||
        !(p->data = thaw_new((size_t)r->width * r->height, pixel, r->err)))
        return -1;
    p->work = (size_t)g.size + largest_packed(r);
    int planes = r->planar == PLANARCONFIG_CONTIG ? 1 : r->colours;
    for (int plane = 0; plane < planes; plane++)
        for (uint32_t y = 0; y < g.down; y++)
            for (uint32_t x = 0; x < g.across; x++)
                if (read_block(r, &g, plane, x, y))
                    return -1;
    if (p->depth == 32)
        thaw_numbers_fill_gaps(p);
    return 0;
}

/* Colours that only the library knows how to turn to RGB. */
static int read_converted(struct reader *r)
{
    char why[1024] = "";
    struct thaw_pixels *p = r->pixels;
    size_t n = (size_t)r->width * r->height;
    int rc = -1;
    if (!TIFFRGBAImageOK(r->tiff, why))
        return fail(r, why);
    TIFFSetField(r->tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT); /* turned by us */
    uint32_t *raster = thaw_new(n, sizeof *raster, r->err);
    *p = (struct thaw_pixels){
        .width = (int)r->width, .height = (int)r->height, .channels = 3, .depth = 8};
    if (!raster || !(p->data = thaw_new(n, 3, r->err)))
        goto done;
    if (!TIFFReadRGBAImageOriented(r->tiff, r->width, r->height, raster, ORIENTATION_TOPLEFT, 1) ||
        r->complaint[0]) {
        fail(r, "its samples cannot be read whole");
        goto done;
    }
    tmsize_t block = TIFFIsTiled(r->tiff) ? TIFFTileSize(r->tiff) : TIFFStripSize(r->tiff);
    p->work = n * sizeof *raster + (size_t)block + largest_packed(r);
    uint8_t *out = p->data;
    for (size_t i = 0; i < n; i++, out += 3) {
        out[0] = (uint8_t)TIFFGetR(raster[i]);
        out[1] = (uint8_t)TIFFGetG(raster[i]);
        out[2] = (uint8_t)TIFFGetB(raster[i]);
    }
    rc = 0;
done:
    free(raster);
    return rc;
}

static int read_page(struct reader *r, const struct thaw_decode_hint *hint)
{
    if (choose_page(r, hint))
        return -1;
    read_tags(r);
    if (check_size(r))
        return -1;
    bool known = r->photometric <= PHOTOMETRIC_PALETTE;
    if (known ? choose_kind(r) || read_samples(r) : read_converted(r))
        return -1;
    return thaw_exif_apply(r->pixels, r->orientation, r->err);
}

static int tiff_decode(struct thaw_pixels *pixels, const unsigned char *data, size_t size,
                       const struct thaw_decode_hint *hint, const char *name,
                       struct thaw_error *err)
{
    struct reader r = {.data = data, .size = size, .name = name, .err = err, .pixels = pixels};
    memset(pixels, 0, sizeof *pixels);
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return thaw_fail(err, THAW_EMEMORY, "%s: out of memory for libtiff", name);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, MAX_BLOCK);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, &r);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, &r);
    r.tiff = TIFFClientOpenExt(name, "rm", &r, on_read, on_write, on_seek, on_close, on_size, NULL,
                               NULL, options);
    TIFFOpenOptionsFree(options);
    int rc = r.tiff ? read_page(&r, hint) : fail(&r, "it cannot be opened");
    if (rc)
        thaw_pixels_release(pixels);
    if (r.tiff)
        TIFFClose(r.tiff);
    free(r.block);
    free(r.palette);
    return rc;
}
#else
#define tiff_decode NULL
#endif

const struct thaw_codec thaw_codec_tiff = {
    .name = "TIFF",
#if THAW_WITH_TIFF
    .library = "libtiff " THAW_TEXT_OF(TIFFLIB_MAJOR_VERSION) "." THAW_TEXT_OF(
        TIFFLIB_MINOR_VERSION) "." THAW_TEXT_OF(TIFFLIB_MICRO_VERSION),
#endif
    .package = "libtiff-dev",
    .suffixes = ".tif .tiff",
    .sniff = tiff_sniff,
    .decode = tiff_decode,
};
