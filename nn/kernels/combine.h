/* Sums and products of tensors, with broadcasting. */
#ifndef THAW_NN_KERNELS_COMBINE_H
#define THAW_NN_KERNELS_COMBINE_H

#include "nn/kernels/kernels.h"

/* out = a op b, element by element of `out`; sides of a and b that are 1 are broadcast. b NULL:
 * out = a. `out` may be a or b where that has out's own shape and layout. */
void thaw_kernel_combine(const struct thaw_tensor *ta, const float *a, const struct thaw_tensor *tb,
                         const float *b, bool product, const struct thaw_tensor *to, float *out);

/* The way back of broadcasting: out = sum of a (times b, if not NULL) over the sides where `to` has
 * 1; a and b in `ta`. */
void thaw_kernel_reduce(const struct thaw_tensor *ta, const float *a, const float *b,
                        const struct thaw_tensor *to, float *out);

#endif
