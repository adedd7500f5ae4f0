/* JPEG through libjpeg-turbo. The settings are the library's own (slow integer DCT, fancy
 * upsampling), which are also Pillow's: the samples agree bit for bit. */
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "io/base/mem.h"
#include "vision/codec.h"
#include "vision/exif.h"

/* A progressive file may repeat scans without end, each a walk over the whole picture. */
enum { MAX_SCANS = 500 };

struct reader {
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct jpeg;
    jmp_buf jump;
    const unsigned char *data;
    size_t size;
    const struct thaw_decode_hint *hint;
    const char *name;
    struct thaw_error *err;
    struct thaw_pixels *pixels;
    uint8_t *line; /* of CMYK */
};

static _Noreturn void give_up(struct reader *r, const char *what)
{
    char text[JMSG_LENGTH_MAX];
    r->errors.format_message((j_common_ptr)&r->jpeg, text);
    thaw_fail(r->err, THAW_EINPUT, "%s: %s JPEG: %s", r->name, what, text);
    longjmp(r->jump, 1);
}

static void on_error(j_common_ptr common)
{
    struct reader *r = common->client_data;
    switch (r->errors.msg_code) {
    case JERR_INPUT_EOF:
    case JERR_INPUT_EMPTY:
    case JERR_NO_IMAGE:
        give_up(r, "truncated");
    case JERR_OUT_OF_MEMORY:
        give_up(r, "too large a");
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_ARITH_NOTIMPL:
        give_up(r, "unsupported");
    default:
        give_up(r, "damaged");
    }
}

/* The library goes on after corrupt data and fills with grey; a scan like that must not be learnt
 * from. */
static void on_message(j_common_ptr common, int level)
{
    struct reader *r = common->client_data;
    int code = r->errors.msg_code;
    if (level >= 0 || code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM)
        return;
    give_up(r, code == JWRN_JPEG_EOF ? "truncated" : "damaged");
}

static void on_progress(j_common_ptr common)
{
    struct reader *r = common->client_data;
    if (r->jpeg.input_scan_number <= MAX_SCANS)
        return;
    thaw_fail(r->err, THAW_EINPUT, "%s: more than %d scans in a JPEG; no real file has them",
              r->name, MAX_SCANS);
    longjmp(r->jump, 1);
}

static int orientation(const struct reader *r)
{
    for (jpeg_saved_marker_ptr m = r->jpeg.marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && m->data_length > 6 && memcmp(m->data, "Exif\0", 6) == 0)
            return thaw_exif_orientation(m->data, m->data_length);
    return 1;
}

/* Fewest bytes that can hold the declared picture: Huffman codes have at least one bit, and each
 * block has one for its mean and, when it comes in one piece, one for the end of the rest. */
static size_t fewest_bytes(const struct jpeg_decompress_struct *jpeg)
{
    size_t blocks = 0;
    for (int i = 0; i < jpeg->num_components; i++)
        blocks += (size_t)jpeg->comp_info[i].width_in_blocks * jpeg->comp_info[i].height_in_blocks;
    return jpeg->arith_code ? 0 : blocks * (jpeg->progressive_mode ? 1 : 2) / 8;
}

/* The strongest reduction that keeps what the hint asks for. Powers of two: those are exact inverse
 * transforms of the low frequencies. */
static unsigned reduction(const struct reader *r, bool turned)
{
    int want_width = turned ? r->hint->min_height : r->hint->min_width;
    int want_height = turned ? r->hint->min_width : r->hint->min_height;
    unsigned by = 8;
    if (want_width < 1 || want_height < 1)
        return 1;
    while (by > 1 && ((r->jpeg.image_width + by - 1) / by < (unsigned)want_width ||
                      (r->jpeg.image_height + by - 1) / by < (unsigned)want_height))
        by /= 2;
    return by;
}

static int choose_colours(struct reader *r)
{
    switch (r->jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE:
        r->jpeg.out_color_space = JCS_GRAYSCALE;
        r->pixels->channels = 1;
        return 0;
    case JCS_YCbCr:
    case JCS_RGB:
        r->jpeg.out_color_space = JCS_RGB;
        r->pixels->channels = 3;
        return 0;
    case JCS_CMYK:
    case JCS_YCCK:
        r->jpeg.out_color_space = JCS_CMYK;
        r->pixels->channels = 3;
        return 0;
    default:
        return thaw_fail(r->err, THAW_EINPUT,
                         "%s: JPEG with %d components of unknown colours; grey, YCbCr, RGB, CMYK "
                         "and YCCK can be read",
                         r->name, r->jpeg.num_components);
    }
}

