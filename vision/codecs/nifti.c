/* NIfTI-1 and NIfTI-2 volumes in one file (.nii, .nii.gz): one slice of them. Where the file states
 * how the volume lies in the patient (sform, else qform), slices are the axial ones nearest to its
 * axes, counted from the feet up, each with the patient's right on the left and the front on top,
 * as DICOM shows them; else they are the planes of the first two axes as they stand. Field offsets:
 * nifti1.h and nifti2.h of nifti.nimh.nih.gov. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "io/base/mem.h"
#include "vision/codec.h"
#include "vision/numbers.h"

enum { HEADER1 = 348, HEADER2 = 540, CHUNK = 1 << 16, DEFLATE_RATIO = 1032 };
enum { RGB24 = 128, RGBA32 = 2304 };

/* Bytes of the file, unpacked as they are read. */
struct stream {
    bool packed, ended;
    z_stream z;
    const unsigned char *data;
    size_t size, at;
};

struct reader {
    struct stream in;
    const char *name;
    struct thaw_error *err;
    struct thaw_pixels *pixels;
    unsigned char header[HEADER2];
    bool second, swap;
    long dim[3], volumes;
    int type;
    struct thaw_number number;
    size_t voxel; /* bytes */
    double slope, offset;
    int axis[3];  /* of the volume: the one that makes columns, rows, slices of the picture */
    bool flip[3]; /* that axis runs against them */
};

/* --- the stream --- */

static int stream_begin(struct stream *s, const unsigned char *data, size_t size)
{
    *s = (struct stream){.data = data,
                         .size = size,
                         .packed = size >= 3 && data[0] == 0x1f && data[1] == 0x8b && data[2] == 8};
    enum { GZIP = 16 };
    if (s->packed && inflateInit2(&s->z, MAX_WBITS + GZIP) != Z_OK)
        return -1;
    return 0;
}

static void stream_end(struct stream *s)
{
    if (s->packed)
        inflateEnd(&s->z);
}

/* The next bytes into out, as many as there are up to n; SIZE_MAX when they are damaged. */
static size_t stream_read(struct stream *s, unsigned char *out, size_t n)
{
    size_t done = 0;
    if (!s->packed) {
        done = s->size - s->at < n ? s->size - s->at : n;
        memcpy(out, s->data + s->at, done);
        s->at += done;
        return done;
    }
    while (done < n) {
        if (s->ended && s->at == s->size)
            return done;
        if (s->ended && inflateReset(&s->z) != Z_OK) /* another member of the file follows */
            return SIZE_MAX;
        size_t left = s->size - s->at, room = n - done;
        s->z.next_in = (z_const Bytef *)(uintptr_t)(s->data + s->at);
        s->z.avail_in = (uInt)(left < CHUNK ? left : CHUNK);
        s->z.next_out = out + done;
        s->z.avail_out = (uInt)(room < CHUNK ? room : CHUNK);
        uInt had = s->z.avail_in, wanted = s->z.avail_out;
        int code = inflate(&s->z, Z_NO_FLUSH);
        s->at += had - s->z.avail_in;
        done += wanted - s->z.avail_out;
        s->ended = code == Z_STREAM_END;
        if (code == Z_BUF_ERROR && left == 0)
            return done;
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return SIZE_MAX;
    }
    return done;
}

static int read_whole(struct reader *r, unsigned char *out, size_t n)
{
    size_t got = stream_read(&r->in, out, n);
    if (got == n)
        return 0;
    return thaw_fail(r->err, THAW_EINPUT,
                     got == SIZE_MAX ? "%s: damaged NIfTI: its gzip stream is broken"
                                     : "%s: truncated NIfTI: its volume ends early",
                     r->name);
}

static int skip(struct reader *r, size_t n)
{
    unsigned char scratch[4096];
    if (!r->in.packed && n <= r->in.size - r->in.at) {
        r->in.at += n;
        return 0;
    }
    for (size_t step; n; n -= step) {
        step = n < sizeof scratch ? n : sizeof scratch;
        if (read_whole(r, scratch, step))
            return -1;
    }
    return 0;
}

/* --- header --- */

static bool has_magic(const unsigned char *header, size_t size)
{
    return (size >= HEADER1 &&
            (memcmp(header + 344, "n+1\0", 4) == 0 || memcmp(header + 344, "ni1\0", 4) == 0)) ||
           (size >= HEADER2 &&
            (memcmp(header + 4, "n+2\0", 4) == 0 || memcmp(header + 4, "ni2\0", 4) == 0));
}

