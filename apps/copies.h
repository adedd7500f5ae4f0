/* Images that look alike, in one data set or between several. */
#ifndef THAW_APPS_COPIES_H
#define THAW_APPS_COPIES_H

#include "vision/dataset.h"
#include "vision/pairs.h"
#include "vision/survey.h"

/* Looks at the images of all sets, which are numbered through: those of sets[0] first. Shows
 * progress under the name `what`; Ctrl-C ends it where thaw_interrupt_watch() was called. `quick`
 * as in struct thaw_survey_options. The caller releases after success. */
int thaw_copies_look(struct thaw_survey *survey, const struct thaw_dataset *const *sets, int n_sets,
                     bool quick, const char *what, struct thaw_error *err);

/* Which images of `b` look like one of `a`. met[b->n]; *count: how many; *example: a sentence's
 * part that names two, which the caller frees (NULL when there are none). */
int thaw_copies_between(const struct thaw_dataset *a, const struct thaw_dataset *b, bool *met,
                        size_t *count, char **example, struct thaw_error *err);

/* Puts images that look alike, and what is in their groups, into one group. *found: a sentence,
 * which the caller frees; NULL: nothing looks alike. */
int thaw_copies_group(struct thaw_dataset *data, char **found, struct thaw_error *err);

#endif