/* a * b / 255, rounded */
static unsigned product(unsigned a, unsigned b)
{
    unsigned t = a * b + 128;
    return (t + (t >> 8)) >> 8;
}

/* Files with four inks hold them inverted (255 = no ink), as Adobe began and every writer followed;
 * Pillow assumes it too, with or without Adobe's marker. */
static void cmyk_to_rgb(const uint8_t *line, size_t width, uint8_t *out)
{
    for (size_t x = 0; x < width; x++, line += 4, out += 3)
        for (int c = 0; c < 3; c++) {
            unsigned ink = 255u - line[c], light = line[3];
            out[c] = (uint8_t)(light - product(ink, light));
        }
}

static int read_lines(struct reader *r)
{
    struct thaw_pixels *p = r->pixels;
    size_t stride = (size_t)p->width * (size_t)p->channels;
    if (!(p->data = thaw_new((size_t)p->height, stride, r->err)))
        return -1;
    bool cmyk = r->jpeg.out_color_space == JCS_CMYK;
    if (cmyk && !(r->line = thaw_new((size_t)p->width, 4, r->err)))
        return -1;
    uint8_t *out = p->data;
    while (r->jpeg.output_scanline < r->jpeg.output_height) {
        JSAMPROW row = cmyk ? r->line : out;
        if (jpeg_read_scanlines(&r->jpeg, &row, 1) != 1)
            return thaw_fail(r->err, THAW_EINPUT, "%s: truncated JPEG", r->name);
        if (cmyk)
            cmyk_to_rgb(r->line, (size_t)p->width, out);
        out += stride;
    }
    jpeg_finish_decompress(&r->jpeg);
    return 0;
}

/* A file in several scans is held as a whole before the first line comes out. */
static size_t coefficient_bytes(struct jpeg_decompress_struct *jpeg)
{
    size_t blocks = 0;
    if (!jpeg_has_multiple_scans(jpeg))
        return 0;
    for (int c = 0; c < jpeg->num_components; c++)
        blocks += (size_t)jpeg->comp_info[c].width_in_blocks *
                  (size_t)jpeg->comp_info[c].height_in_blocks;
    return blocks * sizeof(JBLOCK);
}

static int work(struct reader *r)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &r->progress;
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_mem_src(jpeg, r->data, r->size);
    jpeg_read_header(jpeg, TRUE);
    if (thaw_codec_check_size((long)jpeg->image_width, (long)jpeg->image_height, fewest_bytes(jpeg),
                              r->size, r->name, r->err) ||
        choose_colours(r))
        return -1;
    int turn = orientation(r);
    jpeg->scale_num = 1;
    jpeg->scale_denom = reduction(r, turn >= 5);
    jpeg_start_decompress(jpeg);
    r->pixels->work = coefficient_bytes(jpeg);
    r->pixels->width = (int)jpeg->output_width;
    r->pixels->height = (int)jpeg->output_height;
    r->pixels->depth = 8;
    return read_lines(r) ? -1 : thaw_exif_apply(r->pixels, turn, r->err);
}

/* setjmp stands in a function of its own: what changes afterwards lives in *r, not in its locals.
 */
static int guarded(struct reader *r)
{
    if (setjmp(r->jump))
        return -1;
    return work(r);
}

static bool jpeg_sniff(const unsigned char *data, size_t size)
{
    return size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff;
}

static int jpeg_decode(struct thaw_pixels *pixels, const unsigned char *data, size_t size,
                       const struct thaw_decode_hint *hint, const char *name,
                       struct thaw_error *err)
{
    struct reader r = {
        .data = data, .size = size, .hint = hint, .name = name, .err = err, .pixels = pixels};
    memset(pixels, 0, sizeof *pixels);
    r.jpeg.err = jpeg_std_error(&r.errors);
    r.errors.error_exit = on_error;
    r.errors.emit_message = on_message;
    r.progress.progress_monitor = on_progress;
    r.jpeg.client_data = &r;
    int rc = guarded(&r);
    if (rc)
        thaw_pixels_release(pixels);
    jpeg_destroy_decompress(&r.jpeg);
    free(r.line);
    return rc;
}

const struct thaw_codec thaw_codec_jpeg = {
    .name = "JPEG",
    .library = "libjpeg-turbo " THAW_TEXT_OF(LIBJPEG_TURBO_VERSION),
    .suffixes = ".jpg .jpeg .jpe .jfif",
    .sniff = jpeg_sniff,
    .decode = jpeg_decode,
};
