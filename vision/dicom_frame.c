/* A frame as its reader fills it in: what is told by names and tables, and samples that GDCM does
 * not unpack as it should. Built into the module; the library itself needs only the release. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "io/base/bytes.h"
#include "io/base/mem.h"
#include "vision/dicom.h"

void thaw_dicom_release(struct thaw_dicom *d)
{
    free(d->raw);
    free(d->modality.value);
    free(d->voi.value);
    for (int c = 0; c < 3; c++)
        free(d->palette[c].value);
    *d = (struct thaw_dicom){0};
}

/* --- what its elements say --- */

int thaw_dicom_set_colours(struct thaw_dicom *d, const char *name, int samples)
{
    static const struct {
        const char *name;
        enum thaw_dicom_colours colours;
        int samples;
    } known[] = {{"MONOCHROME1", THAW_DICOM_INVERTED_GREY, 1},
                 {"MONOCHROME2", THAW_DICOM_GREY, 1},
                 {"RGB", THAW_DICOM_RGB, 3},
                 {"YBR_FULL", THAW_DICOM_YBR, 3},
                 {"YBR_FULL_422", THAW_DICOM_YBR, 3}, /* the second chroma samples are filled in */
                 {"YBR_RCT", THAW_DICOM_RGB, 3},      /* JPEG 2000 has turned it back */
                 {"YBR_ICT", THAW_DICOM_RGB, 3}};
    size_t length = strcspn(name, " "); /* names are padded to even lengths */
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == length && strncmp(known[i].name, name, length) == 0 &&
            known[i].samples == samples) {
            d->colours = known[i].colours;
            return 0;
        }
    return -1;
}

void thaw_dicom_set_curve(struct thaw_dicom *d, const char *name)
{
    d->curve = strcmp(name, "SIGMOID") == 0        ? THAW_DICOM_SIGMOID
               : strcmp(name, "LINEAR_EXACT") == 0 ? THAW_DICOM_LINEAR_EXACT
                                                   : THAW_DICOM_LINEAR;
}

int thaw_dicom_set_table(struct thaw_dicom_table *t, const uint16_t descriptor[3],
                         const void *values, size_t size, bool is_signed, struct thaw_error *err)
{
    uint16_t top = 0;
    size_t n = descriptor[0] ? descriptor[0] : 65536;
    bool words = size >= 2 * n;
    if (descriptor[2] < 8 || descriptor[2] > 16)
        return thaw_fail(err, THAW_EINPUT, "%d bits", descriptor[2]);
    if (size < n || (!words && descriptor[2] > 8))
        return thaw_fail(err, THAW_EINPUT, "%zu entries in %zu bytes", n, size);
    if (!(t->value = thaw_new(n, sizeof *t->value, err)))
        return -1;
    t->n = n;
    t->first = is_signed ? (int16_t)descriptor[1] : descriptor[1];
    for (size_t i = 0; i < n; i++) {
        if (words)
            memcpy(&t->value[i], (const unsigned char *)values + 2 * i, 2);
        else
            t->value[i] = ((const unsigned char *)values)[i];
        top = t->value[i] > top ? t->value[i] : top;
    }
    /* Some writers declare fewer bits than they fill: what stands there decides. */
    for (t->bits = descriptor[2]; t->bits < 16 && top >> t->bits;)
        t->bits++;
    return 0;
}

/* --- the run-length coding (PS3.5, annex G): GDCM mixes up the bytes of 16-bit colours --- */

enum { HEADER = 64, MOST_SEGMENTS = 15 };

static size_t number(const unsigned char *at)
{
    return (size_t)thaw_little_endian(at, 4);
}

/* One segment: byte `step` apart to out[n]. False when it ends before that. */
static bool unpack_segment(const unsigned char *at, const unsigned char *end, unsigned char *out,
                           size_t n, size_t step)
{
    size_t done = 0;
    while (done < n && end - at >= 2) {
        unsigned head = *at++;
        if (head == 128)
            continue;
        bool run = head > 128;
        size_t count = run ? 257 - head : head + 1;
        if (!run && (size_t)(end - at) < count)
            return false;
        for (size_t i = 0; i < count && done < n; i++, done++)
            out[done * step] = run ? at[0] : at[i];
        at += run ? 1 : count;
    }
    return done == n;
}

int thaw_dicom_unpack_runs(struct thaw_dicom *d, int samples, const unsigned char *data,
                           size_t size, const char *name, struct thaw_error *err)
{
    size_t n = (size_t)d->width * (size_t)d->height, bytes = (size_t)d->bytes;
    size_t segments = (size_t)samples * bytes;
    if (size < HEADER || number(data) != segments || segments > MOST_SEGMENTS)
        return thaw_fail(err, THAW_EINPUT,
                         "%s: damaged DICOM: %zu run-length segments, %zu are wanted", name,
                         size < HEADER ? 0 : number(data), segments);
    d->planes = true;
    d->raw_size = n * segments;
    if (!(d->raw = thaw_new(n, segments, err)))
        return -1;
    for (size_t s = 0; s < segments; s++) {
        size_t begin = number(data + 4 + 4 * s);
        size_t end = s + 1 < segments ? number(data + 8 + 4 * s) : size;
        /* The highest byte of a sample comes first. */
        size_t byte = s % bytes;
        if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
            byte = bytes - 1 - byte;
        unsigned char *out = d->raw + s / bytes * n * bytes + byte;
        if (begin < HEADER || begin > end || end > size ||
            !unpack_segment(data + begin, data + end, out, n, bytes))
            return thaw_fail(err, THAW_EINPUT,
                             "%s: damaged DICOM: run-length segment %zu of %zu is broken", name,
                             s + 1, segments);
    }
    return 0;
}

