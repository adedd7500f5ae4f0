/* Images to batches: threads of its own decode, fit and augment ahead of whoever computes. They let
 * computing threads go first: on a machine that is busy they run when those wait for pictures. */
#ifndef THAW_VISION_LOADER_H
#define THAW_VISION_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"
#include "vision/augment.h"
#include "vision/cache.h"
#include "vision/dataset.h"
#include "vision/preprocess.h"

struct thaw_loader;

/* Everything pointed to is borrowed and stays as it is while the loader lives. */
struct thaw_loader_options {
    const struct thaw_dataset *data;
    const struct thaw_preprocess *preprocess;
    const struct thaw_augment *augment; /* NULL: none */
    struct thaw_cache *cache;           /* NULL: every epoch decodes again */
    uint64_t seed;
    size_t batch;  /* images; the last batch of an epoch may be smaller */
    int threads;   /* that decode; at least 1 */
    int ahead;     /* batches in memory, the one handed out included; below 2 nothing is read
                    * ahead */
    bool pictures; /* hand out 0..255 as after augmentation, without the second half of
                      preprocessing */
};

struct thaw_batch {
    size_t n;
    const float *x;    /* [n, height, width, channels] */
    const int *labels; /* [n] */
    const size_t *ids; /* [n], indices into the data set */
};

struct thaw_loader *thaw_loader_create(const struct thaw_loader_options *options,
                                       struct thaw_error *err);
/* Waits for the images at work. NULL is fine. */
void thaw_loader_free(struct thaw_loader *loader);

/* Begins an epoch over order[n] (indices into the data set, copied; one may stand there twice) and
 * gives up what was left of the one before. The bits of a batch depend on the data, the order, seed
 * and epoch: not on threads, `ahead`, cache or earlier epochs. */
int thaw_loader_start(struct thaw_loader *loader, const size_t *order, size_t n, uint32_t epoch,
                      struct thaw_error *err);

/* The same where images repeat within an epoch: turns[n] (copied) tells how often the image has
 * come before in this epoch, and it is augmented anew each time. */
int thaw_loader_start_turns(struct thaw_loader *loader, const size_t *order, const uint32_t *turns,
                            size_t n, uint32_t epoch, struct thaw_error *err);

/* The next batch, in order, valid until the next call on the loader: 1; 0 at the end of the epoch;
 * -1 where an image of this batch cannot be read, with the error of the first such image. */
int thaw_loader_next(struct thaw_loader *loader, struct thaw_batch *batch, struct thaw_error *err);

/* What it has cost so far, in seconds. */
struct thaw_loader_times {
    double decode;  /* reading, decoding, fitting, normalising: all threads together */
    double augment; /* the same of augmentation */
    double waited;  /* by thaw_loader_next for a batch */
};
/* Adds to *times. */
void thaw_loader_times(struct thaw_loader *loader, struct thaw_loader_times *times);

#endif
