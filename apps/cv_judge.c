/* The figures of a cross-validation: of each run, of their spread, of all answers together. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/cv.h"
#include "io/base/mem.h"

const struct thaw_cv_run *thaw_cv_run_of(const struct thaw_cv *cv, size_t k)
{
    size_t round = k / cv->data.train.data.n;
    return &cv->runs[round * (size_t)cv->folds + (size_t)cv->fold[k]];
}

/* --- judging --- */

static int judge_run(struct thaw_cv *cv, struct thaw_cv_run *run, struct thaw_error *err)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    size_t n = 0, width = (size_t)data->n_classes, first = (size_t)run->round * data->n;
    struct thaw_dataset judged = {0};
    float *p = thaw_new(run->images, width * sizeof *p, err);
    bool *take = thaw_new(data->n, sizeof *take, err);
    int rc = -1;
    if (!p || !take)
        goto done;
    for (size_t i = 0; i < data->n; i++) {
        if (!(take[i] = cv->fold[first + i] == run->fold))
            continue;
        memcpy(p + n++ * width, cv->probabilities + (first + i) * width, width * sizeof *p);
    }
    if (thaw_dataset_pick(&judged, data, take, err))
        goto done;
    rc = thaw_judge(&run->judgement, &judged, p, &run->decision, -1, err);
    thaw_dataset_release(&judged);
done:
    free(p);
    free(take);
    return rc;
}

int thaw_cv_judge(struct thaw_cv *cv, struct thaw_error *err)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    size_t all = (size_t)cv->rounds * data->n;
    const struct thaw_decision **by = thaw_new(all, sizeof *by, err);
    int rc = by ? 0 : -1;
    for (int r = 0; rc == 0 && r < cv->n_runs; r++)
        rc = judge_run(cv, &cv->runs[r], err);
    for (size_t k = 0; rc == 0 && k < all; k++)
        by[k] = &thaw_cv_run_of(cv, k)->decision;
    if (rc == 0)
        rc = thaw_judge_rounds(&cv->pooled, data, cv->probabilities, (size_t)cv->rounds, by,
                               &cv->wanted, err);
    free(by);
    return rc;
}

/* --- figures --- */

#define FIGURE(NAME, EXPRESSION)                                                                   \
    static double NAME(const struct thaw_judgement *j, int k)                                      \
    {                                                                                              \
        (void)k;                                                                                   \
        return EXPRESSION;                                                                         \
    }

FIGURE(accuracy, j->metrics.accuracy)
FIGURE(balanced, j->metrics.balanced_accuracy)
FIGURE(macro_f1, j->metrics.macro_f1)
FIGURE(auc, j->metrics.auc)
FIGURE(loss, j->metrics.loss)
FIGURE(ece, j->metrics.ece)
FIGURE(class_recall, j->metrics.per_class[k].recall)

FIGURE(sensitivity, j->at.recall)
FIGURE(specificity, j->at.specificity)
FIGURE(threshold, (double)j->at.threshold)
FIGURE(chosen_sensitivity, j->decision->list[0].recall)
FIGURE(chosen_specificity, j->decision->list[0].specificity)

FIGURE(mean_auc, j->labels.mean_auc)
FIGURE(mean_precision, j->labels.mean_average_precision)
FIGURE(labels_macro_f1, j->labels.macro_f1)
FIGURE(micro_f1, j->labels.micro_f1)
FIGURE(answers, j->labels.accuracy)
FIGURE(exact, j->labels.exact)
FIGURE(labels_loss, j->labels.loss)
FIGURE(label_auc, j->labels.per_label[k].auc)
FIGURE(label_precision, j->labels.per_label[k].average_precision)
FIGURE(label_recall, j->labels.per_label[k].recall)
FIGURE(label_specificity, j->labels.per_label[k].specificity)
FIGURE(label_threshold, (double)j->labels.per_label[k].threshold)

static const struct thaw_cv_figure of_classes[] = {
    {"accuracy", "accuracy", accuracy},     {"balanced accuracy", "balanced_accuracy", balanced},
    {"macro-F1", "macro_f1", macro_f1},     {"AUC, each class to the rest", "auc", auc},
    {"loss (cross-entropy)", "loss", loss}, {"expected calibration error", "ece", ece}};
static const struct thaw_cv_figure of_class[] = {{"recall", "recall", class_recall}};

static const struct thaw_cv_figure of_positive[] = {
    {"sensitivity", "sensitivity", sensitivity},
    {"specificity", "specificity", specificity},
    {"threshold", "threshold", threshold},
    {"sensitivity where chosen", "chosen_sensitivity", chosen_sensitivity},
    {"specificity where chosen", "chosen_specificity", chosen_specificity}};

static const struct thaw_cv_figure of_labels[] = {
    {"mean AUC", "mean_auc", mean_auc},
    {"mean average precision", "mean_average_precision", mean_precision},
    {"macro-F1", "macro_f1", labels_macro_f1},
    {"micro-F1", "micro_f1", micro_f1},
    {"answers that are right", "accuracy", answers},
    {"images with all labels right", "exact", exact},
    {"loss (binary cross-entropy)", "loss", labels_loss}};
static const struct thaw_cv_figure of_label[] = {{"AUC", "auc", label_auc},
                                                 {"AP", "average_precision", label_precision},
                                                 {"recall", "recall", label_recall},
                                                 {"specificity", "specificity", label_specificity},
                                                 {"threshold", "threshold", label_threshold}};

#define FIGURES(LIST)                                                                              \
    (struct thaw_cv_figures)                                                                       \
    {                                                                                              \
        LIST, (int)(sizeof(LIST) / sizeof *(LIST))                                                 \
    }

struct thaw_cv_figures thaw_cv_whole(const struct thaw_cv *cv)
{
    return cv->pooled.by_label ? FIGURES(of_labels) : FIGURES(of_classes);
}

struct thaw_cv_figures thaw_cv_positive(const struct thaw_cv *cv)
{
    return cv->pooled.positive < 0 ? (struct thaw_cv_figures){0} : FIGURES(of_positive);
}

struct thaw_cv_figures thaw_cv_each(const struct thaw_cv *cv)
{
    return cv->pooled.by_label ? FIGURES(of_label) : FIGURES(of_class);
}

struct thaw_cv_spread thaw_cv_spread(const struct thaw_cv *cv, const struct thaw_cv_figure *figure,
                                     int k)
{
    struct thaw_cv_spread s = {.least = INFINITY, .most = -INFINITY};
    double sum = 0, squares = 0;
    for (int r = 0; r < cv->n_runs; r++) {
        double x = figure->of(&cv->runs[r].judgement, k);
        if (!isfinite(x))
            continue;
        s.n++;
        sum += x;
        s.least = fmin(s.least, x);
        s.most = fmax(s.most, x);
    }
    s.mean = s.n ? sum / s.n : NAN;
    for (int r = 0; r < cv->n_runs; r++) {
        double x = figure->of(&cv->runs[r].judgement, k);
        squares += isfinite(x) ? (x - s.mean) * (x - s.mean) : 0;
    }
    s.sd = s.n > 1 ? sqrt(squares / (s.n - 1)) : NAN;
    s.least = s.n ? s.least : NAN;
    s.most = s.n ? s.most : NAN;
    return s;
}