static double field(const struct reader *r, size_t at, enum thaw_number_kind kind, int bytes)
{
    struct thaw_number type = {kind, bytes, r->swap};
    return thaw_number_at(&type, r->header + at);
}

/* A field that stands at one place in NIfTI-1 and at another, wider, in NIfTI-2. */
static double whole(const struct reader *r, size_t first, int first_bytes, size_t second,
                    int second_bytes)
{
    return field(r, r->second ? second : first, THAW_NUMBER_SIGNED,
                 r->second ? second_bytes : first_bytes);
}

static double real(const struct reader *r, size_t first, size_t second)
{
    return field(r, r->second ? second : first, THAW_NUMBER_REAL, r->second ? 8 : 4);
}

static int damaged(const struct reader *r, const char *what, double value)
{
    return thaw_fail(r->err, THAW_EINPUT, "%s: damaged NIfTI: %s %g", r->name, what, value);
}

static int read_type(struct reader *r)
{
    static const struct {
        int code;
        enum thaw_number_kind kind;
        int bytes;
    } types[] = {{2, THAW_NUMBER_UNSIGNED, 1},     {4, THAW_NUMBER_SIGNED, 2},
                 {8, THAW_NUMBER_SIGNED, 4},       {16, THAW_NUMBER_REAL, 4},
                 {64, THAW_NUMBER_REAL, 8},        {256, THAW_NUMBER_SIGNED, 1},
                 {512, THAW_NUMBER_UNSIGNED, 2},   {768, THAW_NUMBER_UNSIGNED, 4},
                 {1024, THAW_NUMBER_SIGNED, 8},    {1280, THAW_NUMBER_UNSIGNED, 8},
                 {RGB24, THAW_NUMBER_UNSIGNED, 1}, {RGBA32, THAW_NUMBER_UNSIGNED, 1}};
    r->type = (int)whole(r, 70, 2, 12, 2);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].code == r->type) {
            r->number = (struct thaw_number){types[i].kind, types[i].bytes, r->swap};
            r->voxel = (size_t)types[i].bytes * (r->type == RGB24 ? 3 : r->type == RGBA32 ? 4 : 1);
            return 0;
        }
    return thaw_fail(r->err, THAW_EINPUT,
                     "%s: NIfTI of data type %d; whole and real numbers of up to 64 bits and RGB "
                     "can be read",
                     r->name, r->type);
}

static int read_dims(struct reader *r)
{
    double rank = whole(r, 40, 2, 16, 8);
    if (!(rank >= 1 && rank <= 7))
        return damaged(r, "number of dimensions", rank);
    r->volumes = 1;
    for (size_t i = 0; i < 7; i++) {
        double n = (double)i < rank ? whole(r, 42 + 2 * i, 2, 24 + 8 * i, 8) : 1;
        if (!(n >= 1 && n <= 1 << 30) || (i >= 3 && n * (double)r->volumes > 1 << 30))
            return damaged(r, "a dimension of", n);
        if (i < 3)
            r->dim[i] = (long)n;
        else
            r->volumes *= (long)n;
    }
    return 0;
}

/* Where the axes of the volume point in the patient: to the right, the front, the head (columns are
 * the volume's axes). False where the file does not say. */
static bool read_placement(const struct reader *r, double to[3][3])
{
    if (whole(r, 254, 2, 348, 4) > 0) {
        for (size_t i = 0; i < 9; i++)
            to[i / 3][i % 3] =
                real(r, 280 + 16 * (i / 3) + 4 * (i % 3), 400 + 32 * (i / 3) + 8 * (i % 3));
        return true;
    }
    if (!(whole(r, 252, 2, 344, 4) > 0))
        return false;
    double b = real(r, 256, 352), c = real(r, 260, 360), d = real(r, 264, 368);
    double a = sqrt(fmax(0, 1 - b * b - c * c - d * d));
    double handed = real(r, 76, 104) < 0 ? -1 : 1;
    double turn[3][3] = {{a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)},
                         {2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)},
                         {2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c}};
    for (int i = 0; i < 3; i++) {
        turn[i][2] *= handed;
        memcpy(to[i], turn[i], sizeof turn[i]);
    }
    return true;
}

