#include "vision/numbers.h"

#include <math.h>
#include <string.h>

#include "io/base/bytes.h"

static uint64_t bits_of(const struct thaw_number *type, const unsigned char *at)
{
    bool little = (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) != type->swap;
    size_t bytes = (size_t)type->bytes;
    return little ? thaw_little_endian(at, bytes) : thaw_big_endian(at, bytes);
}

/* IEEE 754 binary16 */
static double half_of(uint64_t bits)
{
    int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
    double value = exponent == 0    ? ldexp(fraction, -24)
                   : exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
                                    : ldexp(1024 + fraction, exponent - 25);
    return bits & 0x8000 ? -value : value;
}

static double real_of(int bytes, uint64_t bits)
{
    if (bytes == 2)
        return half_of(bits);
    if (bytes == 4) {
        uint32_t narrow = (uint32_t)bits;
        float single;
        memcpy(&single, &narrow, sizeof single);
        return (double)single;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double thaw_number_at(const struct thaw_number *type, const void *at)
{
    uint64_t bits = bits_of(type, at);
    if (type->kind == THAW_NUMBER_REAL)
        return real_of(type->bytes, bits);
    uint64_t sign = (uint64_t)1 << (8 * type->bytes - 1);
    if (type->kind == THAW_NUMBER_SIGNED && bits & sign)
        return -(double)(sign - (bits & (sign - 1)));
    return (double)bits;
}

void thaw_numbers_to_float(const struct thaw_number *type, const void *in, size_t n, double scale,
                           double offset, float *out)
{
    const unsigned char *at = in;
    for (size_t i = 0; i < n; i++, at += type->bytes)
        out[i] = (float)(thaw_number_at(type, at) * scale + offset);
}

void thaw_numbers_to_u16(const struct thaw_number *type, const void *in, size_t n, uint16_t *out)
{
    const unsigned char *at = in;
    for (size_t i = 0; i < n; i++, at += type->bytes)
        out[i] = (uint16_t)bits_of(type, at);
}

void thaw_numbers_fill_gaps(struct thaw_pixels *pixels)
{
    float *sample = pixels->data, smallest = INFINITY;
    size_t n = (size_t)pixels->width * (size_t)pixels->height * (size_t)pixels->channels, gaps = 0;
    for (size_t i = 0; i < n; i++) {
        gaps += isnan(sample[i]) ? 1 : 0;
        if (isfinite(sample[i]) && sample[i] < smallest)
            smallest = sample[i];
    }
    for (size_t i = 0; gaps && i < n; i++)
        if (isnan(sample[i]))
            sample[i] = isfinite(smallest) ? smallest : 0;
}
