#include "nn/shape.h"

#include <string.h>

#include "io/base/par.h"

struct thaw_layout thaw_layout_of(struct thaw_shape s, int machine_block)
{
    enum { PICTURE_CHANNELS = 4 };
    int block = machine_block;
    if (s.rank == 1)
        block = s.c;
    else if (s.c <= PICTURE_CHANNELS && s.h * s.w > 1)
        block = 1;
    int blocks = (s.c + block - 1) / block;
    return (struct thaw_layout){block, blocks,
                                (size_t)blocks * (size_t)s.h * (size_t)s.w * (size_t)block};
}

struct thaw_layout thaw_layout_channels_last(struct thaw_shape s)
{
    return (struct thaw_layout){s.c, 1, thaw_shape_count(s)};
}

struct relayout {
    struct thaw_shape shape;
    struct thaw_layout layout;
    const float *from;
    float *to;
};

/* One channel of a picture. */
static void pack_plane(const float *from, size_t c, float *to, size_t area)
{
    for (size_t p = 0; p < area; p++)
        to[p] = from[p * c];
}

static void pack_rows(void *ctx, size_t first, size_t last)
{
    const struct relayout *r = ctx;
    size_t area = (size_t)r->shape.h * (size_t)r->shape.w, c = (size_t)r->shape.c;
    size_t block = (size_t)r->layout.block, blocks = (size_t)r->layout.blocks;
    for (size_t i = first; i < last; i++) {
        size_t sample = i / blocks, begin = i % blocks * block;
        size_t width = c - begin < block ? c - begin : block;
        const float *from = r->from + sample * area * c + begin;
        float *to = r->to + i * area * block;
        if (block == 1)
            pack_plane(from, c, to, area);
        for (size_t p = 0; block > 1 && p < area; p++) {
            for (size_t k = 0; k < width; k++)
                to[p * block + k] = from[p * c + k];
            for (size_t k = width; k < block; k++)
                to[p * block + k] = 0;
        }
    }
}

static void unpack_rows(void *ctx, size_t first, size_t last)
{
    const struct relayout *r = ctx;
    size_t area = (size_t)r->shape.h * (size_t)r->shape.w, c = (size_t)r->shape.c;
    size_t block = (size_t)r->layout.block, blocks = (size_t)r->layout.blocks;
    for (size_t i = first; i < last; i++) {
        size_t sample = i / blocks, begin = i % blocks * block;
        size_t width = c - begin < block ? c - begin : block;
        float *to = r->to + sample * area * c + begin;
        const float *from = r->from + i * area * block;
        for (size_t p = 0; p < area; p++)
            for (size_t k = 0; k < width; k++)
                to[p * c + k] = from[p * block + k];
    }
}

void thaw_layout_pack(struct thaw_shape shape, struct thaw_layout layout, const float *nhwc,
                      size_t n, float *packed)
{
    struct relayout r = {shape, layout, nhwc, packed};
    if (layout.block == shape.c)
        memcpy(packed, nhwc, n * layout.sample * sizeof *packed);
    else
        thaw_par_range(n * (size_t)layout.blocks, pack_rows, &r);
}

void thaw_layout_unpack(struct thaw_shape shape, struct thaw_layout layout, const float *packed,
                        size_t n, float *nhwc)
{
    struct relayout r = {shape, layout, packed, nhwc};
    if (layout.block == shape.c)
        memcpy(nhwc, packed, n * layout.sample * sizeof *nhwc);
    else
        thaw_par_range(n * (size_t)layout.blocks, unpack_rows, &r);
}
