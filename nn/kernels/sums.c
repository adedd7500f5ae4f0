#include "nn/kernels/kernels.h"

#include <string.h>

#include "io/base/par.h"
#include "nn/kernels/lanes.h"

/* Each (sample, block) is summed by itself, rows in float, the rows together in double; then the
 * samples are added in order. Threads only share out the (sample, block) pairs. */

struct job {
    const struct thaw_tensor *t;
    const float *a, *b, *shift;
    double *sum, *product; /* [n][channels] */
};

size_t thaw_kernel_sums_scratch(const struct thaw_tensor *t)
{
    return 2 * t->n * thaw_tensor_channels(t) * sizeof(double);
}

/* One (sample, block); `halves` and `products` are constants where it is called. */
THAW_INLINE void pair_sum(int halves, bool products, const struct thaw_tensor *t, const float *in_a,
                          const float *in_b, const float *shift, double *sum, double *product)
{
    const thaw_lanes *a = (const thaw_lanes *)in_a, *b = (const thaw_lanes *)in_b;
    thaw_lanes centre[THAW_HALVES] = {{0}, {0}};
    for (int i = 0; shift && i < halves; i++)
        centre[i] = ((const thaw_lanes *)shift)[i];
    for (size_t y = 0; y < t->h; y++) {
        thaw_lanes s[THAW_HALVES] = {{0}, {0}}, p[THAW_HALVES] = {{0}, {0}};
        for (size_t x = 0; x < t->w; x++, a += halves) {
#pragma GCC unroll 2
            for (int i = 0; i < halves; i++) {
                s[i] += a[i];
                if (products)
                    p[i] += a[i] * (b[i] - centre[i]);
            }
            if (products)
                b += halves;
        }
        for (int i = 0; i < halves; i++)
            for (int c = 0; c < THAW_LANES; c++) {
                sum[i * THAW_LANES + c] += s[i][c];
                if (products)
                    product[i * THAW_LANES + c] += p[i][c];
            }
    }
}

THAW_INLINE void pair_squares(int halves, const struct thaw_tensor *t, const float *in,
                              const float *shift, double *squares)
{
    const thaw_lanes *a = (const thaw_lanes *)in, *centre = (const thaw_lanes *)shift;
    for (size_t y = 0; y < t->h; y++) {
        thaw_lanes s[THAW_HALVES] = {{0}, {0}};
        for (size_t x = 0; x < t->w; x++, a += halves)
#pragma GCC unroll 2
            for (int i = 0; i < halves; i++) {
                thaw_lanes d = a[i] - centre[i];
                s[i] += d * d;
            }
        for (int i = 0; i < halves; i++)
            for (int c = 0; c < THAW_LANES; c++)
                squares[i * THAW_LANES + c] += s[i][c];
    }
}

/* Blocks of any width, lane by lane. */
static void pair_any(const struct job *job, size_t a0, size_t channel, double *sum, double *product)
{
    const struct thaw_tensor *t = job->t;
    for (size_t cell = 0; cell < t->h * t->w; cell++)
        for (size_t c = 0; c < t->block; c++) {
            double a = job->a[a0 + cell * t->block + c];
            double shift = job->shift ? job->shift[channel + c] : 0;
            if (product && job->b)
                product[c] += a * (job->b[a0 + cell * t->block + c] - shift);
            if (product && !job->b)
                product[c] += (a - shift) * (a - shift);
            if (sum)
                sum[c] += a;
        }
}

/* sum alone, sum and product, or (without sum) squares in `product`. */
THAW_HOT static void pairs(const struct job *job, size_t first, size_t last)
{
    const struct thaw_tensor *t = job->t;
    for (size_t i = first; i < last; i++) {
        size_t at = i * t->h * t->w * t->block, channel = i % t->blocks * t->block;
        const float *a = job->a + at, *b = job->b ? job->b + at : NULL;
        const float *shift = job->shift ? job->shift + channel : NULL;
        double *sum = job->sum ? job->sum + i * t->block : NULL;
        double *product = job->product ? job->product + i * t->block : NULL;
        if (sum)
            memset(sum, 0, t->block * sizeof *sum);
        if (product)
            memset(product, 0, t->block * sizeof *product);
        if (t->block == 16 && !sum)
            pair_squares(2, t, a, shift, product);
        else if (t->block == 16 && b)
            pair_sum(2, true, t, a, b, shift, sum, product);
        else if (t->block == 16)
            pair_sum(2, false, t, a, b, shift, sum, product);
        else if (t->block == 8 && !sum)
            pair_squares(1, t, a, shift, product);
        else if (t->block == 8 && b)
            pair_sum(1, true, t, a, b, shift, sum, product);
        else if (t->block == 8)
            pair_sum(1, false, t, a, b, shift, sum, product);
        else
            pair_any(job, at, channel, sum, product);
    }
}

static void range(void *ctx, size_t first, size_t last)
{
    pairs(ctx, first, last);
}

/* total[c] = partial[0][c] + partial[1][c] + ... */
static void add_samples(const struct thaw_tensor *t, const double *partial, double *total)
{
    size_t channels = thaw_tensor_channels(t);
    for (size_t c = 0; c < channels; c++)
        total[c] = 0;
    for (size_t i = 0; i < t->n; i++)
        for (size_t c = 0; c < channels; c++)
            total[c] += partial[i * channels + c];
}

void thaw_kernel_sums(const struct thaw_tensor *t, const float *a, const float *b,
                      const float *shift, double *partial, double *sum, double *product)
{
    struct job job = {t, a, b, shift, partial, NULL};
    if (b)
        job.product = partial + t->n * thaw_tensor_channels(t);
    thaw_par_range(t->n * t->blocks, range, &job);
    add_samples(t, job.sum, sum);
    if (b)
        add_samples(t, job.product, product);
}

void thaw_kernel_squares(const struct thaw_tensor *t, const float *a, const float *shift,
                         double *partial, double *squares)
{
    struct job job = {t, a, NULL, shift, NULL, partial};
    thaw_par_range(t->n * t->blocks, range, &job);
    add_samples(t, partial, squares);
}
