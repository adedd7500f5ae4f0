#include "nn/kernels/kernels.h"

#include <stddef.h>
#include <string.h>

#include "io/base/par.h"

/* Each (sample, block) gives a kernel's worth of sums in scratch; then the samples are added in
 * order. Within a pair, output rows are taken in groups that stay in the first cache, and for each
 * row of the kernel all its columns are summed at once: one load of the output's gradient serves
 * kw multiply-adds. */

enum { MOST_KW = 7, GROUP_BYTES = 12 * 1024 };

typedef float lanes16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef float lanes8 __attribute__((vector_size(32), aligned(4), may_alias));

#define LANES   16
#define VECTOR  lanes16
#define NAME(x) x##_16
#include "nn/kernels/depthwise_pair.h"
#undef LANES
#undef VECTOR
#undef NAME
#define LANES   8
#define VECTOR  lanes8
#define NAME(x) x##_8
#include "nn/kernels/depthwise_pair.h"

struct job {
    const struct thaw_depthwise *d;
    const float *in, *dout;
    float *kernel, *bias; /* [n][blocks][kh][kw][block], [n][blocks][block] */
};

/* Any block, width and stride. */
static void pair_any(const struct thaw_depthwise *d, const float *in, const float *dout,
                     float *kernel)
{
    for (int ky = 0; ky < d->kh; ky++)
        for (int kx = 0; kx < d->kw; kx++, kernel += d->block)
            for (int y = 0; y < d->oh; y++) {
                int iy = y * d->stride_h - d->pad_top + ky;
                if (iy < 0 || iy >= d->ih)
                    continue;
                for (int x = 0; x < d->ow; x++) {
                    int ix = x * d->stride_w - d->pad_left + kx;
                    if (ix < 0 || ix >= d->iw)
                        continue;
                    const float *a = in + ((ptrdiff_t)iy * d->iw + ix) * d->block;
                    const float *g = dout + ((ptrdiff_t)y * d->ow + x) * d->block;
                    for (int c = 0; c < d->block; c++)
                        kernel[c] += g[c] * a[c];
                }
            }
}

static void bias_any(const struct thaw_depthwise *d, const float *dout, float *bias)
{
    memset(bias, 0, (size_t)d->block * sizeof *bias);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)d->oh * d->ow; i++)
        for (int c = 0; c < d->block; c++)
            bias[c] += dout[i * d->block + c];
}

THAW_HOT static void pairs(const struct job *job, size_t first, size_t last)
{
    const struct thaw_depthwise *d = job->d;
    size_t block = (size_t)d->block, kernel_size = (size_t)d->kh * (size_t)d->kw * block;
    size_t in_size = (size_t)d->ih * (size_t)d->iw * block;
    size_t out_size = (size_t)d->oh * (size_t)d->ow * block;
    for (size_t i = first; i < last; i++) {
        const float *in = job->in + i * in_size, *dout = job->dout + i * out_size;
        float *kernel = job->kernel + i * kernel_size;
        memset(kernel, 0, kernel_size * sizeof *kernel);
        if (!(block == 16 && known_16(d, in, dout, kernel)) &&
            !(block == 8 && known_8(d, in, dout, kernel)))
            pair_any(d, in, dout, kernel);
        if (block == 16)
            bias_16(d, dout, job->bias + i * block);
        else if (block == 8)
            bias_8(d, dout, job->bias + i * block);
        else
            bias_any(d, dout, job->bias + i * block);
    }
}

static void range(void *ctx, size_t first, size_t last)
{
    pairs(ctx, first, last);
}

static size_t kernel_count(const struct thaw_depthwise *d)
{
    return (size_t)d->blocks * (size_t)d->kh * (size_t)d->kw * (size_t)d->block;
}

static size_t channel_count(const struct thaw_depthwise *d)
{
    return (size_t)d->blocks * (size_t)d->block;
}

size_t thaw_kernel_depthwise_scratch(const struct thaw_depthwise *d)
{
    return (size_t)d->n * (kernel_count(d) + channel_count(d)) * sizeof(float);
}

static void add_samples(int n, size_t count, const float *partial, bool first, float *total)
{
    if (first)
        memset(total, 0, count * sizeof *total);
    for (int i = 0; i < n; i++, partial += count)
        for (size_t j = 0; j < count; j++)
            total[j] += partial[j];
}

void thaw_kernel_depthwise_weights(const struct thaw_depthwise *d, const float *in,
                                   const float *dout, bool first, float *dkernel, float *dbias,
                                   float *scratch)
{
    struct job job = {d, in, dout, scratch, scratch + (size_t)d->n * kernel_count(d)};
    thaw_par_range((size_t)d->n * (size_t)d->blocks, range, &job);
    add_samples(d->n, kernel_count(d), job.kernel, first, dkernel);
    if (dbias)
        add_samples(d->n, channel_count(d), job.bias, first, dbias);
}
