#include "nn/kernels/kernels.h"

#include "io/base/par.h"

struct job {
    const struct thaw_tensor *t;
    const float *k, *b, *in;
    float *out;
};

/* One picture row of one block of channels; `block` is a constant where it is called. */
THAW_INLINE void row_of(size_t block, size_t w, const float *k, const float *b, const float *in,
                        float *out)
{
    for (size_t x = 0; x < w; x++)
        for (size_t c = 0; c < block; c++)
            out[x * block + c] = in[x * block + c] * k[c] + b[c];
}

THAW_HOT static void rows(const struct job *job, size_t first, size_t last)
{
    static const float zeros[16];
    const struct thaw_tensor *t = job->t;
    size_t size = t->w * t->block;
    for (size_t row = first; row < last; row++) {
        size_t channel = row / t->h % t->blocks * t->block;
        const float *k = job->k + channel, *b = job->b ? job->b + channel : zeros;
        const float *in = job->in + row * size;
        float *out = job->out + row * size;
        if (t->block == 16)
            row_of(16, t->w, k, b, in, out);
        else if (t->block == 8)
            row_of(8, t->w, k, b, in, out);
        else if (t->block == 1)
            row_of(1, t->w, k, b, in, out);
        else if (job->b)
            row_of(t->block, t->w, k, b, in, out);
        else
            for (size_t i = 0; i < size; i++)
                out[i] = in[i] * k[i % t->block];
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

/* Channels of a block at a time; `block` is a constant where it is called. */
THAW_INLINE void two_row(size_t block, const struct two *j, size_t row)
{
    const struct thaw_tensor *t = j->t;
    size_t channel = row / t->h % t->blocks * block, at = row * t->w * block;
    const float *k = j->k + channel, *m = j->m + channel, *b = j->b + channel;
    const float *shift = j->shift + channel, *a = j->a + at, *x = j->x + at;
    float *out = j->out + at;
    for (size_t i = 0; i < t->w * block; i += block)
        for (size_t c = 0; c < block; c++)
            out[i + c] = k[c] * a[i + c] + m[c] * (x[i + c] - shift[c]) + b[c];
}

THAW_HOT static void two_rows(const struct two *job, size_t first, size_t last)
{
    for (size_t row = first; row < last; row++)
        if (job->t->block == 16)
            two_row(16, job, row);
        else if (job->t->block == 8)
            two_row(8, job, row);
        else
            two_row(job->t->block, job, row);
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
