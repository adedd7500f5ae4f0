/* Cross-validation: every image is judged by models that were trained without it and its group. */
#ifndef THAW_APPS_CV_H
#define THAW_APPS_CV_H

#include <stdio.h>

#include "apps/train_data.h"
#include "nn/metrics.h"

struct thaw_cv_values {
    struct thaw_train_values train; /* first: the table of `thaw train` counts from here */
    const char *seeds, *csv;
    long folds;
};

struct thaw_cv_run {
    long seed;
    int round, fold; /* number of the seed; from 0 */
    char *folder, *answers;
    size_t images;               /* that it judges */
    struct thaw_metrics metrics; /* of those */
};

struct thaw_cv {
    const struct thaw_cv_values *v;
    const char *source; /* folder or table of the images */
    char *folder;       /* of all runs */
    char *plan_path;
    json_t *plan;
    struct thaw_say say;
    struct thaw_train_data data; /* all images: data.train.data */
    int folds, rounds;           /* a round is a whole cross-validation with one seed */
    long *seeds;                 /* [rounds] */
    int *fold;                   /* [rounds][images] */
    float *probabilities;        /* [rounds][images][classes] */
    struct thaw_cv_run *runs;    /* [rounds * folds] */
    int n_runs;
    struct thaw_metrics pooled; /* of all answers; the interval counts each image once */
};

/* Lists the images and lays the folds; nothing is written yet. The caller releases, also after an
 * error. */
int thaw_cv_prepare(struct thaw_cv *cv, struct thaw_error *err);
/* The runs, one after the other; with --resume those that are over are read. */
int thaw_cv_run_all(struct thaw_cv *cv, struct thaw_error *err);
/* Their figures; after thaw_cv_run_all. */
int thaw_cv_judge(struct thaw_cv *cv, struct thaw_error *err);
void thaw_cv_release(struct thaw_cv *cv);

/* --- output --- */

void thaw_cv_text(FILE *to, const struct thaw_cv *cv);
json_t *thaw_cv_json(const struct thaw_cv *cv); /* a new reference, or NULL */
/* A row for each image and seed: as those of `eval`, then group, seed and fold. */
int thaw_cv_csv(const char *path, const struct thaw_cv *cv, struct thaw_error *err);

#endif
