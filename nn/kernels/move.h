/* Kernels that move elements without computing. */
#ifndef THAW_NN_KERNELS_MOVE_H
#define THAW_NN_KERNELS_MOVE_H

#include "nn/kernels/kernels.h"

/* out[y][x] = in[y - top][x - left], zero where that is outside; negative numbers crop. The same
 * channels and block on both sides. */
void thaw_kernel_pad(const struct thaw_tensor *in, const struct thaw_tensor *out, int top, int left,
                     const float *from, float *to);

/* Copies `count` channels: out_first + i = in_first + i. The same n, H, W on both sides. Fast when
 * both runs are whole blocks. Other channels of `to`, its tail included, stay as they are. */
void thaw_kernel_channels(const struct thaw_tensor *in, size_t in_first, const float *from,
                          const struct thaw_tensor *out, size_t out_first, float *to, size_t count);

/* The same elements in [H,W,C] order; the tail of `to` is cleared. */
void thaw_kernel_reshape(const struct thaw_tensor *in, const float *from,
                         const struct thaw_tensor *out, float *to);

#endif
