/* Depthwise convolution forward, multiplier 1, undilated, in bfloat16 with channels last. Products
 * and sums are float32: bfloat16 widens in one instruction, and float32 products then run faster
 * than the processor's own of bfloat16. Each output is the same bits whatever n and the number of
 * threads. */
#ifndef THAW_NN_KERNELS_DEPTHWISE_FORWARD_H
#define THAW_NN_KERNELS_DEPTHWISE_FORWARD_H

#include "nn/kernels/conv.h"

/* in [n][ih][iw][channels], out [n][oh][ow][channels], both bfloat16. Input row of output row y and
 * kernel row ky: y stride_h - pad_top + ky; what is outside counts as zero. Paddings are not
 * negative. */
struct thaw_depthwise_forward {
    int n, channels, ih, iw, oh, ow, kh, kw, stride_h, stride_w, pad_top, pad_left;
    struct thaw_gate gate; /* out lies between its ends */
};

/* Is there a loop for it, and has the machine the instructions? Does not look at n. */
bool thaw_depthwise_forward_takes(const struct thaw_depthwise_forward *d);

/* Bytes of the packed kernel, and that one from Keras' layout [kh][kw][channels]. */
size_t thaw_depthwise_forward_kernel_bytes(const struct thaw_depthwise_forward *d);
void thaw_depthwise_forward_pack(const struct thaw_depthwise_forward *d, const float *keras,
                                 float *kernel);

/* Only what thaw_depthwise_forward_takes(). bias [channels]. */
void thaw_depthwise_forward_run(const struct thaw_depthwise_forward *d, const uint16_t *in,
                                const float *kernel, const float *bias, uint16_t *out);

#endif
