#include "io/base/rng.h"

#include <math.h>

/* Multipliers and Weyl constants of Philox 4x32 as published. */
static const uint32_t M0 = 0xD2511F53, M1 = 0xCD9E8D57, W0 = 0x9E3779B9, W1 = 0xBB67AE85;

static void refill(struct thaw_rng *rng)
{
    uint32_t x[4] = {rng->counter[0], rng->counter[1], rng->counter[2], rng->counter[3]};
    uint32_t k0 = rng->key[0], k1 = rng->key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)M0 * x[0], p1 = (uint64_t)M1 * x[2];
        uint32_t y[4] = {(uint32_t)(p1 >> 32) ^ x[1] ^ k0, (uint32_t)p1,
                         (uint32_t)(p0 >> 32) ^ x[3] ^ k1, (uint32_t)p0};
        for (int i = 0; i < 4; i++)
            x[i] = y[i];
        k0 += W0;
        k1 += W1;
    }
    for (int i = 0; i < 4; i++)
        rng->block[i] = x[i];
    rng->counter[0]++; /* 2^34 numbers a stream: no carry needed */
    rng->used = 0;
}

struct thaw_rng thaw_rng_at(uint64_t seed, uint32_t epoch, uint32_t index, uint32_t operation)
{
    struct thaw_rng rng = {.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                           .counter = {0, operation, index, epoch},
                           .used = 4};
    return rng;
}

uint32_t thaw_rng_u32(struct thaw_rng *rng)
{
    if (rng->used == 4)
        refill(rng);
    return rng->block[rng->used++];
}

float thaw_rng_float(struct thaw_rng *rng)
{
    return (float)(thaw_rng_u32(rng) >> 8) * 0x1p-24f;
}

float thaw_rng_uniform(struct thaw_rng *rng, float lo, float hi)
{
    return lo + (hi - lo) * thaw_rng_float(rng);
}

float thaw_rng_normal(struct thaw_rng *rng)
{
    /* Box-Muller; one of the pair is thrown away, which keeps the stream's state in one place. */
    double u = ((double)thaw_rng_u32(rng) + 1) * 0x1p-32, v = (double)thaw_rng_u32(rng) * 0x1p-32;
    return (float)(sqrt(-2 * log(u)) * cos(2 * M_PI * v));
}

float thaw_rng_beta(struct thaw_rng *rng, float alpha)
{
    /* Johnk 1964. With a small alpha both may round to 0: then again. */
    double a, b;
    do {
        a = pow(((double)thaw_rng_u32(rng) + 1) * 0x1p-32, 1 / (double)alpha);
        b = pow(((double)thaw_rng_u32(rng) + 1) * 0x1p-32, 1 / (double)alpha);
    } while (a + b > 1 || a + b == 0);
    return (float)(a / (a + b));
}

uint32_t thaw_rng_below(struct thaw_rng *rng, uint32_t n)
{
    /* Lemire's method: reject the few values that would make low results likelier. */
    uint64_t product = (uint64_t)thaw_rng_u32(rng) * n;
    uint32_t threshold = (uint32_t)-n % n;
    while ((uint32_t)product < threshold)
        product = (uint64_t)thaw_rng_u32(rng) * n;
    return (uint32_t)(product >> 32);
}

void thaw_rng_shuffle(struct thaw_rng *rng, size_t *items, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = thaw_rng_below(rng, (uint32_t)i), kept = items[i - 1];
        items[i - 1] = items[j];
        items[j] = kept;
    }
}
