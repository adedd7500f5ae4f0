#include "vision/resize.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

/* Which inputs make each output along one axis, and how much of each. */
struct taps {
    int n, most;   /* outputs; inputs of one output at most */
    int *first;    /* [n] */
    int *count;    /* [n] */
    float *weight; /* [n, most], sum 1 */
};

/* Where rows come from. */
struct source {
    const void *data; /* [H,W,C] */
    size_t stride;    /* samples of a row */
    int bits;         /* 8 and 16 unsigned, 32 float */
    bool as_it_is;    /* floats that are neither scaled nor held */
    float gain, bias; /* sample * gain + bias, held in 0..255 */
    float lo;         /* the sample that becomes 0 */
};

static void taps_release(struct taps *t)
{
    free(t->first);
    free(t->count);
    free(t->weight);
}

/* An output of index i looks at the triangle around its centre; when the picture shrinks the
 * triangle is as wide as the outputs lie apart, so that every input counts. */
static int taps_init(struct taps *t, int in_size, double start, double length, int n,
                     struct thaw_error *err)
{
    double step = length / n, reach = step > 1 ? step : 1;
    memset(t, 0, sizeof *t);
    t->n = n;
    t->most = (int)ceil(2 * reach) + 2;
    if (t->most > in_size)
        t->most = in_size;
    size_t all;
    if (!thaw_mul((size_t)n, (size_t)t->most, &all))
        all = SIZE_MAX;
    t->first = thaw_new((size_t)n, sizeof *t->first, err);
    t->count = t->first ? thaw_new((size_t)n, sizeof *t->count, err) : NULL;
    t->weight = t->count ? thaw_new(all, sizeof *t->weight, err) : NULL;
    if (!t->weight) {
        taps_release(t);
        return -1;
    }
    for (int i = 0; i < n; i++) {
        /* Rounding may put the far edge of a box a little outside. */
        double centre = fmin(fmax(start + (i + 0.5) * step, 0), in_size), sum = 0;
        int lo = (int)fmax(centre - reach + 0.5, 0);
        int hi = (int)fmin(centre + reach + 0.5, in_size);
        float *weight = t->weight + (size_t)i * (size_t)t->most;
        for (int x = lo; x < hi; x++)
            sum += fmax(1 - fabs(x + 0.5 - centre) / reach, 0);
        for (int x = lo; x < hi; x++)
            weight[x - lo] = (float)(fmax(1 - fabs(x + 0.5 - centre) / reach, 0) / sum);
        while (hi - lo > 1 && weight[hi - lo - 1] == 0)
            hi--;
        t->first[i] = lo;
        t->count[i] = hi - lo;
    }
    return 0;
}

static void add_u8(float *restrict row, const uint8_t *restrict in, size_t n, float weight)
{
    for (size_t i = 0; i < n; i++)
        row[i] += weight * (float)in[i];
}

static float held(float x)
{
    x = x < 255 ? x : 255;
    return x > 0 ? x : 0;
}

static void add_u8_mapped(float *restrict row, const uint8_t *restrict in, size_t n, float weight,
                          float gain, float bias)
{
    for (size_t i = 0; i < n; i++)
        row[i] += weight * held((float)in[i] * gain + bias);
}

static void add_u16_mapped(float *restrict row, const uint16_t *restrict in, size_t n, float weight,
                           float gain, float bias)
{
    for (size_t i = 0; i < n; i++)
        row[i] += weight * held((float)in[i] * gain + bias);
}

/* The difference first: samples may lie far from 0 and near each other. */
static void add_f32_mapped(float *restrict row, const float *restrict in, size_t n, float weight,
                           float gain, float lo)
{
    for (size_t i = 0; i < n; i++)
        row[i] += weight * held((in[i] - lo) * gain);
}

static void add_f32(float *restrict row, const float *restrict in, size_t n, float weight)
{
    for (size_t i = 0; i < n; i++)
        row[i] += weight * in[i];
}

/* row[i] += weight * sample (y, first + i) */
static void add_row(const struct source *s, size_t y, size_t first, size_t n, float weight,
                    float *row)
{
    size_t at = y * s->stride + first;
    if (s->as_it_is)
        add_f32(row, (const float *)s->data + at, n, weight);
    else if (s->bits == 32)
        add_f32_mapped(row, (const float *)s->data + at, n, weight, s->gain, s->lo);
    else if (s->bits == 16)
        add_u16_mapped(row, (const uint16_t *)s->data + at, n, weight, s->gain, s->bias);
    else if (s->gain == 1 && s->bias == 0)
        add_u8(row, (const uint8_t *)s->data + at, n, weight);
    else
        add_u8_mapped(row, (const uint8_t *)s->data + at, n, weight, s->gain, s->bias);
}

