#include "io/torch_element.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "elements are read in place");

static float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
static float read_half(const unsigned char *bytes)
{
    uint16_t h;
    memcpy(&h, bytes, sizeof h);
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = h >> 10 & 0x1f, fraction = h & 0x3ff;
    if (exponent == 0) /* zero and subnormal: a multiple of 2^-24, exact in a float */
        return copysignf((float)fraction * 0x1p-24f, sign ? -1.0f : 1.0f);
    uint32_t wide = exponent == 0x1f ? 0xff : exponent + 127 - 15;
    return from_bits(sign | wide << 23 | fraction << 13);
}

static float read_bfloat16(const unsigned char *bytes)
{
    uint16_t b;
    memcpy(&b, bytes, sizeof b);
    return from_bits((uint32_t)b << 16);
}

/* Every bit but the ones of false counts, whatever a writer took for true. */
static float read_bool(const unsigned char *bytes)
{
    return *bytes ? 1.0f : 0.0f;
}

#define READ(name, type)                                                                           \
    static float read_##name(const unsigned char *bytes)                                           \
    {                                                                                              \
        type v;                                                                                    \
        memcpy(&v, bytes, sizeof v);                                                               \
        return (float)v;                                                                           \
    }
READ(float, float)
READ(double, double)
READ(long, int64_t)
READ(int, int32_t)
READ(short, int16_t)
READ(char, int8_t)
READ(byte, uint8_t)

const struct thaw_torch_element thaw_torch_elements[THAW_TORCH_TYPES] = {
    [THAW_TORCH_FLOAT] = {"Float", 4, read_float},
    [THAW_TORCH_DOUBLE] = {"Double", 8, read_double},
    [THAW_TORCH_HALF] = {"Half", 2, read_half},
    [THAW_TORCH_BFLOAT16] = {"BFloat16", 2, read_bfloat16},
    [THAW_TORCH_LONG] = {"Long", 8, read_long},
    [THAW_TORCH_INT] = {"Int", 4, read_int},
    [THAW_TORCH_SHORT] = {"Short", 2, read_short},
    [THAW_TORCH_CHAR] = {"Char", 1, read_char},
    [THAW_TORCH_BYTE] = {"Byte", 1, read_byte},
    [THAW_TORCH_BOOL] = {"Bool", 1, read_bool},
};
