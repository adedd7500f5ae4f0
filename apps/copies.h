/* Images that look alike, in one data set or between several. */
#ifndef THAW_APPS_COPIES_H
#define THAW_APPS_COPIES_H

#include "vision/dataset.h"
#include "vision/pairs.h"
#include "vision/survey.h"

enum { THAW_COPIES_BYTES = 4000 }; /* that the search takes for each image */

/* Looks at the images of all sets, which are numbered through: those of sets[0] first. Shows
 * progress of its own under the name `what`; Ctrl-C ends it where thaw_interrupt_watch() was
 * called. The caller releases after success. */
int thaw_copies_look(struct thaw_survey *survey, const struct thaw_dataset *const *sets, int n_sets,
                     struct thaw_survey_options how, const char *what, struct thaw_error *err);

/* Which images of `b` look like one of `a`. met[b->n]; *count: how many; *example: a sentence's
 * part that names two, which the caller frees (NULL when there are none). `frame` as in struct
 * thaw_decode_hint. The images of `a` get their looks. */
int thaw_copies_between(struct thaw_dataset *a, const struct thaw_dataset *b, int frame, bool *met,
                        size_t *count, char **example, struct thaw_error *err);

/* Which images of `data` look like one of n thumbnails. */
int thaw_copies_known(const uint8_t (*looks)[THAW_LIKENESS_POINTS], size_t n,
                      const struct thaw_dataset *data, int frame, bool *met, size_t *count,
                      struct thaw_error *err);

/* Puts images that look alike, and what is in their groups, into one group; all get their looks.
 * *found: a sentence, which the caller frees; NULL: nothing looks alike. */
int thaw_copies_group(struct thaw_dataset *data, int frame, char **found, struct thaw_error *err);

#endif
