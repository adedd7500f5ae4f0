/* Pictures that a set holds more than once: with equal samples, or as copies that were resized,
 * recompressed, brightened, mirrored or cropped a little. Neighbouring slices of one scan that
 * cannot be told apart by such means count too. */
#ifndef THAW_VISION_PAIRS_H
#define THAW_VISION_PAIRS_H

#include <stdbool.h>
#include <stddef.h>

#include "io/base/error.h"
#include "vision/survey.h"

/* Least correlation of the aligned middle bands of two copies. */
#define THAW_PAIRS_ALIKE 0.95F

struct thaw_pair {
    size_t a, b; /* indices of images, a < b; each the first of those equal to it */
    float alike; /* correlation */
    bool mirrored;
};

struct thaw_pairs {
    size_t *first; /* [n]: the first image with equal samples; itself when there is none before */
    size_t n;
    struct thaw_pair *near; /* sorted by a, then b */
    size_t n_near;
};

/* Images that could not be read or are blank (empty slices are no copies) equal none and are in no
 * pair of `near`. Candidates come from a
 * forest (vision/forest.h), THAW_FOREST_NEAREST of each image at most; then thumbnails are laid
 * over each other and correlated. The same for any number of threads. The caller releases after
 * success. */
int thaw_pairs_find(struct thaw_pairs *pairs, const struct thaw_survey *survey, float least,
                    struct thaw_error *err);
void thaw_pairs_release(struct thaw_pairs *pairs);

/* cluster[n]: the first image that is connected to this one through equal samples, pairs and equal
 * texts in groups[n] (NULL, as entry or as the whole: no group). */
int thaw_pairs_cluster(const struct thaw_pairs *pairs, const char *const *groups, size_t *cluster,
                       struct thaw_error *err);

#endif
