/* 3x3 convolutions with stride 1 in bfloat16 by Winograd's algorithm F(2x2, 3x3) (Lavin and Gray,
 * "Fast algorithms for convolutional neural networks", 2016): four outputs of a tile of 2x2 take 16
 * products of each pair of channels in place of 36. Kernel and input are transformed in float32,
 * rounded to bfloat16, multiplied and summed in float32: about 1.6 times the rounding error of
 * direct sums in bfloat16. Each output is the same bits whatever n and the number of threads. */
#ifndef THAW_NN_KERNELS_WINOGRAD_H
#define THAW_NN_KERNELS_WINOGRAD_H

#include "nn/kernels/conv.h"

/* in [n][blocks][ih][iw][16], out [n][blocks][oh][ow][16], both bfloat16. The kernel's middle lies
 * on input row y - pad_top + 1 for output row y; what is outside counts as zero. */
struct thaw_winograd {
    int n, in_channels, out_channels;
    int ih, iw, oh, ow, pad_top, pad_left;
    int threads;           /* that share the work at most */
    struct thaw_gate gate; /* out lies between its ends */
};

/* Does it save time here, and has the machine the instructions for it? Does not look at n. */
bool thaw_winograd_takes(const struct thaw_winograd *w);

/* Bytes of the transformed kernel, and that one from Keras' layout [3][3][in][out]. */
size_t thaw_winograd_kernel_bytes(const struct thaw_winograd *w);
void thaw_winograd_transform_kernel(const struct thaw_winograd *w, const float *keras,
                                    uint16_t *kernel);

struct thaw_winograd_pass {
    const uint16_t *in, *kernel;
    const float *bias; /* [out_channels] */
    const uint16_t
        *addend; /* NULL, or like out, which it may be: out = gate(sums + bias + addend) */
    uint16_t *out;
    void *scratch; /* aligned to cache lines */
};
size_t thaw_winograd_scratch(const struct thaw_winograd *w); /* bytes */
void thaw_winograd_forward(const struct thaw_winograd *w, const struct thaw_winograd_pass *pass);

#endif
