/* The figures of labels of which several can hold at once, for people and for programs. */
#ifndef THAW_APPS_REPORT_LABELS_H
#define THAW_APPS_REPORT_LABELS_H

#include <stdio.h>

#include "apps/decision.h"

/* {"images", "skipped", "labels", "mean_auc", "mean_average_precision", "macro_f1", "micro_f1",
 * "accuracy", "exact", "exact_ci95", "loss"}: a new reference. What is undefined is null. */
json_t *thaw_report_labels_json(const struct thaw_label_metrics *m, char *const *classes,
                                size_t skipped);

/* The same as a table; says where the thresholds come from. */
void thaw_report_labels_text(FILE *to, const struct thaw_label_metrics *m, char *const *classes,
                             const struct thaw_decision *decision, const char *selected);

/* The same without the line that counts images and labels. No decision (NULL): the answers are of
 * several models, each with thresholds of its own. */
void thaw_report_labels_tables(FILE *to, const struct thaw_label_metrics *m, char *const *classes,
                               const struct thaw_decision *decision, const char *selected);

#endif
