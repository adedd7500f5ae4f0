#include "nn/kernels/pool.h"

#include <string.h>

#include "io/base/par.h"

enum { LANES = 16 };

struct job {
    const struct thaw_tensor *in, *out;
    const float *from;
    float *to;
    int32_t *cell;
};

/* Place of channel c of sample n in the pooled tensor. */
static size_t pooled(const struct thaw_tensor *out, size_t n, size_t c)
{
    return n * thaw_tensor_sample(out) + thaw_tensor_at(out, 0, 0, c);
}

/* Rows in float, the rows together in double. */
THAW_HOT static void mean_lanes(const struct thaw_tensor *t, const float *in, size_t lanes,
                                double *total)
{
    for (size_t y = 0; y < t->h; y++) {
        float sum[LANES] = {0};
        for (size_t x = 0; x < t->w; x++, in += t->block)
            for (size_t c = 0; c < lanes; c++)
                sum[c] += in[c];
        for (size_t c = 0; c < lanes; c++)
            total[c] += sum[c];
    }
}

static void mean_range(void *ctx, size_t first, size_t last)
{
    const struct job *j = ctx;
    const struct thaw_tensor *t = j->in;
    double cells = (double)(t->h * t->w);
    for (size_t i = first; i < last; i++)
        for (size_t c0 = 0; c0 < t->block; c0 += LANES) {
            size_t n = i / t->blocks, channel = i % t->blocks * t->block + c0;
            size_t lanes = t->block - c0 < LANES ? t->block - c0 : LANES;
            double total[LANES] = {0};
            mean_lanes(t, j->from + i * t->h * t->w * t->block + c0, lanes, total);
            for (size_t c = 0; c < lanes && channel + c < t->c; c++)
                j->to[pooled(j->out, n, channel + c)] = (float)(total[c] / cells);
        }
}

void thaw_kernel_global_mean(const struct thaw_tensor *in, const float *from,
                             const struct thaw_tensor *out, float *to)
{
    struct job job = {in, out, from, to, NULL};
    thaw_par_range(in->n * in->blocks, mean_range, &job);
    thaw_kernel_zero_tail(out, to);
}

/* Both ways back start from the block's gradients, gathered. */
static void gather(const struct job *j, size_t i, size_t c0, size_t lanes, float scale, float *g)
{
    size_t n = i / j->in->blocks, channel = i % j->in->blocks * j->in->block + c0;
    for (size_t c = 0; c < lanes; c++)
        g[c] = channel + c < j->in->c ? j->from[pooled(j->out, n, channel + c)] * scale : 0;
}

static void mean_backward_range(void *ctx, size_t first, size_t last)
{
    const struct job *j = ctx;
    const struct thaw_tensor *t = j->in;
    size_t cells = t->h * t->w;
    for (size_t i = first; i < last; i++)
        for (size_t c0 = 0; c0 < t->block; c0 += LANES) {
            size_t lanes = t->block - c0 < LANES ? t->block - c0 : LANES;
            float *din = j->to + i * cells * t->block + c0, g[LANES];
            gather(j, i, c0, lanes, 1 / (float)cells, g);
            for (size_t cell = 0; cell < cells; cell++, din += t->block)
                memcpy(din, g, lanes * sizeof *din);
        }
}

void thaw_kernel_global_mean_backward(const struct thaw_tensor *in, float *din,
                                      const struct thaw_tensor *out, const float *dout)
{
    struct job job = {in, out, dout, din, NULL};
    thaw_par_range(in->n * in->blocks, mean_backward_range, &job);
}

static void max_range(void *ctx, size_t first, size_t last)
{
    const struct job *j = ctx;
    const struct thaw_tensor *t = j->in;
    size_t cells = t->h * t->w;
    for (size_t i = first; i < last; i++)
        for (size_t c = 0; c < t->block; c++) {
            size_t n = i / t->blocks, channel = i % t->blocks * t->block + c, best = 0;
            const float *in = j->from + i * cells * t->block + c;
            for (size_t cell = 1; cell < cells; cell++)
                if (in[cell * t->block] > in[best * t->block])
                    best = cell;
            if (j->cell)
                j->cell[i * t->block + c] = (int32_t)best;
            if (channel < t->c)
                j->to[pooled(j->out, n, channel)] = in[best * t->block];
        }
}

void thaw_kernel_global_max(const struct thaw_tensor *in, const float *from,
                            const struct thaw_tensor *out, float *to, int32_t *cell)
{
    struct job job = {in, out, from, to, cell};
    thaw_par_range(in->n * in->blocks, max_range, &job);
    thaw_kernel_zero_tail(out, to);
}

static void max_backward_range(void *ctx, size_t first, size_t last)
{
    const struct job *j = ctx;
    const struct thaw_tensor *t = j->in;
    size_t size = t->h * t->w * t->block;
    for (size_t i = first; i < last; i++) {
        float *din = j->to + i * size;
        memset(din, 0, size * sizeof *din);
        for (size_t c = 0; c < t->block; c++)
            gather(j, i, c, 1, 1, din + (size_t)j->cell[i * t->block + c] * t->block + c);
    }
}

void thaw_kernel_global_max_backward(const struct thaw_tensor *in, float *din,
                                     const struct thaw_tensor *out, const float *dout,
                                     const int32_t *cell)
{
    struct job job = {in, out, dout, din, (int32_t *)cell};
    thaw_par_range(in->n * in->blocks, max_backward_range, &job);
}
