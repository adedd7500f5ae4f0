/* How well a single number about an image (its size, its border, ...) tells the class by itself.
 * What such a number tells, a network learns before it learns anything about the disease. */
#ifndef THAW_VISION_GIVEAWAY_H
#define THAW_VISION_GIVEAWAY_H

#include <stddef.h>

#include "io/base/error.h"

enum { THAW_GIVEAWAY_FOLDS = 5 };

/* Images with values from lo to hi are taken for one class. */
struct thaw_giveaway_cell {
    double lo, hi;
    int label;
    size_t n, right; /* images there; those of that class */
};

struct thaw_giveaway {
    size_t n;
    size_t right;   /* images whose class the rule tells that was made from the other folds */
    size_t guessed; /* those told by always saying the other folds' largest class */
    struct thaw_giveaway_cell *cells; /* the rule made from all images, by rising values */
    size_t n_cells;
};

/* The rule says the commonest class among images of the same value, where there are five or more of
 * them, else of about a sixteenth of the images with values nearby. It is judged on five folds of
 * whole clusters (cluster[n]: equal numbers stay together, e.g. a patient; NULL: each image alone),
 * so that it gains nothing by knowing single images. labels are 0 .. n_classes-1, values finite.
 * The caller releases after success. */
int thaw_giveaway_find(struct thaw_giveaway *g, const double *values, const int *labels,
                       const size_t *cluster, size_t n, int n_classes, struct thaw_error *err);
void thaw_giveaway_release(struct thaw_giveaway *g);

#endif
