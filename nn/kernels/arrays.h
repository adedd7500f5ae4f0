/* Whole arrays, in parallel. */
#ifndef THAW_NN_KERNELS_ARRAYS_H
#define THAW_NN_KERNELS_ARRAYS_H

#include <stddef.h>
#include <stdint.h>

void thaw_kernel_copy(const void *in, void *out, size_t bytes);
void thaw_kernel_add(float *to, const float *from, size_t count);
/* The same over bfloat16, each sum rounded once. */
void thaw_kernel_add_bf16(uint16_t *to, const uint16_t *from, size_t count);
void thaw_kernel_scale(float *to, float by, size_t count);
/* Square root of the sum of squares, which is taken in double, in the same order at any number of
 * threads. */
double thaw_kernel_norm(const float *data, size_t count);

#endif
