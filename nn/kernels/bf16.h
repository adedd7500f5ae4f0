/* bfloat16 as it lies in memory: the upper half of a float32. */
#ifndef THAW_NN_KERNELS_BF16_H
#define THAW_NN_KERNELS_BF16_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline float thaw_bf16_widen(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Ties to even; a NaN stays one. */
static inline uint16_t thaw_bf16_narrow(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t rounded = bits + 0x7FFF + (bits >> 16 & 1);
    return (uint16_t)((x == x ? rounded : bits | 0x400000) >> 16);
}

/* Arrays, in the calling thread. */
void thaw_bf16_widen_array(const uint16_t *in, float *out, size_t count);
void thaw_bf16_narrow_array(const float *in, uint16_t *out, size_t count);

#endif
