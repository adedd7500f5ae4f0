/* A model's answers beside the truth: one class for each image, or any number of labels. */
#ifndef THAW_APPS_JUDGE_H
#define THAW_APPS_JUDGE_H

#include <stdio.h>

#include "apps/decision.h"
#include "vision/dataset.h"

struct thaw_judgement {
    bool by_label;
    struct thaw_metrics metrics;      /* of classes, as the decision says */
    struct thaw_label_metrics labels; /* of labels, at their thresholds */
    /* Of two classes where one is looked for: its figures as the decision says, and (the threshold
     * of `even` is 1/2) where the more probable class is taken. Thresholds are NAN where several
     * decisions were used. */
    int positive; /* else -1 */
    struct thaw_one_label at, even;
    double even_accuracy;
    const struct thaw_decision *decision; /* borrowed */
};

/* probabilities [data->n][n_classes]. Where the decision has chosen nothing, the most probable
 * class counts, or labels from 1/2 on. `positive`: the class that is looked for, -1 for the
 * decision's.
 */
int thaw_judge(struct thaw_judgement *j, const struct thaw_dataset *data,
               const float *probabilities, const struct thaw_decision *decision, int positive,
               struct thaw_error *err);
/* The same of several rounds of answers to the same images, probabilities [rounds][data->n]
 * [n_classes], where by[rounds * data->n] decides each. `wanted` is what they have in common: it
 * has chosen nothing. The figures are of all answers; their intervals count each image once, since
 * several answers on one image are not independent. */
int thaw_judge_rounds(struct thaw_judgement *j, const struct thaw_dataset *data,
                      const float *probabilities, size_t rounds,
                      const struct thaw_decision *const *by, const struct thaw_decision *wanted,
                      struct thaw_error *err);
void thaw_judgement_release(struct thaw_judgement *j);

/* Images that are right: with all their labels. */
bool thaw_judge_right(const struct thaw_judgement *j, const struct thaw_dataset *data, size_t i,
                      const float *row);
/* What a row [n] of probabilities says: the class; whether label k is there. */
int thaw_judge_class(const struct thaw_decision *decision, const float *row, int n);
bool thaw_judge_says(const struct thaw_decision *decision, const float *row, int k);
/* The same as text: the class, or the labels joined by ';'. The caller frees. */
char *thaw_judge_text(const struct thaw_decision *decision, bool by_label, const float *row,
                      char *const *classes, int n_classes, struct thaw_error *err);

/* thaw_report_json's or thaw_report_labels_json's, with "decision" where there is one; a new
 * reference. */
json_t *thaw_judgement_json(const struct thaw_judgement *j, char *const *classes, size_t skipped);
/* The same as tables; `selected` as thaw_report_text has it. */
void thaw_judgement_print(FILE *to, const struct thaw_judgement *j, char *const *classes,
                          const char *selected);
/* The part on the class that is looked for, j->positive. */
void thaw_judgement_print_positive(FILE *to, const struct thaw_judgement *j, char *const *classes);

#endif
