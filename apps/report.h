/* The figures of an evaluation for people and for programs. */
#ifndef THAW_APPS_REPORT_H
#define THAW_APPS_REPORT_H

#include <stdio.h>

#include "apps/decision.h"
#include "vision/dataset.h"

/* {"images", "skipped", "classes", "accuracy", "accuracy_ci95", "balanced_accuracy", "macro_f1",
 * "auc", "loss", "ece", "confusion"}: a new reference, or NULL when out of memory. What is
 * undefined is null. classes [m->classes]. */
json_t *thaw_report_json(const struct thaw_metrics *m, char *const *classes, size_t skipped);

/* The same as tables. `selected` (NULL: nothing to say) is put behind the figures that images chose
 * which are also the ones that are judged. */
void thaw_report_text(FILE *to, const struct thaw_metrics *m, char *const *classes,
                      const char *selected);

/* The same without the line that counts images and classes. */
void thaw_report_tables(FILE *to, const struct thaw_metrics *m, char *const *classes,
                        const char *selected);

/* A row for each image: file, label, prediction (by the decision), then the probability of each
 * class. Several labels are joined by ';'. */
int thaw_report_csv(const char *path, const struct thaw_dataset *data,
                    const struct thaw_decision *decision, const float *probabilities,
                    struct thaw_error *err);

/* Columns for the names of classes, and one of them in so many: padded, or cut with ".." at the
 * end. */
int thaw_report_width(char *const *classes, int n);
void thaw_report_cell(FILE *to, const char *text, int width, bool right);

/* Its first line and one row, without the ends of the lines. */
void thaw_report_csv_head(FILE *to, char *const *classes, int n_classes);
void thaw_report_csv_row(FILE *to, const char *file, const char *label, const char *prediction,
                         const float *probabilities, int n_classes);

/* Index of the largest; the first of several. */
int thaw_report_top(const float *row, int n);

#endif