static void choose_axes(struct reader *r)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    double to[3][3], best = 0;
    for (int i = 0; i < 3; i++)
        r->axis[i] = i;
    if (!read_placement(r, to))
        return;
    for (int order = 0; order < 6; order++) {
        double sum = 0;
        for (int i = 0; i < 3; i++) {
            int axis = orders[order][i];
            sum += fabs(to[i][axis]) / hypot(hypot(to[0][axis], to[1][axis]), to[2][axis]);
        }
        if (!(sum > best)) /* also where the matrix is none */
            continue;
        best = sum;
        memcpy(r->axis, orders[order], sizeof r->axis);
    }
    for (int i = 0; best > 0 && i < 3; i++) {
        bool rises = to[i][r->axis[i]] > 0;
        r->flip[i] = i == 2 ? !rises : rises;
    }
}

static int read_header(struct reader *r)
{
    static const struct thaw_number length = {THAW_NUMBER_UNSIGNED, 4, false};
    if (read_whole(r, r->header, HEADER1))
        return -1;
    r->second = memcmp(r->header + 4, "n+2", 3) == 0 || memcmp(r->header + 4, "ni2", 3) == 0;
    if (r->second && read_whole(r, r->header + HEADER1, HEADER2 - HEADER1))
        return -1;
    double size = r->second ? HEADER2 : HEADER1;
    r->swap = thaw_number_at(&length, r->header) != size;
    if (field(r, 0, THAW_NUMBER_UNSIGNED, 4) != size)
        return damaged(r, "a header that calls its size", thaw_number_at(&length, r->header));
    if (memcmp(r->header + (r->second ? 4 : 344), "ni", 2) == 0)
        return thaw_fail(r->err, THAW_EINPUT,
                         "%s: is the header of a NIfTI pair (.hdr and .img); volumes in one file "
                         "(.nii) can be read",
                         r->name);
    double begin = r->second ? field(r, 168, THAW_NUMBER_SIGNED, 8) : real(r, 108, 108);
    if (!(begin >= size && begin <= THAW_MAX_FILE))
        return damaged(r, "samples that begin at byte", begin);
    if (read_type(r) || read_dims(r) || skip(r, (size_t)(begin - size)))
        return -1;
    r->slope = real(r, 112, 176);
    r->offset = real(r, 116, 184);
    if (r->slope == 0 || !isfinite(r->slope) || !isfinite(r->offset)) {
        r->slope = 1;
        r->offset = 0;
    }
    choose_axes(r);
    return 0;
}

/* --- one slice --- */

/* Walks through the volume's rows and lays those voxels that are in the slice into raw[H,W]. */
static int gather(struct reader *r, long slice, unsigned char *raw, unsigned char *row)
{
    int across = r->axis[0], down = r->axis[1], through = r->axis[2];
    size_t bytes = (size_t)r->dim[0] * r->voxel;
    long at[3];
    for (at[2] = 0; at[2] < r->dim[2]; at[2]++)
        for (at[1] = 0; at[1] < r->dim[1]; at[1]++) {
            if (through != 0 && at[through] != slice) {
                if (skip(r, bytes))
                    return -1;
                continue;
            }
            if (read_whole(r, row, bytes))
                return -1;
            long first = through == 0 ? slice : 0, end = through == 0 ? slice + 1 : r->dim[0];
            for (at[0] = first; at[0] < end; at[0]++) {
                long x = r->flip[0] ? r->dim[across] - 1 - at[across] : at[across];
                long y = r->flip[1] ? r->dim[down] - 1 - at[down] : at[down];
                memcpy(raw + (size_t)(y * r->dim[across] + x) * r->voxel,
                       row + (size_t)at[0] * r->voxel, r->voxel);
            }
        }
    return 0;
}

static int convert(struct reader *r, const unsigned char *raw)
{
    struct thaw_pixels *p = r->pixels;
    size_t n = (size_t)p->width * (size_t)p->height;
    bool colour = r->type == RGB24 || r->type == RGBA32,
         real_values = r->slope != 1 || r->offset != 0;
    bool plain =
        colour || (r->number.kind == THAW_NUMBER_UNSIGNED && r->number.bytes <= 2 && !real_values);
    p->channels = colour ? 3 : 1;
    p->depth = plain ? 8 * r->number.bytes : 32;
    if (!(p->data = thaw_new(n, (size_t)p->channels * (size_t)p->depth / 8, r->err)))
        return -1;
    if (colour)
        for (size_t i = 0; i < n; i++)
            memcpy((uint8_t *)p->data + 3 * i, raw + i * r->voxel, 3);
    else if (p->depth == 8)
        memcpy(p->data, raw, n);
    else if (p->depth == 16)
        thaw_numbers_to_u16(&r->number, raw, n, p->data);
    else
        thaw_numbers_to_float(&r->number, raw, n, r->slope, r->offset, p->data);
    if (p->depth == 32)
        thaw_numbers_fill_gaps(p);
    double lo = real(r, 128, 200), hi = real(r, 124, 192);
    if (!colour && hi > lo && isfinite(hi - lo)) {
        p->window[0] = (float)lo;
        p->window[1] = (float)hi;
    }
    return 0;
}

