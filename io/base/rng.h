/* Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011). A stream is named by (seed, epoch, index, operation), so what an image gets
 * does not depend on the thread that works on it or on what was drawn before. */
#ifndef THAW_IO_BASE_RNG_H
#define THAW_IO_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct thaw_rng {
    uint32_t key[2], counter[4], block[4];
    int used; /* of the four numbers in block */
};

/* The values of `operation` in use; one list, so that two uses never share a stream. */
enum thaw_rng_operation {
    THAW_RNG_INIT,        /* weights of a new layer; index = parameter */
    THAW_RNG_ORDER,       /* order of an epoch */
    THAW_RNG_SPLIT,       /* split of a data set */
    THAW_RNG_DROPOUT,     /* index = image, plus the layer */
    THAW_RNG_FOREST,      /* index = tree */
    THAW_RNG_MIX,         /* epoch = update; one number a sample */
    THAW_RNG_AUGMENT = 16 /* plus the position of the operation in the list */
};

struct thaw_rng thaw_rng_at(uint64_t seed, uint32_t epoch, uint32_t index, uint32_t operation);

uint32_t thaw_rng_u32(struct thaw_rng *rng);
float thaw_rng_float(struct thaw_rng *rng);                       /* [0, 1) */
float thaw_rng_uniform(struct thaw_rng *rng, float lo, float hi); /* [lo, hi) */
float thaw_rng_normal(struct thaw_rng *rng);                      /* mean 0, variance 1 */
float thaw_rng_beta(struct thaw_rng *rng, float alpha);    /* Beta(alpha, alpha), alpha 0.01 to 1 */
uint32_t thaw_rng_below(struct thaw_rng *rng, uint32_t n); /* 0 .. n-1, unbiased; n > 0 */
void thaw_rng_shuffle(struct thaw_rng *rng, size_t *items, size_t n);

#endif
