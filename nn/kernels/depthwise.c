#include "nn/kernels/conv.h"

#include <stddef.h>
#include <string.h>

#include "io/base/par.h"
#include "nn/kernels/bf16.h"

/* One pass over input and output gradients for everything: they are large, and memory is what
 * depthwise layers wait for. Each (sample, block) is worked on by itself, row of input by row; the
 * output rows that meet it lie in a ring of rows, widened by zeros, after their activation's
 * gradient. Sums of the kernel's gradient go to scratch; then the samples are added in order. */

enum { MOST_ROWS = 3, MOST_TAPS = 10 };

struct job {
    const struct thaw_depthwise *d;
    const struct thaw_depthwise_pass *pass;
    float *sums, *bias; /* [n][blocks][kh][kw][block], [n][blocks][block] */
    float *rings;
};

/* Where one (sample, block) lies. */
struct place {
    const struct thaw_depthwise *d;
    const struct thaw_depthwise_pass *pass;
    const void *in, *out, *dout;
    void *din;
    const float *kernel;
    float *sums, *bias, *ring;
};

/* A row of input and the rows of the kernel that it meets, in portions. */
struct line {
    const float *in;
    float *din;
    int iy, next, done, left; /* the next row of the kernel; how many were, how many are left */
    bool begins, ends;        /* the input's gradient starts from zero; passes the gate */
    int ky[MOST_ROWS];
    const float *g[MOST_ROWS];
};

/* Floats of a row of the ring: zeros on both sides wherever the kernel reaches. */
static size_t ring_width(const struct thaw_depthwise *d)
{
    int reach = d->iw + d->pad_left;
    return (size_t)(d->kw - 1 + (d->ow > reach ? d->ow : reach)) * (size_t)d->block;
}

/* Behind the ring: rows that are not used as they lie. */
enum { ROOM_IN, ROOM_OUT, ROOM_DIN, ROOMS };

static size_t ring_count(const struct thaw_depthwise *d)
{
    return (size_t)(d->kh + ROOMS) * ring_width(d);
}

static float *room(const struct place *p, int which)
{
    return p->ring + (size_t)(p->d->kh + which) * ring_width(p->d);
}

/* `count` numbers from `at` on: where they are, or widened. */
static const float *floats_of(const struct place *p, const void *data, ptrdiff_t at, size_t count,
                              float *wide)
{
    if (!p->d->bf16)
        return (const float *)data + at;
    thaw_bf16_widen_array((const uint16_t *)data + at, wide, count);
    return wide;
}

THAW_INLINE float *ring_row(const struct place *p, int y)
{
    const struct thaw_depthwise *d = p->d;
    return p->ring + (size_t)(y % d->kh) * ring_width(d) + (size_t)((d->kw - 1) * d->block);
}

/* Row ky of the kernel takes input row iy to output row (iy + pad - ky) / stride, where there is
 * one. */
THAW_INLINE struct line line_of(const struct place *p, int iy)
{
    const struct thaw_depthwise *d = p->d;
    ptrdiff_t at = (ptrdiff_t)iy * d->iw * d->block;
    int up = iy + d->pad_top, ky = up % d->stride_h, last = d->kh - 1 < up ? d->kh - 1 : up;
    while (ky <= last && (up - ky) / d->stride_h >= d->oh)
        ky += d->stride_h;
    size_t width = (size_t)(d->iw * d->block);
    return (struct line){.in = floats_of(p, p->in, at, width, room(p, ROOM_IN)),
                         .din = p->din && !d->bf16 ? (float *)p->din + at : room(p, ROOM_DIN),
                         .iy = iy,
                         .next = ky,
                         .left = ky <= last ? (last - ky) / d->stride_h + 1 : 0};
}

/* Takes up to `most` of the rows that are left and tells how many. */
THAW_INLINE int line_next(const struct place *p, struct line *l, int most)
{
    int rows = l->left < most ? l->left : most, stride = p->d->stride_h;
    for (int r = 0; r < rows; r++, l->next += stride) {
        l->ky[r] = l->next;
        l->g[r] = ring_row(p, (l->iy + p->d->pad_top - l->next) / stride);
    }
    l->begins = l->done == 0;
    l->done += rows;
    l->left -= rows;
    l->ends = l->left == 0;
    return rows;
}

/* The row's gradient goes where it belongs. */
static void line_close(const struct place *p, const struct line *l)
{
    size_t width = (size_t)(p->d->iw * p->d->block);
    if (p->din && p->d->bf16)
        thaw_bf16_narrow_array(l->din, (uint16_t *)p->din + (size_t)l->iy * width, width);
}

typedef float lanes16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef int mask16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef float lanes8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int mask8 __attribute__((vector_size(32), aligned(4), may_alias));

/* 32 registers with blocks of 16, 16 with blocks of 8. */
#define LANES    16
#define VECTOR   lanes16
#define MASK     mask16
#define ROWS(kw) ((kw) == 3 ? 3 : (kw) == 5 ? 2 : 1)
#define TARGET   THAW_TARGET_AVX512
#define NAME(x)  x##_16
#include "nn/kernels/depthwise_pair.h"
#undef LANES
#undef VECTOR
#undef MASK
#undef ROWS
#undef TARGET
#undef NAME
#define LANES    8
#define VECTOR   lanes8
#define MASK     mask8
#define ROWS(kw) 1
#define TARGET   THAW_TARGET_AVX2
#define NAME(x)  x##_8
#include "nn/kernels/depthwise_pair.h"

THAW_INLINE float gated(const struct thaw_gate *gate, float value, float gradient)
{
    return !gate->on || (value > gate->low && value < gate->high) ? gradient : 0;
}

