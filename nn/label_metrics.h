/* Figures of labels of which several can hold at once, from the probability of each and the truth.
 * Pure functions. */
#ifndef THAW_NN_LABEL_METRICS_H
#define THAW_NN_LABEL_METRICS_H

#include "nn/rank.h"

struct thaw_one_label {
    size_t support;                            /* images in which it holds */
    float threshold;                           /* NAN: there is not one alone */
    struct thaw_counts counts;                 /* at the threshold */
    double precision, recall, specificity, f1; /* NAN where undefined */
    double recall_lo, recall_hi;               /* Wilson's 95 % interval */
    double specificity_lo, specificity_hi;
    double auc, average_precision; /* NAN where undefined */
};

struct thaw_label_metrics {
    size_t images;
    int labels;
    double mean_auc, mean_average_precision; /* over labels where they are defined */
    double macro_f1;                         /* over labels with support */
    double micro_f1;                         /* of all answers together */
    double accuracy;                         /* share of the answers that are right */
    double exact, exact_lo,
        exact_hi; /* share of images with all answers right; Wilson's interval */
    double loss;  /* mean binary cross-entropy over labels and images */
    struct thaw_one_label *per_label;
};

/* probabilities and targets [n][labels] (1 where the label holds, else 0), said [n][labels]:
 * whether it is said to hold. The thresholds become NAN: who knows them fills them in. */
int thaw_label_metrics_compute(struct thaw_label_metrics *m, const float *probabilities,
                               const float *targets, const bool *said, size_t n, int labels,
                               struct thaw_error *err);
void thaw_label_metrics_release(struct thaw_label_metrics *m);

/* Of the counts alone: precision to specificity_hi. */
void thaw_one_label_fill(struct thaw_one_label *label);

#endif
