/* Figures of a classification, from probabilities and true classes. Pure functions. */
#ifndef THAW_NN_METRICS_H
#define THAW_NN_METRICS_H

#include <stddef.h>

#include "io/base/error.h"

struct thaw_class_metrics {
    size_t support;
    double precision, recall, specificity, f1,
        auc;                     /* NAN where undefined (no support, nothing predicted) */
    double recall_lo, recall_hi; /* Wilson's 95 % interval */
};

struct thaw_metrics {
    size_t images;
    int classes;
    double accuracy, accuracy_lo, accuracy_hi; /* Wilson's 95 % interval */
    double balanced_accuracy;                  /* mean recall over classes with support */
    double macro_f1;                           /* over classes with support */
    double auc;  /* mean one-vs-rest over classes where it is defined */
    double loss; /* mean cross-entropy */
    double ece;  /* expected calibration error, 15 equal bins of the top probability */
    struct thaw_class_metrics *per_class;
    size_t *confusion; /* [truth][prediction] */
};

/* probabilities [n][classes], labels [n]. The prediction is the most probable class, or said[n]
 * where that is given (NULL: it is not), which changes neither auc nor loss nor ece. */
int thaw_metrics_compute(struct thaw_metrics *m, const float *probabilities, const int *labels,
                         size_t n, int classes, struct thaw_error *err);
int thaw_metrics_compute_by(struct thaw_metrics *m, const float *probabilities, const int *labels,
                            const int *said, size_t n, int classes, struct thaw_error *err);
void thaw_metrics_release(struct thaw_metrics *m);

/* Wilson score interval at 95 % (Wilson 1927). */
void thaw_wilson(size_t hits, size_t n, double *lo, double *hi);
/* The same for a share (0 to 1) of n that need be no whole number of hits. */
void thaw_wilson_share(double share, size_t n, double *lo, double *hi);

#endif
