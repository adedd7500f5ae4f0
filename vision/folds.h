/* Cross-validation: which image is judged in which round. */
#ifndef THAW_VISION_FOLDS_H
#define THAW_VISION_FOLDS_H

#include <stdint.h>

#include "vision/dataset.h"

/* fold[data->n] becomes 0 .. folds-1, so that no group is divided and every class is spread evenly
 * over the folds: as thaw_split takes a part away, once for each fold but the last. By label it is
 * the strata of thaw_split_strata that are: the rarest label of the images, and with it the others.
 * A pure function of labels, groups, number and seed. Fewer images (groups counting as one) than
 * folds, and a class or label that stands in one group alone - it could be learnt or judged, not
 * both - are errors. */
int thaw_folds(const struct thaw_dataset *data, int folds, uint64_t seed, int *fold,
               struct thaw_error *err);

#endif
