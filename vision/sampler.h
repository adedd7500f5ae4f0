/* The order in which an epoch visits the images. */
#ifndef THAW_VISION_SAMPLER_H
#define THAW_VISION_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#include "vision/dataset.h"

/* order[n] becomes items[n] shuffled for this epoch: the same for equal seed, epoch and items. */
void thaw_sampler_shuffle(const size_t *items, size_t n, uint64_t seed, uint32_t epoch,
                          size_t *order);

/* The images of each class that has any; by label, of each label (an image with several stands in
 * several strata) and those without one. */
struct thaw_strata {
    size_t n;
    size_t *first; /* [n + 1]: stratum s holds items first[s] .. first[s+1] - 1 */
    size_t *items; /* indices into the data set */
    size_t *deck;  /* scratch of thaw_sampler_balance */
};
/* The caller releases, also after an error. */
int thaw_strata_init(struct thaw_strata *strata, const struct thaw_dataset *data,
                     struct thaw_error *err);
void thaw_strata_release(struct thaw_strata *strata);

/* order[n] becomes images drawn evenly from the strata: each gives n / strata (rounded up in some,
 * which change with the epoch). A stratum's images come in shuffled rounds, so that one that must
 * repeat its images repeats all equally often, and one that is too large shows others in another
 * epoch. A function of strata, n, seed and epoch. */
void thaw_sampler_balance(const struct thaw_strata *strata, size_t n, uint64_t seed, uint32_t epoch,
                          size_t *order);

/* turns[n]: how often the image order[i] (below `items`) stands before i; counts[items] is scratch.
 */
void thaw_sampler_turns(const size_t *order, size_t n, size_t items, uint32_t *counts,
                        uint32_t *turns);

#endif
