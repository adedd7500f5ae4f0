/* Shape of one sample, and how a batch of them lies in memory. */
#ifndef THAW_NN_SHAPE_H
#define THAW_NN_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

/* Keras' order without the batch: rank 1 is [C], rank 2 is [H,C], rank 3 is [H,W,C]. Unused sides
 * are 1. */
struct thaw_shape {
    int rank;
    int h, w, c;
};

/* What one number of a tensor is. 8-bit types stand for `scale` times the number stored. */
enum thaw_type { THAW_TYPE_F32, THAW_TYPE_BF16, THAW_TYPE_S8, THAW_TYPE_U8 };

static inline size_t thaw_type_size(enum thaw_type type)
{
    return type == THAW_TYPE_F32 ? 4 : type == THAW_TYPE_BF16 ? 2 : 1;
}
static inline bool thaw_type_is_8bit(enum thaw_type type)
{
    return type == THAW_TYPE_S8 || type == THAW_TYPE_U8;
}

static inline size_t thaw_shape_count(struct thaw_shape s)
{
    return (size_t)s.h * (size_t)s.w * (size_t)s.c;
}

static inline bool thaw_shape_equal(struct thaw_shape a, struct thaw_shape b)
{
    return a.rank == b.rank && a.h == b.h && a.w == b.w && a.c == b.c;
}

/* Activations inside the engine: [N][blocks][H][W][block], channel = which block * block + place.
 * Channels beyond C, which round the last block up, are zero and stay zero: primitives rely on it.
 * One form covers oneDNN's nChw16c and nChw8c (block 16 or 8), NCHW (block 1) and NHWC (block C).
 */
struct thaw_layout {
    int block, blocks;
    size_t sample; /* numbers a sample: blocks * H * W * block */
};

/* The rule for every value of a plan with the machine's block (16 with AVX-512, else 8): up to four
 * channels with sides (pictures) stay NCHW, vectors (rank 1) stay dense, everything else is
 * blocked. */
struct thaw_layout thaw_layout_of(struct thaw_shape shape, int machine_block);
/* NHWC: what 8-bit primitives take. */
struct thaw_layout thaw_layout_channels_last(struct thaw_shape shape);

/* [N,H,W,C] as loaders and Keras have it, to the layout and back. */
void thaw_layout_pack(struct thaw_shape shape, struct thaw_layout layout, const float *nhwc,
                      size_t n, float *packed);
void thaw_layout_unpack(struct thaw_shape shape, struct thaw_layout layout, const float *packed,
                        size_t n, float *nhwc);

#endif
