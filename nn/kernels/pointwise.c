#include "nn/kernels/conv.h"

#include <string.h>

#include "io/base/par.h"

/* The kernel's gradient is a product of two tall matrices: for each pair of channels the sum over
 * all cells. Tiles of SIDE channels of one by up to three blocks of the other are summed in
 * registers over a stretch of cells that stays in the first cache while all tiles pass over it,
 * then added to the whole. */

enum {
    BLOCK = THAW_POINTWISE_BLOCK,
    SQUARE = BLOCK * BLOCK,
    SIDE = 8,
    MOST_WIDE = 3,
    STRETCH = 100
};

typedef float lanes __attribute__((vector_size(BLOCK * sizeof(float)), aligned(4), may_alias));

/* `wide` is the side whose blocks are vectors, `narrow` the one taken channel by channel. */
struct job {
    const struct thaw_pointwise *p;
    const float *wide, *narrow;
    size_t wide_blocks, narrow_blocks, narrow_tiles;
    bool wide_is_out;
    float *result, *bias;
};

bool thaw_pointwise_by_input(const struct thaw_pointwise *p)
{
    size_t in = (p->in_channels + BLOCK - 1) / BLOCK, out = (p->out_channels + BLOCK - 1) / BLOCK;
    size_t by_input = in * BLOCK * ((p->out_channels + SIDE - 1) / SIDE * SIDE);
    size_t by_output = out * BLOCK * ((p->in_channels + SIDE - 1) / SIDE * SIDE);
    return by_input < by_output || (by_input == by_output && in > out);
}

/* Cells that all tiles pass over before the next: a stretch of one sample, or several samples. */
struct part {
    size_t samples, cells;
    const float *wide, *narrow;
};

/* ahead: on the way fetches what the next part needs. */
THAW_TARGET_AVX512 THAW_INLINE void tile(int blocks, bool ahead, const struct job *j,
                                         const struct part *p, const float *narrow, float *result)
{
    lanes sum[SIDE][MOST_WIDE];
    const float *wide = p->wide;
    size_t plane = j->p->cells * BLOCK, cells = p->cells, step = j->narrow_blocks * SQUARE;
#pragma GCC unroll 8
    for (int i = 0; i < SIDE; i++)
#pragma GCC unroll 3
        for (int b = 0; b < blocks; b++)
            sum[i][b] = (lanes){0};
    for (size_t s = 0; s < p->samples; s++) {
        for (size_t cell = 0; cell < cells; cell++) {
            lanes v[MOST_WIDE];
#pragma GCC unroll 3
            for (int b = 0; b < blocks; b++) {
                const float *at = wide + (size_t)b * plane + cell * BLOCK;
                v[b] = *(const lanes *)at;
                if (ahead)
                    __builtin_prefetch(at + cells * BLOCK);
            }
            if (ahead)
                __builtin_prefetch(narrow + (cell + cells) * BLOCK);
#pragma GCC unroll 8
            for (int i = 0; i < SIDE; i++)
#pragma GCC unroll 3
                for (int b = 0; b < blocks; b++)
                    sum[i][b] += v[b] * narrow[cell * BLOCK + (size_t)i];
        }
        wide += j->wide_blocks * plane;
        narrow += j->narrow_blocks * plane;
    }
#pragma GCC unroll 8
    for (int i = 0; i < SIDE; i++)
#pragma GCC unroll 3
        for (int b = 0; b < blocks; b++)
            *(lanes *)(result + (size_t)b * step + (size_t)(i * BLOCK)) += sum[i][b];
}

