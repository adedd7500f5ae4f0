#include "nn/kernels/move.h"

#include <string.h>

#include "io/base/par.h"

/* --- padding and cropping --- */

struct pad {
    const struct thaw_tensor *in, *out;
    ptrdiff_t top, left;
    const float *from;
    float *to;
};

static void pad_rows(void *ctx, size_t first, size_t last)
{
    const struct pad *p = ctx;
    size_t block = p->out->block, in_w = p->in->w, out_w = p->out->w;
    size_t skip = p->left < 0 ? (size_t)-p->left : 0, lead = p->left > 0 ? (size_t)p->left : 0;
    size_t copied = skip < in_w ? in_w - skip : 0;
    lead = lead < out_w ? lead : out_w;
    copied = copied < out_w - lead ? copied : out_w - lead;
    size_t trail = out_w - lead - copied;
    for (size_t row = first; row < last; row++) {
        ptrdiff_t y = (ptrdiff_t)(row % p->out->h) - p->top;
        float *to = p->to + row * out_w * block;
        if (y < 0 || y >= (ptrdiff_t)p->in->h) {
            memset(to, 0, out_w * block * sizeof *to);
            continue;
        }
        size_t in_row = row / p->out->h * p->in->h + (size_t)y;
        memset(to, 0, lead * block * sizeof *to);
        memcpy(to + lead * block, p->from + (in_row * in_w + skip) * block,
               copied * block * sizeof *to);
        memset(to + (lead + copied) * block, 0, trail * block * sizeof *to);
    }
}

void thaw_kernel_pad(const struct thaw_tensor *in, const struct thaw_tensor *out, int top, int left,
                     const float *from, float *to)
{
    struct pad p = {in, out, top, left, from, to};
    thaw_par_range(out->n * out->blocks * out->h, pad_rows, &p);
}

/* --- runs of channels --- */

struct channels {
    const struct thaw_tensor *in, *out;
    size_t in_first, out_first, count;
    const float *from;
    float *to;
};

static bool aligned(const struct channels *j)
{
    size_t block = j->in->block;
    bool whole = j->count % block == 0 ||
                 (j->in_first + j->count == j->in->c && j->out_first + j->count == j->out->c);
    return block == j->out->block && j->in_first % block == 0 && j->out_first % block == 0 && whole;
}

/* Blocks as they are; a last one that is not full has zeros at its end on both sides. */
static void copy_blocks(void *ctx, size_t first, size_t last)
{
    const struct channels *j = ctx;
    size_t block = j->in->block, size = j->in->h * j->in->w * block;
    size_t blocks = (j->count + block - 1) / block;
    for (size_t i = first; i < last; i++) {
        size_t n = i / blocks, b = i % blocks;
        memcpy(j->to + (n * j->out->blocks + j->out_first / block + b) * size,
               j->from + (n * j->in->blocks + j->in_first / block + b) * size,
               size * sizeof *j->to);
    }
}

static void copy_channels(void *ctx, size_t first, size_t last)
{
    const struct channels *j = ctx;
    size_t cells = j->in->h * j->in->w, in_step = j->in->block, out_step = j->out->block;
    for (size_t i = first; i < last; i++) {
        size_t n = i / j->count, c = i % j->count;
        const float *from =
            j->from + n * thaw_tensor_sample(j->in) + thaw_tensor_at(j->in, 0, 0, j->in_first + c);
        float *to =
            j->to + n * thaw_tensor_sample(j->out) + thaw_tensor_at(j->out, 0, 0, j->out_first + c);
        for (size_t cell = 0; cell < cells; cell++)
            to[cell * out_step] = from[cell * in_step];
    }
}

void thaw_kernel_channels(const struct thaw_tensor *in, size_t in_first, const float *from,
                          const struct thaw_tensor *out, size_t out_first, float *to, size_t count)
{
    struct channels j = {in, out, in_first, out_first, count, from, to};
    if (aligned(&j))
        thaw_par_range(in->n * ((count + in->block - 1) / in->block), copy_blocks, &j);
    else
        thaw_par_range(in->n * count, copy_channels, &j);
}

/* --- another shape of the same elements --- */

struct reshape {
    const struct thaw_tensor *in, *out;
    const float *from;
    float *to;
};

static void reshape_samples(void *ctx, size_t first, size_t last)
{
    const struct reshape *r = ctx;
    const struct thaw_tensor *in = r->in, *out = r->out;
    for (size_t n = first; n < last; n++) {
        const float *from = r->from + n * thaw_tensor_sample(in);
        float *to = r->to + n * thaw_tensor_sample(out);
        size_t y = 0, x = 0, c = 0; /* of the output, counted along */
        for (size_t iy = 0; iy < in->h; iy++)
            for (size_t ix = 0; ix < in->w; ix++)
                for (size_t ic = 0; ic < in->c; ic++) {
                    to[thaw_tensor_at(out, y, x, c)] = from[thaw_tensor_at(in, iy, ix, ic)];
                    if (++c < out->c)
                        continue;
                    c = 0;
                    if (++x < out->w)
                        continue;
                    x = 0;
                    y++;
                }
    }
}

/* Elements of a sample lie in [H,W,C] order without gaps. */
static bool dense(const struct thaw_tensor *t)
{
    return (t->h * t->w == 1 && t->blocks * t->block == t->c) ||
           (t->blocks == 1 && t->block == t->c);
}

void thaw_kernel_reshape(const struct thaw_tensor *in, const float *from,
                         const struct thaw_tensor *out, float *to)
{
    bool same = in->h == out->h && in->w == out->w && in->c == out->c && in->block == out->block;
    if (same || (dense(in) && dense(out))) {
        thaw_kernel_copy(from, to, in->n * thaw_tensor_sample(in) * sizeof *to);
        return;
    }
    struct reshape r = {in, out, from, to};
    thaw_par_range(in->n, reshape_samples, &r);
    thaw_kernel_zero_tail(out, to);
}
