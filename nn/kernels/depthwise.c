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
    size_t step, width; /* numbers from cell to cell; channels of the block that there are */
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

/* --- cells with channels last, as a row of a block, and back --- */

enum { WIDE = 16, AHEAD = 32 }; /* numbers of a block; cells that memory is asked for before */
typedef float lanes16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint32_t words __attribute__((vector_size(WIDE * 4), aligned(4), may_alias));
typedef uint16_t halves __attribute__((vector_size(WIDE * 2), aligned(2), may_alias));

THAW_TARGET_AVX512 static void widen_blocks(const uint16_t *in, size_t step, size_t cells,
                                            float *wide)
{
    for (size_t i = 0; i < cells; i++, in += step, wide += WIDE) {
        __builtin_prefetch(in + AHEAD * step);
        *(words *)wide = __builtin_convertvector(*(const halves *)in, words) << 16;
    }
}

/* As thaw_bf16_narrow. */
THAW_TARGET_AVX512 static void narrow_blocks(const float *in, size_t cells, uint16_t *narrow,
                                             size_t step)
{
    for (size_t i = 0; i < cells; i++, in += WIDE, narrow += step) {
        words bits = *(const words *)in;
        words is_nan = (words)(*(const lanes16 *)in != *(const lanes16 *)in);
        words rounded = bits + 0x7FFF + (bits >> 16 & 1);
        rounded = (rounded & ~is_nan) | ((bits | 0x400000) & is_nan);
        *(halves *)narrow = __builtin_convertvector(rounded >> 16, halves);
    }
}

static bool is_whole(const struct place *p)
{
    return p->width == WIDE && p->d->block == WIDE && thaw_cpu_has_avx512();
}

static void widen_cells(const struct place *p, const uint16_t *in, size_t cells, float *wide)
{
    size_t block = (size_t)p->d->block;
    if (is_whole(p)) {
        widen_blocks(in, p->step, cells, wide);
        return;
    }
    for (size_t i = 0; i < cells; i++, in += p->step, wide += block)
        for (size_t c = 0; c < block; c++)
            wide[c] = c < p->width ? thaw_bf16_widen(in[c]) : 0;
}

static void narrow_cells(const struct place *p, const float *in, size_t cells, uint16_t *narrow)
{
    size_t block = (size_t)p->d->block;
    if (is_whole(p)) {
        narrow_blocks(in, cells, narrow, p->step);
        return;
    }
    for (size_t i = 0; i < cells; i++, in += block, narrow += p->step)
        for (size_t c = 0; c < p->width; c++)
            narrow[c] = thaw_bf16_narrow(in[c]);
}

