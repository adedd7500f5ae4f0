/* From which probability on a class is said to be there: chosen on validation images, kept in the
 * model, used wherever the model answers. */
#ifndef THAW_APPS_DECISION_H
#define THAW_APPS_DECISION_H

#include "apps/model_file.h"
#include "nn/label_metrics.h"
#include "nn/metrics.h"

struct thaw_decision {
    double specificity; /* the highest sensitivity at this specificity; 0: the highest F1 */
    int positive;       /* of two classes, the one that is looked for; by label -1 */
    size_t images;      /* that chose; 0: nothing has been chosen */
    int n;              /* thresholds: 0, 1 of two classes, or one a label */
    /* [n] thresholds and their figures on the images that chose. Where these had not both kinds,
     * the threshold is 1/2. */
    struct thaw_one_label *list;
};

/* What is to be chosen: from `sensitivity_at` ("specificity=0.95") and `positive` as they stand on
 * the command line (NULL: not given). The classes are two, or labels. */
int thaw_decision_init(struct thaw_decision *d, const char *sensitivity_at, const char *positive,
                       char *const *classes, int n_classes, bool by_label, struct thaw_error *err);
void thaw_decision_release(struct thaw_decision *d);

/* Chooses by probabilities [n][classes] and targets [n][classes] (1 where the class holds). Nothing
 * happens where nothing is to be chosen. */
int thaw_decision_choose(struct thaw_decision *d, const float *probabilities, const float *targets,
                         size_t n, int n_classes, char *const *classes, struct thaw_error *err);

/* "specificity=0.95" or "F1". */
const char *thaw_decision_wanted(const struct thaw_decision *d, char text[40]);

/* {"by", "chosen_on", "images", "thresholds": [{"class", "threshold", ...}]}; a new reference. */
json_t *thaw_decision_json(const struct thaw_decision *d, char *const *classes);

/* Back from what thaw_decision_json gave (NULL or null: nothing was chosen, n is 0) for these
 * classes; `path` names the file in errors. */
int thaw_decision_parse(struct thaw_decision *d, const json_t *json, char *const *classes,
                        int n_classes, const char *path, struct thaw_error *err);
/* What a model's record says. */
int thaw_decision_read(struct thaw_decision *d, const struct thaw_model_file *m,
                       struct thaw_error *err);

/* Of label k; where none was chosen, 1/2. */
#define THAW_UNDECIDED 0.5F
float thaw_decision_threshold(const struct thaw_decision *d, int k);

/* Of two classes: `positive` from this probability of it on, else the other one. */
struct thaw_rule {
    int positive;
    float threshold;
};
/* NULL where there is no threshold, or labels have theirs. */
const struct thaw_rule *thaw_decision_rule(const struct thaw_decision *d, struct thaw_rule *rule);

/* "threshold", "sensitivity", "sensitivity_ci95", "specificity", "specificity_ci95",
 * "true_positives", "false_negatives", "true_negatives", "false_positives". */
json_t *thaw_decision_figures(const struct thaw_one_label *label);

#endif
