/* Images of which several classes hold at once, or none: one film, several findings. */
#ifndef THAW_VISION_LABELS_H
#define THAW_VISION_LABELS_H

#include "vision/dataset.h"

/* Where the same picture stands twice. */
enum thaw_same {
    THAW_SAME_NAME, /* class folders: under the same name below the class folder */
    THAW_SAME_PATH  /* lists of files: under the same path */
};

/* Makes labels of the classes of a data set: of a class "effusion;nodule" (or with '|') both names
 * are labels of its images, and images that are the same become one image with the labels of all.
 * The class `none` (NULL: there is no such) means that no label holds, as does an empty name.
 * Labels are sorted by strcmp, or the pinned ones in their order (n_pinned of them, copied).
 *
 * Errors: fewer than two labels; a label that is not pinned; an image with `none` and a label; two
 * images of one name whose files differ. Where `data` is not pinned, `none` must be among its
 * classes. */
int thaw_labels_make(struct thaw_dataset *data, enum thaw_same same, const char *const *pinned,
                     int n_pinned, const char *none, struct thaw_error *err);

/* targets[n][n_classes] of the images ids[n]: 1 where the label holds, else 0. */
void thaw_labels_targets(const struct thaw_dataset *data, const size_t *ids, size_t n,
                         float *targets);

/* The labels of image i joined by ';' ("" when there are none), or its class. The caller frees. */
char *thaw_labels_text(const struct thaw_dataset *data, size_t i, struct thaw_error *err);

#endif