/* --- samples as they are --- */

/* One bit a pixel, the lowest of a byte first; frames follow each other within bytes. */
static void unpack_bits(struct thaw_dicom *d, const unsigned char *data, size_t first_bit)
{
    for (size_t i = 0; i < d->raw_size; i++) {
        size_t bit = first_bit + i;
        d->raw[i] = (unsigned char)(data[bit / 8] >> bit % 8 & 1);
    }
}

static void unpack_halved(struct thaw_dicom *d, const unsigned char *data)
{
    for (size_t i = 0; i < d->raw_size / 3; i++) {
        const unsigned char *pair = data + i / 2 * 4;
        unsigned char *out = d->raw + 3 * i;
        out[0] = pair[i % 2];
        out[1] = pair[2];
        out[2] = pair[3];
    }
}

static void swap_words(struct thaw_dicom *d)
{
    for (unsigned char *at = d->raw; at < d->raw + d->raw_size; at += 4) {
        uint32_t value;
        memcpy(&value, at, sizeof value);
        value = value << 16 | value >> 16;
        memcpy(at, &value, sizeof value);
    }
}

int thaw_dicom_unpack_plain(struct thaw_dicom *d, const struct thaw_dicom_plain *p, size_t frames,
                            size_t frame, const char *name, struct thaw_error *err)
{
    size_t pixels = (size_t)d->width * (size_t)d->height, samples = (size_t)p->samples;
    size_t bits = pixels * (size_t)p->bits * (p->halved ? 2 : samples), all;
    if (!thaw_mul(bits, frames, &all) || all > SIZE_MAX - 7)
        all = SIZE_MAX - 7;
    if ((all + 7) / 8 > p->size)
        return thaw_fail(err, THAW_EINPUT,
                         "%s: truncated DICOM: %zu bytes of samples, %zu are needed", name, p->size,
                         (all + 7) / 8);
    if (p->halved && (p->bits != 8 || samples != 3 || d->width % 2 || d->planes))
        return thaw_fail(err, THAW_EINPUT,
                         "%s: damaged DICOM: YBR_FULL_422 of %d bits and %d columns", name, p->bits,
                         d->width);
    d->raw_size = pixels * samples * (size_t)d->bytes;
    if (!(d->raw = thaw_new(d->raw_size, 1, err)))
        return -1;
    if (p->bits == 1)
        unpack_bits(d, p->data, bits * frame);
    else if (p->halved)
        unpack_halved(d, p->data + bits / 8 * frame);
    else
        memcpy(d->raw, p->data + bits / 8 * frame, d->raw_size);
    if (p->bits == 32 && p->words_swapped)
        swap_words(d);
    return 0;
}

/* --- samples that overshoot --- */

/* Signed samples may come without their sign spread over the upper bits: nothing can be said of
 * those. */
void thaw_dicom_hold(struct thaw_dicom *d)
{
    size_t bytes = (size_t)d->bytes;
    uint32_t top = (uint32_t)(((uint64_t)1 << d->stored) - 1);
    if (d->is_signed || d->stored == 8 * d->bytes)
        return;
    for (unsigned char *at = d->raw; at < d->raw + d->raw_size; at += bytes) {
        uint16_t two;
        uint32_t four;
        if (bytes == 1) {
            *at = *at > top ? (unsigned char)top : *at;
        } else if (bytes == 2) {
            memcpy(&two, at, sizeof two);
            two = two > top ? (uint16_t)top : two;
            memcpy(at, &two, sizeof two);
        } else {
            memcpy(&four, at, sizeof four);
            four = four > top ? top : four;
            memcpy(at, &four, sizeof four);
        }
    }
}

/* --- the deflated transfer syntax --- */

bool thaw_dicom_inflates(const unsigned char *data, size_t size)
{
    enum { ROOM = 1 << 16, MOST = 1 << 30 };
    unsigned char *scratch = thaw_new(ROOM, 1, NULL);
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)data, .avail_in = (uInt)size};
    int code = Z_MEM_ERROR;
    if (scratch && size <= MOST && inflateInit2(&z, -MAX_WBITS) == Z_OK) {
        do {
            z.next_out = scratch;
            z.avail_out = ROOM;
            code = inflate(&z, Z_NO_FLUSH);
        } while (code == Z_OK);
        inflateEnd(&z);
    }
    free(scratch);
    return code == Z_STREAM_END;
}

size_t thaw_dicom_inflate(const unsigned char *data, size_t size, unsigned char *out, size_t room)
{
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)data,
                  .avail_in = (uInt)size,
                  .next_out = out,
                  .avail_out = (uInt)room};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return 0;
    inflate(&z, Z_SYNC_FLUSH);
    inflateEnd(&z);
    return room - z.avail_out;
}