/* Up to three blocks from `block` on against all channels of the other side. */
THAW_TARGET_AVX512 static void group(const struct job *j, const struct part *whole, size_t block)
{
    size_t plane = j->p->cells * BLOCK, left = j->wide_blocks - block;
    struct part p = *whole;
    p.wide += block * plane;
    for (size_t t = 0; t < j->narrow_tiles; t++) {
        size_t other = t * SIDE / BLOCK, within = t * SIDE % BLOCK;
        const float *narrow = p.narrow + other * plane + within;
        float *result = j->result + (block * j->narrow_blocks + other) * SQUARE + within * BLOCK;
        bool ahead = within == 0 && (other == 0 || block == 0); /* the first to pass here */
        if (left >= 3)
            ahead ? tile(3, true, j, &p, narrow, result) : tile(3, false, j, &p, narrow, result);
        else if (left == 2)
            ahead ? tile(2, true, j, &p, narrow, result) : tile(2, false, j, &p, narrow, result);
        else
            ahead ? tile(1, true, j, &p, narrow, result) : tile(1, false, j, &p, narrow, result);
    }
}

/* The bias's gradient from some blocks of the output's. */
THAW_TARGET_AVX512 static void add_bias(const struct job *j, const struct part *p, size_t first,
                                        size_t last)
{
    size_t plane = j->p->cells * BLOCK;
    size_t sample = (j->wide_is_out ? j->wide_blocks : j->narrow_blocks) * plane;
    for (size_t block = first; block < last; block++) {
        lanes sum[4] = {{0}, {0}, {0}, {0}};
        for (size_t s = 0; s < p->samples; s++) {
            const lanes *g = (const lanes *)((j->wide_is_out ? p->wide : p->narrow) + s * sample +
                                             block * plane);
            size_t cell = 0;
            for (; cell + 4 <= p->cells; cell += 4)
#pragma GCC unroll 4
                for (size_t k = 0; k < 4; k++)
                    sum[k] += g[cell + k];
            for (; cell < p->cells; cell++)
                sum[0] += g[cell];
        }
        *(lanes *)(j->bias + block * BLOCK) += (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
}

static void add_part(const struct job *j, const struct part *p, size_t first, size_t last)
{
    size_t end = last * MOST_WIDE < j->wide_blocks ? last * MOST_WIDE : j->wide_blocks;
    if (j->wide_is_out)
        add_bias(j, p, first * MOST_WIDE, end);
    else if (first == 0)
        add_bias(j, p, 0, j->narrow_blocks);
    for (size_t g = first; g < last; g++)
        group(j, p, g * MOST_WIDE);
}

static void groups(void *ctx, size_t first, size_t last)
{
    const struct job *j = ctx;
    size_t n = j->p->n, cells = j->p->cells, plane = cells * BLOCK;
    size_t together = cells < STRETCH ? STRETCH / cells : 1;
    for (size_t s = 0; s < n; s += together)
        for (size_t cell = 0; cell < cells; cell += STRETCH) {
            struct part p = {.samples = n - s < together ? n - s : together,
                             .cells = cells - cell < STRETCH ? cells - cell : STRETCH,
                             .wide = j->wide + s * j->wide_blocks * plane + cell * BLOCK,
                             .narrow = j->narrow + s * j->narrow_blocks * plane + cell * BLOCK};
            add_part(j, &p, first, last);
        }
}

void thaw_kernel_pointwise_weights(const struct thaw_pointwise *p, const float *in,
                                   const float *dout, bool first, float *dkernel, float *dbias)
{
    size_t ins = (p->in_channels + BLOCK - 1) / BLOCK, outs = (p->out_channels + BLOCK - 1) / BLOCK;
    struct job job = {.p = p, .wide_is_out = !thaw_pointwise_by_input(p), .result = dkernel};
    job.bias = dbias;
    job.wide = job.wide_is_out ? dout : in;
    job.narrow = job.wide_is_out ? in : dout;
    job.wide_blocks = job.wide_is_out ? outs : ins;
    job.narrow_blocks = job.wide_is_out ? ins : outs;
    job.narrow_tiles = ((job.wide_is_out ? p->in_channels : p->out_channels) + SIDE - 1) / SIDE;
    if (first) {
        memset(dkernel, 0, ins * outs * SQUARE * sizeof *dkernel);
        memset(dbias, 0, outs * BLOCK * sizeof *dbias);
    }
    thaw_par_range((job.wide_blocks + MOST_WIDE - 1) / MOST_WIDE, groups, &job);
}
