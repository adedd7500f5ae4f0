/* Which images train and which validate: stratified, grouped, seeded. */
#ifndef THAW_VISION_SPLIT_H
#define THAW_VISION_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"
#include "vision/dataset.h"

enum thaw_side { THAW_SIDE_TRAIN, THAW_SIDE_VAL };

/* side[n] becomes THAW_SIDE_TRAIN or THAW_SIDE_VAL for images of labels[n] (0 .. n_classes-1) in
 * groups[n] (equal texts stay together; NULL, as entry or as the whole, means each image alone), so
 * that of each class about `fraction` (between 0 and 1, exclusive) validates:
 *  - no group is divided;
 *  - a class of one group trains; of two or more groups it has images on both sides (groups that
 *    stand in several classes can make that impossible: then rather on the training side);
 *  - images alone: within one image of the fraction in every class; groups: as near as taking and
 *    moving single groups in a random order comes, by the sum over classes of
 *    (validating - fraction * images)^2 / images.
 * A pure function of its arguments: the texts of the groups count only by being equal or not. */
int thaw_split(const int *labels, const char *const *groups, size_t n, int n_classes,
               double fraction, uint64_t seed, unsigned char *side, struct thaw_error *err);

/* What is kept in proportion, strata[data->n] of n_classes, by label of n_classes + 1: the class;
 * by label the rarest label that an image has, or n_classes where it has none. */
int thaw_split_strata(const struct thaw_dataset *data, int *strata, struct thaw_error *err);

/* The same for a data set, as two index lists in rising order, which the caller frees. */
struct thaw_split_lists {
    size_t *train, *val;
    size_t n_train, n_val;
};
int thaw_split_dataset(const struct thaw_dataset *data, double fraction, uint64_t seed,
                       struct thaw_split_lists *lists, struct thaw_error *err);
void thaw_split_release(struct thaw_split_lists *lists);

/* The indices 0 .. n-1, which the caller frees. */
size_t *thaw_split_all(size_t n, struct thaw_error *err);

#endif
