/* PNG through libpng. Samples as stored: gamma and colour profiles are left alone, alpha is
 * dropped. */
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "io/base/mem.h"
#include "vision/codec.h"
#include "vision/exif.h"

enum { SIGNATURE_BYTES = 8 };
/* Deflate codes at most 258 bytes in two bits. */
enum { DEFLATE_RATIO = 1032 };

struct reader {
    png_structp png;
    png_infop info;
    jmp_buf jump;
    const unsigned char *data;
    size_t size, at;
    const char *name;
    struct thaw_error *err;
    struct thaw_pixels *pixels;
    png_bytep indices; /* [H,W] of a palette picture */
};

static _Noreturn void on_error(png_structp png, png_const_charp text)
{
    struct reader *r = png_get_error_ptr(png);
    thaw_fail(r->err, THAW_EINPUT, "%s: damaged PNG: %s", r->name, text);
    longjmp(r->jump, 1);
}

/* About profiles, texts and the like; what matters for the samples is an error. */
static void on_warning(png_structp png, png_const_charp text)
{
    (void)png, (void)text;
}

static void on_read(png_structp png, png_bytep out, size_t n)
{
    struct reader *r = png_get_io_ptr(png);
    if (n > r->size - r->at) {
        thaw_fail(r->err, THAW_EINPUT, "%s: truncated PNG: it ends after %zu bytes", r->name,
                  r->size);
        longjmp(r->jump, 1);
    }
    memcpy(out, r->data + r->at, n);
    r->at += n;
}

/* The limits are ours, and said in our words. Chunks of text and colour need not be unpacked at
 * all. */
static void set_up(struct reader *r)
{
    static const png_byte unused[] = "iCCP\0tEXt\0zTXt\0iTXt\0sPLT\0hIST";
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, unused, sizeof unused / 5);
    png_set_read_fn(r->png, r, on_read);
}

/* After this a row is width x channels samples of 8 bits, or 16 bits in the machine's order; of a
 * palette picture, width indices. */
static void set_transforms(struct reader *r, int bits, int colour)
{
    if (colour == PNG_COLOR_TYPE_PALETTE)
        png_set_packing(r->png);
    else if (bits < 8)
        png_set_expand_gray_1_2_4_to_8(r->png);
    png_set_strip_alpha(r->png);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (bits == 16)
        png_set_swap(r->png);
#endif
    r->pixels->channels = colour & PNG_COLOR_MASK_COLOR ? 3 : 1;
    r->pixels->depth = bits == 16 ? 16 : 8;
}

static int read_rows(struct reader *r, png_bytep out, size_t stride)
{
    int passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    if (png_get_rowbytes(r->png, r->info) != stride)
        return thaw_fail(r->err, THAW_EINPUT, "%s: damaged PNG: rows of %zu bytes, wanted %zu",
                         r->name, png_get_rowbytes(r->png, r->info), stride);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < r->pixels->height; y++)
            png_read_row(r->png, out + (size_t)y * stride, NULL);
    png_read_end(r->png, r->info);
    return 0;
}

/* The library would take an index beyond the palette as black; here it is an error. */
static int look_up(struct reader *r)
{
    png_colorp palette = NULL;
    int colours = 0;
    png_get_PLTE(r->png, r->info, &palette, &colours);
    size_t n = (size_t)r->pixels->width * (size_t)r->pixels->height;
    png_bytep out = r->pixels->data;
    for (size_t i = 0; i < n; i++, out += 3) {
        if (r->indices[i] >= colours)
            return thaw_fail(r->err, THAW_EINPUT,
                             "%s: damaged PNG: colour %d used, the palette has %d colours", r->name,
                             r->indices[i], colours);
        const png_color *colour = &palette[r->indices[i]];
        out[0] = colour->red;
        out[1] = colour->green;
        out[2] = colour->blue;
    }
    return 0;
}

static int read_samples(struct reader *r, bool by_palette)
{
    struct thaw_pixels *p = r->pixels;
    size_t stride = (size_t)p->width * (size_t)p->channels * (size_t)p->depth / 8;
    if (!(p->data = thaw_new((size_t)p->height, stride, r->err)))
        return -1;
    if (!by_palette)
        return read_rows(r, p->data, stride);
    if (!(r->indices = thaw_new((size_t)p->height, (size_t)p->width, r->err)) ||
        read_rows(r, r->indices, (size_t)p->width))
        return -1;
    p->work = (size_t)p->width * (size_t)p->height;
    return look_up(r);
}

static int orientation(struct reader *r)
{
    png_bytep record = NULL;
    png_uint_32 size = 0;
    if (!png_get_eXIf_1(r->png, r->info, &size, &record))
        return 1;
    return thaw_exif_orientation(record, size);
}

static int work(struct reader *r)
{
    png_uint_32 width, height;
    int bits, colour;
    set_up(r);
    png_read_info(r->png, r->info);
    png_get_IHDR(r->png, r->info, &width, &height, &bits, &colour, NULL, NULL, NULL);
    size_t row_bits = (size_t)width * (size_t)bits * png_get_channels(r->png, r->info), all;
    if (!thaw_mul(row_bits, height, &all))
        all = SIZE_MAX;
    /* Sizes too large are to be called that, not truncated. */
    bool sane = width <= THAW_MAX_SIDE && height <= THAW_MAX_SIDE;
    if (thaw_codec_check_size((long)width, (long)height, sane ? all / 8 / DEFLATE_RATIO : 0,
                              r->size, r->name, r->err))
        return -1;
    set_transforms(r, bits, colour);
    r->pixels->width = (int)width;
    r->pixels->height = (int)height;
    if (read_samples(r, colour == PNG_COLOR_TYPE_PALETTE))
        return -1;
    return thaw_exif_apply(r->pixels, orientation(r), r->err);
}

/* setjmp stands in a function of its own: what changes afterwards lives in *r, not in its locals.
 */
static int guarded(struct reader *r)
{
    if (setjmp(r->jump))
        return -1;
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, on_error, on_warning);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    if (!r->info)
        return thaw_fail(r->err, THAW_EMEMORY, "%s: out of memory for libpng", r->name);
    return work(r);
}

static bool png_sniff(const unsigned char *data, size_t size)
{
    return size >= SIGNATURE_BYTES && png_sig_cmp(data, 0, SIGNATURE_BYTES) == 0;
}

static int png_decode(struct thaw_pixels *pixels, const unsigned char *data, size_t size,
                      const struct thaw_decode_hint *hint, const char *name, struct thaw_error *err)
{
    (void)hint; /* nothing to save: every row has to be unpacked */
    struct reader r = {.data = data, .size = size, .name = name, .err = err, .pixels = pixels};
    memset(pixels, 0, sizeof *pixels);
    int rc = guarded(&r);
    if (rc)
        thaw_pixels_release(pixels);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    free(r.indices);
    return rc;
}

const struct thaw_codec thaw_codec_png = {
    .name = "PNG",
    .library = "libpng " PNG_LIBPNG_VER_STRING,
    .suffixes = ".png",
    .sniff = png_sniff,
    .decode = png_decode,
};
