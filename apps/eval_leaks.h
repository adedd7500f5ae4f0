/* Images of an evaluation that the model has met, and how good it is without them. */
#ifndef THAW_APPS_EVAL_LEAKS_H
#define THAW_APPS_EVAL_LEAKS_H

#include <stdbool.h>
#include <stdio.h>

#include "apps/model_file.h"
#include "io/base/json.h"
#include "vision/dataset.h"

struct thaw_eval_leaks {
    bool *known;              /* [images]: fitted to, or looks like an image that was */
    size_t selected, trained; /* images that chose the weights; that the model was fitted to */
    size_t copies;            /* that look like an image it was fitted to, those included */
    size_t looks; /* training images whose looks the model's file tells, or --against has */
    size_t n_known;
    size_t right, all_right; /* images that are right: of the others; of all */
    double lo, hi;           /* the 95 % interval of the others' share */
    char note[160];          /* about the first two; "" when there is nothing to say */
};

/* By their bytes and by their looks, as the model's file tells them; `against` (NULL: none)
 * are images that count as trained on, too. The caller releases, also after an error. */
int thaw_eval_leaks_find(struct thaw_eval_leaks *l, const struct thaw_model_file *m,
                         const struct thaw_dataset *data, struct thaw_dataset *against,
                         struct thaw_error *err);
/* Counts how many of the n images are right, and of those that are not known. */
void thaw_eval_leaks_count(struct thaw_eval_leaks *l, const bool *right, size_t n);
void thaw_eval_leaks_release(struct thaw_eval_leaks *l);

/* Adds to the report: selected_on, selected_images, trained_images, copies, known_images,
 * known_files, without_known {images, accuracy, accuracy_ci95}. */
void thaw_eval_leaks_json(const struct thaw_eval_leaks *l, const struct thaw_dataset *data,
                          json_t *report);
/* `share`: what the part of right images is called; chose: thresholds were chosen, too. */
void thaw_eval_leaks_text(FILE *to, const struct thaw_eval_leaks *l,
                          const struct thaw_dataset *data, const char *share, bool chose);

#endif