/* All that was declared must be there, though one slice is wanted: a file cut short is no good. */
static int check_volume(const struct reader *r, size_t *volume)
{
    size_t all, left = r->in.size - r->in.at;
    if (!thaw_count((long[]){r->dim[0], r->dim[1], r->dim[2], (long)r->voxel}, 4, volume) ||
        !thaw_mul(*volume, (size_t)r->volumes, &all))
        all = SIZE_MAX;
    if (r->in.packed ? all / DEFLATE_RATIO > r->in.size : all > left)
        return thaw_fail(r->err, THAW_EINPUT,
                         "%s: truncated NIfTI: %ld x %ld x %ld x %ld voxels declared, which cannot "
                         "stand in this file of %zu bytes",
                         r->name, r->dim[0], r->dim[1], r->dim[2], r->volumes, r->in.size);
    return 0;
}

static int work(struct reader *r, const struct thaw_decode_hint *hint)
{
    size_t volume;
    if (read_header(r))
        return -1;
    long width = r->dim[r->axis[0]], height = r->dim[r->axis[1]], slices = r->dim[r->axis[2]];
    if (thaw_codec_check_size(width, height, 0, r->in.size, r->name, r->err) ||
        check_volume(r, &volume))
        return -1;
    /* Further volumes repeat the first one at other times: its middle is the middle. */
    long chosen = thaw_codec_choose(hint, hint->frame ? slices * r->volumes : slices, "slices",
                                    r->name, r->err);
    if (chosen < 0)
        return -1;
    long slice = r->flip[2] ? slices - 1 - chosen % slices : chosen % slices;
    size_t before = (size_t)(chosen / slices) * volume;
    size_t behind = ((size_t)r->volumes - 1) * volume - before;
    r->pixels->width = (int)width;
    r->pixels->height = (int)height;
    unsigned char *raw = thaw_new((size_t)width * (size_t)height, r->voxel, r->err);
    unsigned char *row = thaw_new((size_t)r->dim[0], r->voxel, r->err);
    r->pixels->work = ((size_t)width * (size_t)height + (size_t)r->dim[0]) * r->voxel;
    int rc = raw && row && skip(r, before) == 0 && gather(r, slice, raw, row) == 0 &&
                     skip(r, behind) == 0 && convert(r, raw) == 0
                 ? 0
                 : -1;
    free(raw);
    free(row);
    return rc;
}

static bool nifti_sniff(const unsigned char *data, size_t size)
{
    struct stream s;
    unsigned char header[HEADER2];
    if (size < 3 || data[0] != 0x1f || data[1] != 0x8b || data[2] != 8)
        return has_magic(data, size);
    if (stream_begin(&s, data, size))
        return false;
    size_t got = stream_read(&s, header, sizeof header);
    stream_end(&s);
    return got != SIZE_MAX && has_magic(header, got);
}

static int nifti_decode(struct thaw_pixels *pixels, const unsigned char *data, size_t size,
                        const struct thaw_decode_hint *hint, const char *name,
                        struct thaw_error *err)
{
    struct reader r = {.name = name, .err = err, .pixels = pixels};
    memset(pixels, 0, sizeof *pixels);
    if (stream_begin(&r.in, data, size))
        return thaw_fail(err, THAW_EMEMORY, "%s: out of memory for zlib", name);
    int rc = work(&r, hint);
    if (rc)
        thaw_pixels_release(pixels);
    stream_end(&r.in);
    return rc;
}

const struct thaw_codec thaw_codec_nifti = {
    .name = "NIfTI",
    .library = "zlib " ZLIB_VERSION,
    .suffixes = ".nii .nii.gz",
    .sniff = nifti_sniff,
    .decode = nifti_decode,
};
