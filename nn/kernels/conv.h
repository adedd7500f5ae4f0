/* Gradients of convolutions by loops of our own. The rules of kernels.h hold. */
#ifndef THAW_NN_KERNELS_CONV_H
#define THAW_NN_KERNELS_CONV_H

#include "nn/kernels/kernels.h"

/* The gradient of an activation that is flat outside (low, high) and straight inside, told from its
 * value: relu, relu with an upper bound. Off: the identity. */
struct thaw_gate {
    bool on;
    float low, high;
};
/* The gate of an activation; false when it is none. */
bool thaw_gate_of(const struct thaw_act *act, struct thaw_gate *gate);

/* Depthwise convolution, multiplier 1, undilated. in [n][blocks][ih][iw][block], out
 * [n][blocks][oh][ow][block], kernel [blocks][kh][kw][block]. Input row of output row y and kernel
 * row ky: y stride_h - pad_top + ky; rows outside count as zero. Paddings are not negative. */
struct thaw_depthwise {
    bool bf16; /* in, out, dout and din are bfloat16; else float32 */
    /* Of bfloat16 with channels last, in [n][ih][iw][channels], out alike; 0: as above. The kernel
     * is in blocks all the same. */
    int channels;
    int n, blocks, block;
    int ih, iw, oh, ow;
    int kh, kw, stride_h, stride_w, pad_top, pad_left;
};
struct thaw_depthwise_pass {
    const void *in, *out, *dout; /* out: read with out_gate only */
    const float *kernel;         /* may be NULL without din */
    struct thaw_gate in_gate;    /* of the activation that made `in`: din passes it */
    struct thaw_gate out_gate;   /* of the activation that made `out`: dout passes it */
    void *din;                   /* NULL: not wanted; overwritten */
    float *dkernel, *dbias;      /* like kernel, [blocks][block]; NULL: not wanted */
};
size_t thaw_kernel_depthwise_scratch(const struct thaw_depthwise *d); /* bytes */
/* Both gradients and those of the activations in one pass. Adds to dkernel and dbias, or overwrites
 * them when first. */
void thaw_kernel_depthwise_backward(const struct thaw_depthwise *d,
                                    const struct thaw_depthwise_pass *pass, bool first,
                                    float *scratch);

/* 1x1 convolution with stride 1: gradient of its kernel. in [n][blocks][cells][block], dout the
 * same with the output's channels, block 16; only where thaw_cpu_has_avx512(). */
enum { THAW_POINTWISE_BLOCK = 16 };
struct thaw_pointwise {
    size_t n, cells, in_channels, out_channels;
};
/* Adds to dkernel and dbias [channels rounded up], or overwrites them when first. dkernel is
 * [out blocks][in blocks][16 in][16 out], or by_input [in blocks][out blocks][16 out][16 in]:
 * whichever leaves fewer products for nothing. */
bool thaw_pointwise_by_input(const struct thaw_pointwise *p);
void thaw_kernel_pointwise_weights(const struct thaw_pointwise *p, const float *in,
                                   const float *dout, bool first, float *dkernel, float *dbias);

#endif
