#include "nn/kernels/bf16.h"

#include "io/base/par.h"
#include "nn/kernels/kernels.h"

THAW_HOT void thaw_bf16_widen_array(const uint16_t *in, float *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = thaw_bf16_widen(in[i]);
}

THAW_HOT void thaw_bf16_narrow_array(const float *in, uint16_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = thaw_bf16_narrow(in[i]);
}

THAW_HOT static void add(uint16_t *to, const uint16_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = thaw_bf16_narrow(thaw_bf16_widen(to[i]) + thaw_bf16_widen(from[i]));
}

struct job {
    const uint16_t *from;
    uint16_t *to;
    size_t count;
};

/* Ranges are handed out in whole cache lines. */
enum { LINE = 32 };

static size_t width(const struct job *job, size_t first, size_t last)
{
    return (last * LINE < job->count ? last * LINE : job->count) - first * LINE;
}

static void add_range(void *ctx, size_t first, size_t last)
{
    const struct job *job = ctx;
    add(job->to + first * LINE, job->from + first * LINE, width(job, first, last));
}

void thaw_kernel_add_bf16(uint16_t *to, const uint16_t *from, size_t count)
{
    struct job job = {.from = from, .to = to, .count = count};
    thaw_par_range((count + LINE - 1) / LINE, add_range, &job);
}