/* Several sums at a time: one alone would wait for each addition to finish. */
static float dot(const float *in, const float *weight, int n)
{
    float a = 0, b = 0, c = 0, d = 0;
    int k = 0;
    for (; k + 4 <= n; k += 4) {
        a += in[k] * weight[k];
        b += in[k + 1] * weight[k + 1];
        c += in[k + 2] * weight[k + 2];
        d += in[k + 3] * weight[k + 3];
    }
    for (; k < n; k++)
        a += in[k] * weight[k];
    return (a + b) + (c + d);
}

static void dot_colours(const float *in, const float *weight, int n, float *out)
{
    float r = 0, g = 0, b = 0;
    for (int k = 0; k < n; k++, in += 3) {
        r += in[0] * weight[k];
        g += in[1] * weight[k];
        b += in[2] * weight[k];
    }
    out[0] = r;
    out[1] = g;
    out[2] = b;
}

/* `row` begins at the first input that any output needs. */
static void filter_row(const struct taps *t, const float *row, int channels, float *out)
{
    for (int x = 0; x < t->n; x++, out += channels) {
        const float *weight = t->weight + (size_t)x * (size_t)t->most;
        const float *in = row + (size_t)(t->first[x] - t->first[0]) * (size_t)channels;
        int n = t->count[x];
        if (channels == 1)
            out[0] = dot(in, weight, n);
        else if (channels == 3)
            dot_colours(in, weight, n, out);
        else
            for (int c = 0; c < channels; c++) {
                out[c] = 0;
                for (int k = 0; k < n; k++)
                    out[c] += weight[k] * in[k * channels + c];
            }
    }
}

/* Columns first, though either order gives the same picture: that pass reads whole rows, converting
 * as it goes, leaves the other one only the rows of the result, and one row of memory is enough. */
static int resize(const struct source *s, int width, int height, const struct thaw_box *box,
                  struct thaw_image *out, struct thaw_error *err)
{
    struct thaw_box all = {0, 0, (float)width, (float)height};
    struct taps across = {0}, down = {0};
    float *row = NULL;
    int rc = -1;
    if (!box)
        box = &all;
    if (!(box->width > 0 && box->height > 0 && isfinite(box->x) && isfinite(box->y)) ||
        box->width > (float)width + 1 || box->height > (float)height + 1)
        return thaw_fail(
            err, THAW_EUSAGE,
            "resize: the part at %g,%g of %g x %g does not lie in a picture of %d x %d",
            (double)box->x, (double)box->y, (double)box->width, (double)box->height, width, height);
    if (taps_init(&across, width, (double)box->x, (double)box->width, out->width, err) ||
        taps_init(&down, height, (double)box->y, (double)box->height, out->height, err))
        goto done;
    size_t channels = (size_t)out->channels;
    int begin = across.first[0], last = across.n - 1;
    size_t used = (size_t)(across.first[last] + across.count[last] - begin) * channels;
    if (!(row = thaw_new_aligned(used, sizeof *row, err)))
        goto done;
    for (int y = 0; y < out->height; y++) {
        const float *weight = down.weight + (size_t)y * (size_t)down.most;
        memset(row, 0, used * sizeof *row);
        for (int k = 0; k < down.count[y]; k++)
            add_row(s, (size_t)(down.first[y] + k), (size_t)begin * channels, used, weight[k], row);
        filter_row(&across, row, out->channels,
                   out->data + (size_t)y * (size_t)out->width * channels);
    }
    rc = 0;
done:
    free(row);
    taps_release(&down);
    taps_release(&across);
    return rc;
}

int thaw_resize(const struct thaw_image *in, const struct thaw_box *box, struct thaw_image *out,
                struct thaw_error *err)
{
    assert(in->channels == out->channels);
    struct source s = {
        .data = in->data, .stride = (size_t)in->width * (size_t)in->channels, .as_it_is = true};
    return resize(&s, in->width, in->height, box, out, err);
}

int thaw_resize_pixels(const struct thaw_pixels *in, float lo, float hi, const struct thaw_box *box,
                       struct thaw_image *out, struct thaw_error *err)
{
    assert(in->channels == out->channels && hi != lo);
    float gain = 255 / (hi - lo);
    struct source s = {.data = in->data,
                       .stride = (size_t)in->width * (size_t)in->channels,
                       .bits = in->depth,
                       .gain = gain,
                       .bias = -lo * gain,
                       .lo = lo};
    return resize(&s, in->width, in->height, box, out, err);
}
