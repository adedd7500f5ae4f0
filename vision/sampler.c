#include "vision/sampler.h"

#include "io/base/rng.h"

void thaw_sampler_shuffle(const size_t *items, size_t n, uint64_t seed, uint32_t epoch,
                          size_t *order)
{
    struct thaw_rng rng = thaw_rng_at(seed, epoch, 0, THAW_RNG_ORDER);
    for (size_t i = 0; i < n; i++)
        order[i] = items[i];
    thaw_rng_shuffle(&rng, order, n);
}
