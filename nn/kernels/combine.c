#include "nn/kernels/combine.h"

#include <string.h>

#include "io/base/par.h"
#include "nn/kernels/lanes.h"

static bool equal(const struct thaw_tensor *a, const struct thaw_tensor *b)
{
    return a->h == b->h && a->w == b->w && a->c == b->c && a->block == b->block;
}

/* [1,1,C] against [H,W,C]. */
static bool is_gate(const struct thaw_tensor *gate, const struct thaw_tensor *full)
{
    return gate->h * gate->w == 1 && gate->c == full->c && gate->block == full->block;
}

struct job {
    const struct thaw_tensor *ta, *tb, *to;
    const float *a, *b;
    float *out;
    bool product;
};

/* --- equal shapes: whole arrays --- */

enum { PIECE = 1024 };

THAW_HOT static void add(const float *a, const float *b, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = a[i] + b[i];
}

THAW_HOT static void multiply(const float *a, const float *b, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = a[i] * b[i];
}

static void equal_range(void *ctx, size_t first, size_t last)
{
    const struct job *j = ctx;
    size_t count = j->to->n * thaw_tensor_sample(j->to), from = first * PIECE, end = last * PIECE;
    end = end < count ? end : count;
    (j->product ? multiply : add)(j->a + from, j->b + from, j->out + from, end - from);
}

/* --- a is [H,W,C], b [1,1,C] --- */

THAW_INLINE void gate_cells(int halves, bool product, size_t cells, const float *in,
                            const float *gate, float *out)
{
    const thaw_lanes *a = (const thaw_lanes *)in;
    thaw_lanes *y = (thaw_lanes *)out, b[THAW_HALVES];
#pragma GCC unroll 2
    for (int i = 0; i < halves; i++)
        b[i] = ((const thaw_lanes *)gate)[i];
    for (size_t cell = 0; cell < cells; cell++, a += halves, y += halves)
#pragma GCC unroll 2
        for (int i = 0; i < halves; i++)
            y[i] = product ? a[i] * b[i] : a[i] + b[i];
}

THAW_HOT static void gate_rows(const struct job *j, size_t first, size_t last)
{
    size_t block = j->to->block, cells = j->to->h * j->to->w;
    for (size_t i = first; i < last; i++) {
        const float *a = j->a + i * cells * block, *b = j->b + i * block;
        float *out = j->out + i * cells * block;
        if (block == 16 && j->product)
            gate_cells(2, true, cells, a, b, out);
        else if (block == 8 && j->product)
            gate_cells(1, true, cells, a, b, out);
        else
            for (size_t cell = 0; cell < cells; cell++, a += block, out += block)
                for (size_t c = 0; c < block; c++)
                    out[c] = j->product ? a[c] * b[c] : a[c] + b[c];
    }
}

static void gate_range(void *ctx, size_t first, size_t last)
{
    gate_rows(ctx, first, last);
}

/* --- any sides of 1 --- */

static size_t broadcast_at(const struct thaw_tensor *t, size_t n, size_t y, size_t x, size_t c)
{
    return n * thaw_tensor_sample(t) +
           thaw_tensor_at(t, t->h == 1 ? 0 : y, t->w == 1 ? 0 : x, t->c == 1 ? 0 : c);
}

static void any_rows(void *ctx, size_t first, size_t last)
{
    const struct job *j = ctx;
    const struct thaw_tensor *to = j->to;
    for (size_t row = first; row < last; row++) {
        size_t n = row / to->h, y = row % to->h;
        for (size_t x = 0; x < to->w; x++)
            for (size_t c = 0; c < to->c; c++) {
                float v = j->a[broadcast_at(j->ta, n, y, x, c)];
                if (j->b) {
                    float w = j->b[broadcast_at(j->tb, n, y, x, c)];
                    v = j->product ? v * w : v + w;
                }
                j->out[broadcast_at(to, n, y, x, c)] = v;
            }
    }
}

void thaw_kernel_combine(const struct thaw_tensor *ta, const float *a, const struct thaw_tensor *tb,
                         const float *b, bool product, const struct thaw_tensor *to, float *out)
{
    struct job job = {ta, tb, to, a, b, out, product};
    size_t count = to->n * thaw_tensor_sample(to);
    if (!b && equal(ta, to)) {
        thaw_kernel_copy(a, out, count * sizeof *out);
    } else if (b && equal(ta, to) && equal(tb, to)) {
        thaw_par_range((count + PIECE - 1) / PIECE, equal_range, &job);
    } else if (b && equal(ta, to) && is_gate(tb, to)) {
        thaw_par_range(to->n * to->blocks, gate_range, &job);
    } else if (b && equal(tb, to) && is_gate(ta, to)) {
        job = (struct job){tb, ta, to, b, a, out, product};
        thaw_par_range(to->n * to->blocks, gate_range, &job);
    } else {
        thaw_par_range(to->n * to->h, any_rows, &job);
        thaw_kernel_zero_tail(to, out);
    }
}

/* --- reductions --- */

/* Over H and W: rows in float, the rows together in double, one block at a time. */
THAW_HOT static void reduce_gates(const struct job *j, size_t first, size_t last)
{
    enum { LANES = 16 };
    const struct thaw_tensor *ta = j->ta;
    size_t block = ta->block, size = ta->h * ta->w * block;
    for (size_t i = first; i < last; i++)
        for (size_t c0 = 0; c0 < block; c0 += LANES) {
            size_t lanes = block - c0 < LANES ? block - c0 : LANES;
            const float *a = j->a + i * size + c0, *b = j->b ? j->b + i * size + c0 : NULL;
            double total[LANES] = {0};
            for (size_t y = 0; y < ta->h; y++) {
                float sum[LANES] = {0};
                for (size_t x = 0; x < ta->w; x++, a += block) {
                    for (size_t c = 0; c < lanes; c++)
                        sum[c] += b ? a[c] * b[c] : a[c];
                    b = b ? b + block : NULL;
                }
                for (size_t c = 0; c < lanes; c++)
                    total[c] += sum[c];
            }
            for (size_t c = 0; c < lanes; c++)
                j->out[i * block + c0 + c] = (float)total[c];
        }
}

static void reduce_gate_range(void *ctx, size_t first, size_t last)
{
    reduce_gates(ctx, first, last);
}

/* Each sample by itself, in [H,W,C] order. */
static void reduce_samples(void *ctx, size_t first, size_t last)
{
    const struct job *j = ctx;
    const struct thaw_tensor *ta = j->ta;
    size_t size = thaw_tensor_sample(j->to);
    for (size_t n = first; n < last; n++) {
        memset(j->out + n * size, 0, size * sizeof *j->out);
        for (size_t y = 0; y < ta->h; y++)
            for (size_t x = 0; x < ta->w; x++)
                for (size_t c = 0; c < ta->c; c++) {
                    size_t at = broadcast_at(ta, n, y, x, c);
                    j->out[broadcast_at(j->to, n, y, x, c)] +=
                        j->b ? j->a[at] * j->b[at] : j->a[at];
                }
    }
}

void thaw_kernel_reduce(const struct thaw_tensor *ta, const float *a, const float *b,
                        const struct thaw_tensor *to, float *out)
{
    struct job job = {.ta = ta, .to = to, .a = a, .b = b, .out = out};
    if (equal(ta, to))
        thaw_kernel_combine(ta, a, ta, b, true, to, out);
    else if (is_gate(to, ta))
        thaw_par_range(ta->n * ta->blocks, reduce_gate_range, &job);
    else
        thaw_par_range(ta->n, reduce_samples, &job);
}
