#include "nn/kernels/kernels.h"

#include <math.h>
#include <string.h>

#include "io/base/par.h"

struct thaw_tensor thaw_tensor_of(struct thaw_shape shape, struct thaw_layout layout, int n)
{
    return (struct thaw_tensor){
        .n = (size_t)n,
        .blocks = (size_t)layout.blocks,
        .h = (size_t)shape.h,
        .w = (size_t)shape.w,
        .block = (size_t)layout.block,
        .c = (size_t)shape.c,
    };
}

void thaw_kernel_zero_tail(const struct thaw_tensor *t, float *data)
{
    size_t kept = t->c - (t->blocks - 1) * t->block, cells = t->h * t->w;
    if (kept == t->block)
        return;
    for (size_t i = 0; i < t->n; i++) {
        float *last = data + (i * t->blocks + t->blocks - 1) * cells * t->block;
        for (size_t cell = 0; cell < cells; cell++)
            memset(last + cell * t->block + kept, 0, (t->block - kept) * sizeof *last);
    }
}

struct copy {
    const char *in;
    char *out;
    size_t bytes;
};

enum { PIECE = 4096 };

static void copy_range(void *ctx, size_t first, size_t last)
{
    const struct copy *c = ctx;
    size_t a = first * PIECE, b = last * PIECE < c->bytes ? last * PIECE : c->bytes;
    memcpy(c->out + a, c->in + a, b - a);
}

void thaw_kernel_copy(const void *in, void *out, size_t bytes)
{
    struct copy c = {in, out, bytes};
    thaw_par_range((bytes + PIECE - 1) / PIECE, copy_range, &c);
}

struct addition {
    float *to;
    const float *from;
};

THAW_HOT static void add(float *restrict to, const float *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}

static void add_range(void *ctx, size_t first, size_t last)
{
    const struct addition *a = ctx;
    add(a->to + first, a->from + first, last - first);
}

void thaw_kernel_add(float *to, const float *from, size_t count)
{
    struct addition a = {to, from};
    thaw_par_range(count, add_range, &a);
}

struct scaling {
    float *to, by;
};

THAW_HOT static void scale(float *to, float by, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] *= by;
}

static void scale_range(void *ctx, size_t first, size_t last)
{
    const struct scaling *s = ctx;
    scale(s->to + first, s->by, last - first);
}

void thaw_kernel_scale(float *to, float by, size_t count)
{
    struct scaling s = {to, by};
    thaw_par_range(count, scale_range, &s);
}

/* Summed in as many parts, and in each in as many strands, whatever the threads. */
enum { PARTS = 64, STRANDS = 16 };

struct norm {
    const float *data;
    size_t count;
    double sums[PARTS];
};

THAW_HOT static double squares(const float *data, size_t count)
{
    double strands[STRANDS] = {0}, sum = 0;
    size_t i = 0;
    for (; i + STRANDS <= count; i += STRANDS)
        for (size_t k = 0; k < STRANDS; k++)
            strands[k] += (double)data[i + k] * (double)data[i + k];
    for (; i < count; i++)
        sum += (double)data[i] * (double)data[i];
    for (size_t k = 0; k < STRANDS; k++)
        sum += strands[k];
    return sum;
}

static void norm_range(void *ctx, size_t first, size_t last)
{
    struct norm *n = ctx;
    for (size_t part = first; part < last; part++) {
        size_t begin = n->count * part / PARTS, end = n->count * (part + 1) / PARTS;
        n->sums[part] = squares(n->data + begin, end - begin);
    }
}

double thaw_kernel_norm(const float *data, size_t count)
{
    struct norm n = {.data = data, .count = count};
    double sum = 0;
    thaw_par_range(PARTS, norm_range, &n);
    for (int part = 0; part < PARTS; part++)
        sum += n.sums[part];
    return sqrt(sum);
}
