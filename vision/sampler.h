/* The order in which an epoch visits the images. */
#ifndef THAW_VISION_SAMPLER_H
#define THAW_VISION_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

/* order[n] becomes items[n] shuffled for this epoch: the same for equal seed, epoch and items. */
void thaw_sampler_shuffle(const size_t *items, size_t n, uint64_t seed, uint32_t epoch,
                          size_t *order);

#endif
