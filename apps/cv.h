/* Cross-validation: every image is judged by models that were trained without it and its group. */
#ifndef THAW_APPS_CV_H
#define THAW_APPS_CV_H

#include <stdio.h>

#include "apps/judge.h"
#include "apps/train_data.h"

struct thaw_cv_values {
    struct thaw_train_values train; /* first: the table of `thaw train` counts from here */
    const char *seeds, *csv;
    long folds;
};

struct thaw_cv_run {
    long seed;
    int round, fold; /* number of the seed; from 0 */
    char *folder, *answers;
    size_t images; /* that it judges */
    /* Its thresholds: like its weights, chosen by the part of the other folds that validated. */
    struct thaw_decision decision;
    struct thaw_judgement judgement; /* of the images it judges */
};

struct thaw_cv {
    const struct thaw_cv_values *v;
    const char *source; /* folder or table of the images */
    char *folder;       /* of all runs */
    char *plan_path;
    json_t *plan;
    struct thaw_say say;
    struct thaw_train_data data; /* all images: data.train.data */
    struct thaw_decision wanted; /* what each run is to choose; has chosen nothing */
    int folds, rounds;           /* a round is a whole cross-validation with one seed */
    long *seeds;                 /* [rounds] */
    int *fold;                   /* [rounds][images] */
    float *probabilities;        /* [rounds][images][classes] */
    struct thaw_cv_run *runs;    /* [rounds * folds] */
    int n_runs;
    struct thaw_judgement pooled; /* of all answers, each by the thresholds of its run */
};

/* Lists the images and lays the folds; nothing is written yet. The caller releases, also after an
 * error. */
int thaw_cv_prepare(struct thaw_cv *cv, struct thaw_error *err);
/* The runs, one after the other; with --resume those that are over are read. */
int thaw_cv_run_all(struct thaw_cv *cv, struct thaw_error *err);
/* Their figures; after thaw_cv_run_all. */
int thaw_cv_judge(struct thaw_cv *cv, struct thaw_error *err);
void thaw_cv_release(struct thaw_cv *cv);

/* The run that gave answer k of rounds * images. */
const struct thaw_cv_run *thaw_cv_run_of(const struct thaw_cv *cv, size_t k);

/* --- figures that every run has --- */

struct thaw_cv_figure {
    const char *name, *key;
    double (*of)(const struct thaw_judgement *j, int k); /* NAN: this run has it not */
};

struct thaw_cv_figures {
    const struct thaw_cv_figure *list;
    int n;
};

/* Of a run as a whole (k means nothing); of the class that is looked for (none where there is no
 * such); of each class or label k. */
struct thaw_cv_figures thaw_cv_whole(const struct thaw_cv *cv);
struct thaw_cv_figures thaw_cv_positive(const struct thaw_cv *cv);
struct thaw_cv_figures thaw_cv_each(const struct thaw_cv *cv);

struct thaw_cv_spread {
    double mean, sd, least, most; /* NAN where undefined */
    int n;                        /* runs that have it */
};
struct thaw_cv_spread thaw_cv_spread(const struct thaw_cv *cv, const struct thaw_cv_figure *figure,
                                     int k);

/* --- output --- */

void thaw_cv_text(FILE *to, const struct thaw_cv *cv);
json_t *thaw_cv_json(const struct thaw_cv *cv); /* a new reference, or NULL */
/* Answer k of rounds * images as `eval` writes it, without the end of the line. */
int thaw_cv_row(FILE *to, const struct thaw_cv *cv, size_t k, struct thaw_error *err);
/* A row for each image and seed: as those of `eval`, then group, seed and fold. */
int thaw_cv_csv(const char *path, const struct thaw_cv *cv, struct thaw_error *err);

#endif
