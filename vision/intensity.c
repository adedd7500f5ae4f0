#include "vision/intensity.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

enum { BINS = 1 << 16 };

/* Floats as integers of the same order. */
static uint32_t key_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static float float_of(uint32_t key)
{
    uint32_t bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The bin that holds the sample of this rank (from 1); *rank becomes its rank within that bin. */
static uint32_t find_bin(const size_t *count, size_t *rank)
{
    uint32_t bin = 0;
    while (*rank > count[bin] && bin < BINS - 1)
        *rank -= count[bin++];
    return bin;
}

static size_t rank_of(float percent, size_t n)
{
    double rank = ceil((double)percent / 100 * (double)n);
    return rank < 1 ? 1 : rank > (double)n ? n : (size_t)rank;
}

/* Counts by the upper half of the keys, then, within the bin that holds the rank, by the lower. */
static void find_float(const float *sample, size_t n, const float percents[2], size_t *count,
                       float ends[2])
{
    for (int end = 0; end < 2; end++) {
        size_t finite = 0, rank;
        memset(count, 0, BINS * sizeof *count);
        for (size_t i = 0; i < n; i++)
            if (isfinite(sample[i])) {
                count[key_of(sample[i]) >> 16]++;
                finite++;
            }
        if (finite == 0) {
            ends[0] = ends[1] = 0;
            return;
        }
        rank = rank_of(percents[end], finite);
        uint32_t upper = find_bin(count, &rank);
        memset(count, 0, BINS * sizeof *count);
        for (size_t i = 0; i < n; i++) {
            uint32_t key = key_of(sample[i]);
            if (key >> 16 == upper && isfinite(sample[i]))
                count[key & 0xffff]++;
        }
        ends[end] = float_of(upper << 16 | find_bin(count, &rank));
    }
}

int thaw_intensity_percentiles(const struct thaw_pixels *pixels, const float percents[2],
                               float ends[2], struct thaw_error *err)
{
    size_t n = (size_t)pixels->width * (size_t)pixels->height * (size_t)pixels->channels;
    size_t *count = thaw_new(BINS, sizeof *count, err);
    if (!count)
        return -1;
    if (pixels->depth == 32) {
        find_float(pixels->data, n, percents, count, ends);
        free(count);
        return 0;
    }
    const uint8_t *narrow = pixels->data;
    const uint16_t *wide = pixels->data;
    for (size_t i = 0; i < n; i++)
        count[pixels->depth == 16 ? wide[i] : narrow[i]]++;
    for (int end = 0; end < 2; end++) {
        size_t rank = rank_of(percents[end], n);
        ends[end] = (float)find_bin(count, &rank);
    }
    free(count);
    return 0;
}
