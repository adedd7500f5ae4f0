/* Pooling over the whole picture. The output is [1,1,C] in any layout, or [C]. */
#ifndef THAW_NN_KERNELS_POOL_H
#define THAW_NN_KERNELS_POOL_H

#include <stdint.h>

#include "nn/kernels/kernels.h"

/* Mean over H and W. */
void thaw_kernel_global_mean(const struct thaw_tensor *in, const float *from,
                             const struct thaw_tensor *out, float *to);
void thaw_kernel_global_mean_backward(const struct thaw_tensor *in, float *din,
                                      const struct thaw_tensor *out, const float *dout);

/* Maximum over H and W; the first one counts. cell [n][channels of `in`, rounded up] gets its
 * place, NULL if unwanted. */
void thaw_kernel_global_max(const struct thaw_tensor *in, const float *from,
                            const struct thaw_tensor *out, float *to, int32_t *cell);
void thaw_kernel_global_max_backward(const struct thaw_tensor *in, float *din,
                                     const struct thaw_tensor *out, const float *dout,
                                     const int32_t *cell);

#endif
