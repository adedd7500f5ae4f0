#include "nn/kernels/kernels.h"

#include "io/base/par.h"
#include "nn/kernels/lanes.h"

struct job {
    const struct thaw_tensor *t;
    const float *k, *b, *in;
    float *out;
};

/* One picture row of one block of channels. */
THAW_INLINE void lanes_row(int halves, size_t w, const float *k, const float *b, const float *in,
                           float *out)
{
    const thaw_lanes *x = (const thaw_lanes *)in;
    thaw_lanes *y = (thaw_lanes *)out, slope[THAW_HALVES], offset[THAW_HALVES];
#pragma GCC unroll 2
    for (int i = 0; i < halves; i++) {
        slope[i] = ((const thaw_lanes *)k)[i];
        offset[i] = b ? ((const thaw_lanes *)b)[i] : (thaw_lanes){0};
    }
    for (size_t cell = 0; cell < w; cell++, x += halves, y += halves)
#pragma GCC unroll 2
        for (int i = 0; i < halves; i++)
            y[i] = x[i] * slope[i] + offset[i];
}

THAW_INLINE void plain_row(size_t w, float k, float b, const float *in, float *out)
{
    for (size_t x = 0; x < w; x++)
        out[x] = in[x] * k + b;
}

/* A block that holds all channels: vectors. */
THAW_INLINE void wide_row(size_t block, size_t w, const float *k, const float *b, const float *in,
                          float *out)
{
    for (size_t x = 0; x < w; x++, in += block, out += block)
        for (size_t c = 0; c < block; c++)
            out[c] = in[c] * k[c] + (b ? b[c] : 0);
}

THAW_HOT static void rows(const struct job *job, size_t first, size_t last)
{
    const struct thaw_tensor *t = job->t;
    size_t size = t->w * t->block;
    for (size_t row = first; row < last; row++) {
        size_t channel = row / t->h % t->blocks * t->block;
        const float *k = job->k + channel, *b = job->b ? job->b + channel : NULL;
        const float *in = job->in + row * size;
        float *out = job->out + row * size;
        if (t->block == 16)
            lanes_row(2, t->w, k, b, in, out);
        else if (t->block == 8)
            lanes_row(1, t->w, k, b, in, out);
        else if (t->block == 1)
            plain_row(t->w, *k, b ? *b : 0, in, out);
        else
            wide_row(t->block, t->w, k, b, in, out);
    }
}

static void range(void *ctx, size_t first, size_t last)
{
    rows(ctx, first, last);
}

void thaw_kernel_affine(const struct thaw_tensor *t, const float *k, const float *b,
                        const struct thaw_act *act, const float *in, float *out)
{
    struct job job = {t, k, b, in, out};
    thaw_par_range(t->n * t->blocks * t->h, range, &job);
    if (!act->kind)
        return;
    thaw_act_forward(act, out, out, t->n * thaw_tensor_sample(t));
    if (thaw_act_moves_zero(act))
        thaw_kernel_zero_tail(t, out);
}

struct two {
    const struct thaw_tensor *t;
    const float *k, *a, *m, *x, *shift, *b;
    float *out;
};

THAW_INLINE void two_lanes(int halves, const struct two *j, size_t channel, size_t at)
{
    const thaw_lanes *a = (const thaw_lanes *)(j->a + at), *x = (const thaw_lanes *)(j->x + at);
    thaw_lanes *out = (thaw_lanes *)(j->out + at);
    thaw_lanes k[THAW_HALVES], m[THAW_HALVES], shift[THAW_HALVES], b[THAW_HALVES];
#pragma GCC unroll 2
    for (int i = 0; i < halves; i++) {
        size_t c = channel + (size_t)i * THAW_LANES;
        k[i] = *(const thaw_lanes *)(j->k + c);
        m[i] = *(const thaw_lanes *)(j->m + c);
        shift[i] = *(const thaw_lanes *)(j->shift + c);
        b[i] = *(const thaw_lanes *)(j->b + c);
    }
    for (size_t cell = 0; cell < j->t->w; cell++, a += halves, x += halves, out += halves)
#pragma GCC unroll 2
        for (int i = 0; i < halves; i++)
            out[i] = k[i] * a[i] + m[i] * (x[i] - shift[i]) + b[i];
}

THAW_HOT static void two_rows(const struct two *job, size_t first, size_t last)
{
    const struct thaw_tensor *t = job->t;
    for (size_t row = first; row < last; row++) {
        size_t channel = row / t->h % t->blocks * t->block, at = row * t->w * t->block;
        if (t->block == 16)
            two_lanes(2, job, channel, at);
        else if (t->block == 8)
            two_lanes(1, job, channel, at);
        else
            for (size_t i = 0; i < t->w * t->block; i++) {
                size_t c = channel + i % t->block;
                job->out[at + i] = job->k[c] * job->a[at + i] +
                                   job->m[c] * (job->x[at + i] - job->shift[c]) + job->b[c];
            }
    }
}

static void two_range(void *ctx, size_t first, size_t last)
{
    two_rows(ctx, first, last);
}

void thaw_kernel_affine_two(const struct thaw_tensor *t, const float *k, const float *a,
                            const float *m, const float *x, const float *shift, const float *b,
                            float *out)
{
    struct two job = {t, k, a, m, x, shift, b, out};
    thaw_par_range(t->n * t->blocks * t->h, two_range, &job);
}