static float float_at(const struct place *p, const void *data, ptrdiff_t at)
{
    return p->d->bf16 ? thaw_bf16_widen(((const uint16_t *)data)[at]) : ((const float *)data)[at];
}

/* Any block, width and stride; channel by channel. */
static void channel_any(const struct place *p, ptrdiff_t c)
{
    const struct thaw_depthwise *d = p->d;
    ptrdiff_t block = d->block, cells = (ptrdiff_t)d->oh * d->ow, taps = (ptrdiff_t)d->kh * d->kw;
    float *wide = p->ring; /* the gradients of a channel */
    memset(wide, 0, (size_t)d->ih * (size_t)d->iw * sizeof *wide);
    for (ptrdiff_t cell = 0; cell < cells; cell++) {
        ptrdiff_t at = cell * block + c, y = cell / d->ow, x = cell % d->ow;
        float out = p->pass->out_gate.on ? float_at(p, p->out, at) : 0;
        float g = gated(&p->pass->out_gate, out, float_at(p, p->dout, at));
        p->bias[c] += g;
        for (ptrdiff_t tap = 0; tap < taps; tap++) {
            ptrdiff_t iy = y * d->stride_h - d->pad_top + tap / d->kw;
            ptrdiff_t ix = x * d->stride_w - d->pad_left + tap % d->kw;
            if (iy < 0 || iy >= d->ih || ix < 0 || ix >= d->iw)
                continue;
            p->sums[tap * block + c] += g * float_at(p, p->in, (iy * d->iw + ix) * block + c);
            if (p->din)
                wide[iy * d->iw + ix] += g * p->kernel[tap * block + c];
        }
    }
    for (ptrdiff_t i = 0; p->din && i < (ptrdiff_t)d->ih * d->iw; i++) {
        float g = gated(&p->pass->in_gate, float_at(p, p->in, i * block + c), wide[i]);
        if (d->bf16)
            ((uint16_t *)p->din)[i * block + c] = thaw_bf16_narrow(g);
        else
            ((float *)p->din)[i * block + c] = g;
    }
}

static bool is_known(const struct thaw_depthwise *d)
{
    return ((d->block == 16 && thaw_cpu_has_avx512()) || (d->block == 8 && thaw_cpu_has_avx2())) &&
           (d->kw == 3 || d->kw == 5 || d->kw == 7) && (d->stride_w == 1 || d->stride_w == 2);
}

static size_t room_count(const struct thaw_depthwise *d)
{
    return is_known(d) ? ring_count(d) : (size_t)d->ih * (size_t)d->iw;
}

static size_t kernel_count(const struct thaw_depthwise *d)
{
    return (size_t)d->blocks * (size_t)d->kh * (size_t)d->kw * (size_t)d->block;
}

static size_t channel_count(const struct thaw_depthwise *d)
{
    return (size_t)d->blocks * (size_t)d->block;
}

static void pairs(const struct job *job, size_t first, size_t last)
{
    const struct thaw_depthwise *d = job->d;
    const struct thaw_depthwise_pass *pass = job->pass;
    size_t block = (size_t)d->block, kernel_size = (size_t)d->kh * (size_t)d->kw * block;
    size_t number = d->bf16 ? sizeof(uint16_t) : sizeof(float);
    size_t in_size = (size_t)d->ih * (size_t)d->iw * block * number;
    size_t out_size = (size_t)d->oh * (size_t)d->ow * block * number;
    float *ring = job->rings + first * room_count(d);
    memset(ring, 0, room_count(d) * sizeof *ring);
    for (size_t i = first; i < last; i++) {
        struct place p = {.d = d,
                          .pass = pass,
                          .in = (const char *)pass->in + i * in_size,
                          .out = pass->out ? (const char *)pass->out + i * out_size : NULL,
                          .dout = (const char *)pass->dout + i * out_size,
                          .din = pass->din ? (char *)pass->din + i * in_size : NULL,
                          .kernel = pass->kernel + i % (size_t)d->blocks * kernel_size,
                          .sums = job->sums + i * kernel_size,
                          .bias = job->bias + i * block,
                          .ring = ring};
        memset(p.sums, 0, kernel_size * sizeof *p.sums);
        memset(p.bias, 0, block * sizeof *p.bias);
        if (!is_known(d))
            for (ptrdiff_t c = 0; c < d->block; c++)
                channel_any(&p, c);
        else if (block == 16)
            pair_of_16(&p);
        else
            pair_of_8(&p);
    }
}

static void range(void *ctx, size_t first, size_t last)
{
    pairs(ctx, first, last);
}

size_t thaw_kernel_depthwise_scratch(const struct thaw_depthwise *d)
{
    size_t sums = (size_t)d->n * (kernel_count(d) + channel_count(d));
    return (sums + (size_t)(d->n * d->blocks) * room_count(d)) * sizeof(float);
}

static void add_samples(int n, size_t count, const float *partial, bool first, float *total)
{
    if (!total)
        return;
    if (first)
        memset(total, 0, count * sizeof *total);
    for (int i = 0; i < n; i++, partial += count)
        for (size_t j = 0; j < count; j++)
            total[j] += partial[j];
}

void thaw_kernel_depthwise_backward(const struct thaw_depthwise *d,
                                    const struct thaw_depthwise_pass *pass, bool first,
                                    float *scratch)
{
    size_t pairs_count = (size_t)d->n * (size_t)d->blocks;
    struct job job = {.d = d, .pass = pass, .sums = scratch};
    job.bias = job.sums + (size_t)d->n * kernel_count(d);
    job.rings = job.bias + (size_t)d->n * channel_count(d);
    thaw_par_range(pairs_count, range, &job);
    add_samples(d->n, kernel_count(d), job.sums, first, pass->dkernel);
    add_samples(d->n, channel_count(d), job.bias, first, pass->dbias);
}
