/* How well scores put those that hold above those that do not. Pure functions. */
#ifndef THAW_NN_RANK_H
#define THAW_NN_RANK_H

#include <stdbool.h>
#include <stddef.h>

#include "io/base/error.h"

struct thaw_scored {
    float score;
    bool holds;
};

/* Sorted by falling score. */
void thaw_rank_sort(struct thaw_scored *s, size_t n);

/* Of a sorted list. Area under the ROC curve as the Mann-Whitney statistic; ties count half. NAN
 * where all or none hold. */
double thaw_auc(const struct thaw_scored *s, size_t n);

/* Of a sorted list. Average precision: the sum over distinct scores, from the highest down, of
 * (recall - recall before) x precision (scikit-learn's average_precision_score). NAN where none
 * hold. */
double thaw_average_precision(const struct thaw_scored *s, size_t n);

/* Of label k, scores [n][classes] and targets [n][classes] (1 where it holds, else 0), sorted. */
void thaw_rank_label(const float *scores, const float *targets, size_t n, int classes, int k,
                     struct thaw_scored *s);

/* The mean over labels of their AUC where it is defined; NAN where it is for none. */
int thaw_mean_auc(const float *scores, const float *targets, size_t n, int classes, double *auc,
                  struct thaw_error *err);

/* What a rule "holds from this score on" does. */
struct thaw_counts {
    size_t hit, missed, clear, wrong; /* of those that hold; of those that do not */
};
struct thaw_counts thaw_count_at(const struct thaw_scored *s, size_t n, float threshold);

/* Thresholds of a sorted list, in the middle between two scores. -1, without an error, where the
 * list has not both kinds. */

/* That of the most hits among those of which at least the share `specificity` of what does not hold
 * is clear; of equal ones the highest. Above all scores where even the highest is wrong. */
int thaw_threshold_at_specificity(const struct thaw_scored *s, size_t n, double specificity,
                                  float *threshold);
/* That of the greatest F1; of equal ones the highest. */
int thaw_threshold_best_f1(const struct thaw_scored *s, size_t n, float *threshold);

#endif
