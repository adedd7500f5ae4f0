/* The run-length coding of DICOM (PS3.5, annex G). Our own, since GDCM mixes up the bytes of 16-bit
 * colours. */
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "vision/dicom.h"

enum { HEADER = 64, MOST_SEGMENTS = 15 };

static size_t number(const unsigned char *at)
{
    return at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
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

int thaw_dicom_unpack_rle(struct thaw_dicom *d, int samples, const unsigned char *data, size_t size,
                          const char *name, struct thaw_error *err)
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
