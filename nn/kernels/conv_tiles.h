/* 1x1 and 3x3 convolutions, forward, by matrix tiles (AMX). The rules of kernels.h hold. */
#ifndef THAW_NN_KERNELS_CONV_TILES_H
#define THAW_NN_KERNELS_CONV_TILES_H

#include "nn/kernels/conv.h"

/* in [n][ih][iw][in_channels], out [n][oh][ow][out_channels]. With side 3 the stride is 1 and a
 * cell of zeros lies around the picture; with side 1 nothing does. Bfloat16 becomes bfloat16, 8
 * bits become 8 bits. Each output is the same bits whatever n and the number of threads. */
struct thaw_conv_tiles {
    int n, in_channels, out_channels;
    int side, stride;
    int ih, iw, oh, ow;
    enum thaw_type in, out;
    bool has_addend; /* like out; bfloat16 or of 8 bits as in and out are */
    enum thaw_type addend;
    float in_scale, out_scale, addend_scale; /* of 8 bits */
    int threads;                             /* that share the work at most */
    struct thaw_gate gate;                   /* out lies between its ends */
};

/* Does it save time? Does not look at the machine. */
bool thaw_conv_tiles_takes(const struct thaw_conv_tiles *t);

/* Bytes of the packed kernel, and that one from Keras' layout [side][side][in][out]. scale [out],
 * for 8 bits: the kernel is rounded to whole multiples of it. */
size_t thaw_conv_tiles_kernel_bytes(const struct thaw_conv_tiles *t);
void thaw_conv_tiles_pack(const struct thaw_conv_tiles *t, const float *keras, const float *scale,
                          void *kernel);

struct thaw_conv_tiles_pass {
    const void *in, *kernel;
    const float *bias;  /* [out_channels], in units of out_scale */
    const void *addend; /* may be out: out = gate(sums + bias + addend) */
    void *out;
    void *scratch; /* aligned to cache lines */
};
size_t thaw_conv_tiles_scratch(const struct thaw_conv_tiles *t); /* bytes */
/* Only where thaw_dnnl_has_tiles(): asking that also asks the system for leave to use tiles. A
 * thread's tile configuration is left as it was. */
void thaw_conv_tiles_forward(const struct thaw_conv_tiles *t,
                             const struct thaw_conv_tiles_pass *pass);

#endif