/* `cells` cells from `first` on: where they are, or widened. */
static const float *floats_of(const struct place *p, const void *data, ptrdiff_t first,
                              size_t cells, float *wide)
{
    size_t at = (size_t)first * p->step;
    if (!p->d->bf16)
        return (const float *)data + at;
    if (p->d->channels)
        widen_cells(p, (const uint16_t *)data + at, cells, wide);
    else
        thaw_bf16_widen_array((const uint16_t *)data + at, wide, cells * p->step);
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
    ptrdiff_t first = (ptrdiff_t)iy * d->iw;
    int up = iy + d->pad_top, ky = up % d->stride_h, last = d->kh - 1 < up ? d->kh - 1 : up;
    while (ky <= last && (up - ky) / d->stride_h >= d->oh)
        ky += d->stride_h;
    return (struct line){.in = floats_of(p, p->in, first, (size_t)d->iw, room(p, ROOM_IN)),
                         .din = p->din && !d->bf16 ? (float *)p->din + first * d->block
                                                   : room(p, ROOM_DIN),
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
    size_t cells = (size_t)p->d->iw;
    uint16_t *din = (uint16_t *)p->din + (size_t)l->iy * cells * p->step;
    if (!p->din || !p->d->bf16)
        return;
    if (p->d->channels)
        narrow_cells(p, l->din, cells, din);
    else
        thaw_bf16_narrow_array(l->din, din, cells * p->step);
}

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
    ptrdiff_t step = (ptrdiff_t)p->step;
    float *wide = p->ring; /* the gradients of a channel */
    memset(wide, 0, (size_t)d->ih * (size_t)d->iw * sizeof *wide);
    for (ptrdiff_t cell = 0; cell < cells; cell++) {
        ptrdiff_t at = cell * step + c, y = cell / d->ow, x = cell % d->ow;
        float out = p->pass->out_gate.on ? float_at(p, p->out, at) : 0;
        float g = gated(&p->pass->out_gate, out, float_at(p, p->dout, at));
        p->bias[c] += g;
        for (ptrdiff_t tap = 0; tap < taps; tap++) {
            ptrdiff_t iy = y * d->stride_h - d->pad_top + tap / d->kw;
            ptrdiff_t ix = x * d->stride_w - d->pad_left + tap % d->kw;
            if (iy < 0 || iy >= d->ih || ix < 0 || ix >= d->iw)
                continue;
            p->sums[tap * block + c] += g * float_at(p, p->in, (iy * d->iw + ix) * step + c);
            if (p->din)
                wide[iy * d->iw + ix] += g * p->kernel[tap * block + c];
        }
    }
    for (ptrdiff_t i = 0; p->din && i < (ptrdiff_t)d->ih * d->iw; i++) {
        float g = gated(&p->pass->in_gate, float_at(p, p->in, i * step + c), wide[i]);
        if (d->bf16)
            ((uint16_t *)p->din)[i * step + c] = thaw_bf16_narrow(g);
        else
            ((float *)p->din)[i * step + c] = g;
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

/* Numbers from cell to cell. */
static size_t step_of(const struct thaw_depthwise *d)
{
    return (size_t)(d->channels ? d->channels : d->block);
}

/* Bytes before the i-th (sample, block) of a tensor with so many cells a sample. */
static size_t offset_of(const struct thaw_depthwise *d, size_t i, size_t cells)
{
    size_t block = (size_t)d->block, blocks = (size_t)d->blocks;
    size_t at =
        d->channels ? i / blocks * cells * step_of(d) + i % blocks * block : i * cells * block;
    return at * (d->bf16 ? sizeof(uint16_t) : sizeof(float));
}

/* Channels of the i-th (sample, block): all of a block has a place except where they come last. */
static size_t width_of(const struct thaw_depthwise *d, size_t i)
{
    size_t block = (size_t)d->block, begin = i % (size_t)d->blocks * block;
    size_t left = (size_t)d->channels - begin;
    return d->channels && left < block ? left : block;
}

/* Blocks of a sample that go through together: with channels last two share each cache line. */
enum { MOST_TOGETHER = 2 };

static size_t together(const struct thaw_depthwise *d)
{
    return d->channels ? MOST_TOGETHER : 1;
}

static size_t groups_of(const struct thaw_depthwise *d)
{
    return ((size_t)d->blocks + together(d) - 1) / together(d);
}

/* The i-th (sample, block). */
static struct place place_of(const struct job *job, size_t i, float *ring)
{
    const struct thaw_depthwise *d = job->d;
    const struct thaw_depthwise_pass *pass = job->pass;
    size_t block = (size_t)d->block, kernel_size = (size_t)d->kh * (size_t)d->kw * block;
    size_t ins = offset_of(d, i, (size_t)d->ih * (size_t)d->iw);
    size_t outs = offset_of(d, i, (size_t)d->oh * (size_t)d->ow);
    struct place p = {.d = d,
                      .pass = pass,
                      .in = (const char *)pass->in + ins,
                      .out = pass->out ? (const char *)pass->out + outs : NULL,
                      .dout = (const char *)pass->dout + outs,
                      .din = pass->din ? (char *)pass->din + ins : NULL,
                      .kernel = pass->kernel + i % (size_t)d->blocks * kernel_size,
                      .sums = job->sums + i * kernel_size,
                      .bias = job->bias + i * block,
                      .ring = ring,
                      .step = step_of(d),
                      .width = width_of(d, i)};
    memset(p.sums, 0, kernel_size * sizeof *p.sums);
    memset(p.bias, 0, block * sizeof *p.bias);
    return p;
}

static void work_on(const struct thaw_depthwise *d, const struct place *places, int n)
{
    if (is_known(d) && d->block == 16) {
        places_of_16(d, places, n);
        return;
    }
    for (int k = 0; k < n; k++)
        if (is_known(d))
            places_of_8(d, &places[k], 1);
        else
            for (ptrdiff_t c = 0; c < (ptrdiff_t)places[k].width; c++)
                channel_any(&places[k], c);
}

static void range(void *ctx, size_t first, size_t last)
{
    const struct job *job = ctx;
    const struct thaw_depthwise *d = job->d;
    size_t groups = groups_of(d), blocks = (size_t)d->blocks, most = together(d);
    float *rings = job->rings + first * most * room_count(d);
    memset(rings, 0, most * room_count(d) * sizeof *rings);
    for (size_t i = first; i < last; i++) {
        struct place places[MOST_TOGETHER];
        size_t begin = i % groups * most;
        int n = 0;
        for (size_t b = begin; b < blocks && b < begin + most; b++, n++)
            places[n] = place_of(job, i / groups * blocks + b, rings + (size_t)n * room_count(d));
        work_on(d, places, n);
    }
}

size_t thaw_kernel_depthwise_scratch(const struct thaw_depthwise *d)
{
    size_t sums = (size_t)d->n * (kernel_count(d) + channel_count(d));
    return (sums + (size_t)d->n * groups_of(d) * together(d) * room_count(d)) * sizeof(float);
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
    struct job job = {.d = d, .pass = pass, .sums = scratch};
    job.bias = job.sums + (size_t)d->n * kernel_count(d);
    job.rings = job.bias + (size_t)d->n * channel_count(d);
    thaw_par_range((size_t)d->n * groups_of(d), range, &job);
    add_samples(d->n, kernel_count(d), job.sums, first, pass->dkernel);
    add_samples(d->n, channel_count(d), job.bias, first, pass->dbias);
}
