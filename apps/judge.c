#include "apps/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/report.h"
#include "apps/report_labels.h"
#include "io/base/mem.h"
#include "vision/labels.h"

/* --- figures --- */

/* Row r is of image r % data->n. */
struct answers {
    const struct thaw_dataset *data;
    const float *probabilities;
    size_t rows;
    const struct thaw_decision *one;       /* that decides all */
    const struct thaw_decision *const *by; /* [rows]; NULL: `one` does */
};

static const struct thaw_decision *decision_of(const struct answers *a, size_t row)
{
    return a->by ? a->by[row] : a->one;
}

static int judge_labels(struct thaw_judgement *j, const struct answers *a, struct thaw_error *err)
{
    size_t width = (size_t)a->data->n_classes;
    float *targets = thaw_new(a->rows, width * sizeof *targets, err);
    bool *said = thaw_new(a->rows, width * sizeof *said, err);
    int rc = targets && said ? 0 : -1;
    for (size_t r = 0; rc == 0 && r < a->rows; r++) {
        size_t image = r % a->data->n;
        thaw_labels_targets(a->data, &image, 1, targets + r * width);
        for (int k = 0; k < a->data->n_classes; k++)
            said[r * width + (size_t)k] =
                thaw_judge_says(decision_of(a, r), a->probabilities + r * width, k);
    }
    if (rc == 0)
        rc = thaw_label_metrics_compute(&j->labels, a->probabilities, targets, said, a->rows,
                                        a->data->n_classes, err);
    for (int k = 0; rc == 0 && !a->by && k < a->data->n_classes; k++)
        j->labels.per_label[k].threshold = thaw_decision_threshold(a->one, k);
    free(targets);
    free(said);
    return rc;
}

/* Of two classes, from their confusion matrix. */
static struct thaw_one_label one_of(const struct thaw_metrics *m, int positive, float threshold)
{
    size_t p = (size_t)positive, q = 1 - p;
    struct thaw_one_label l = {.threshold = threshold,
                               .counts = {.hit = m->confusion[2 * p + p],
                                          .missed = m->confusion[2 * p + q],
                                          .clear = m->confusion[2 * q + q],
                                          .wrong = m->confusion[2 * q + p]}};
    thaw_one_label_fill(&l);
    return l;
}

static int judge_classes(struct thaw_judgement *j, const struct answers *a, struct thaw_error *err)
{
    struct thaw_rule room;
    const struct thaw_rule *rule = thaw_decision_rule(a->one, &room);
    struct thaw_metrics even = {0};
    const float *p = a->probabilities;
    int n = a->data->n_classes;
    int *labels = thaw_new(a->rows, sizeof *labels, err);
    int *said = thaw_new(a->rows, sizeof *said, err), rc = labels && said ? 0 : -1;
    for (size_t r = 0; rc == 0 && r < a->rows; r++) {
        labels[r] = a->data->images[r % a->data->n].label;
        said[r] = thaw_judge_class(decision_of(a, r), p + r * (size_t)n, n);
    }
    if (rc == 0)
        rc = thaw_metrics_compute_by(&j->metrics, p, labels, said, a->rows, n, err);
    if (rc == 0 && j->positive >= 0)
        rc = thaw_metrics_compute(&even, p, labels, a->rows, n, err);
    if (rc == 0 && j->positive >= 0) {
        float threshold = a->by ? NAN : rule ? rule->threshold : THAW_UNDECIDED;
        j->at = one_of(&j->metrics, j->positive, threshold);
        j->even = one_of(&even, j->positive, THAW_UNDECIDED);
        j->even_accuracy = even.accuracy;
    }
    thaw_metrics_release(&even);
    free(labels);
    free(said);
    return rc;
}

static int judge(struct thaw_judgement *j, const struct answers *a, int positive,
                 struct thaw_error *err)
{
    *j = (struct thaw_judgement){.by_label = a->data->by_label,
                                 .positive = positive < 0 ? a->one->positive : positive,
                                 .decision = a->one};
    return j->by_label ? judge_labels(j, a, err) : judge_classes(j, a, err);
}

int thaw_judge(struct thaw_judgement *j, const struct thaw_dataset *data,
               const float *probabilities, const struct thaw_decision *decision, int positive,
               struct thaw_error *err)
{
    const struct answers all = {data, probabilities, data->n, decision, NULL};
    return judge(j, &all, positive, err);
}

/* --- several rounds --- */

static void widen_share(double share, size_t n, size_t rounds, double *lo, double *hi)
{
    if (n)
        thaw_wilson_share(share, n / rounds, lo, hi);
}

static void widen_one(struct thaw_one_label *l, size_t rounds)
{
    widen_share(l->recall, l->support, rounds, &l->recall_lo, &l->recall_hi);
    widen_share(l->specificity, l->counts.clear + l->counts.wrong, rounds, &l->specificity_lo,
                &l->specificity_hi);
}

static void widen(struct thaw_judgement *j, size_t rounds)
{
    struct thaw_metrics *m = &j->metrics;
    struct thaw_label_metrics *l = &j->labels;
    for (int k = 0; k < l->labels; k++)
        widen_one(&l->per_label[k], rounds);
    widen_share(l->exact, l->images, rounds, &l->exact_lo, &l->exact_hi);
    for (int k = 0; k < m->classes; k++) {
        struct thaw_class_metrics *c = &m->per_class[k];
        widen_share(c->recall, c->support, rounds, &c->recall_lo, &c->recall_hi);
    }
    widen_share(m->accuracy, m->images, rounds, &m->accuracy_lo, &m->accuracy_hi);
    if (j->positive >= 0) {
        widen_one(&j->at, rounds);
        widen_one(&j->even, rounds);
    }
}

int thaw_judge_rounds(struct thaw_judgement *j, const struct thaw_dataset *data,
                      const float *probabilities, size_t rounds,
                      const struct thaw_decision *const *by, const struct thaw_decision *wanted,
                      struct thaw_error *err)
{
    const struct answers all = {data, probabilities, rounds * data->n, wanted, by};
    if (judge(j, &all, -1, err))
        return -1;
    widen(j, rounds);
    return 0;
}

void thaw_judgement_release(struct thaw_judgement *j)
{
    thaw_metrics_release(&j->metrics);
    thaw_label_metrics_release(&j->labels);
}

/* --- what a row says --- */

int thaw_judge_class(const struct thaw_decision *decision, const float *row, int n)
{
    struct thaw_rule room;
    const struct thaw_rule *rule = thaw_decision_rule(decision, &room);
    return !rule                                    ? thaw_report_top(row, n)
           : row[rule->positive] >= rule->threshold ? rule->positive
                                                    : 1 - rule->positive;
}

bool thaw_judge_says(const struct thaw_decision *decision, const float *row, int k)
{
    return row[k] >= thaw_decision_threshold(decision, k);
}

bool thaw_judge_right(const struct thaw_judgement *j, const struct thaw_dataset *data, size_t i,
                      const float *row)
{
    if (!j->by_label)
        return thaw_judge_class(j->decision, row, data->n_classes) == data->images[i].label;
    for (int k = 0; k < data->n_classes; k++)
        if (thaw_judge_says(j->decision, row, k) != thaw_dataset_has(data, i, k))
            return false;
    return true;
}

char *thaw_judge_text(const struct thaw_decision *decision, bool by_label, const float *row,
                      char *const *classes, int n_classes, struct thaw_error *err)
{
    if (!by_label)
        return thaw_strdup(classes[thaw_judge_class(decision, row, n_classes)], err);
    char *text = thaw_strdup("", err);
    for (int k = 0; text && k < n_classes; k++) {
        if (!thaw_judge_says(decision, row, k))
            continue;
        char *longer = thaw_format(err, "%s%s%s", text, *text ? ";" : "", classes[k]);
        free(text);
        text = longer;
    }
    return text;
}

/* --- JSON and text --- */

json_t *thaw_judgement_json(const struct thaw_judgement *j, char *const *classes, size_t skipped)
{
    json_t *all = j->by_label ? thaw_report_labels_json(&j->labels, classes, skipped)
                              : thaw_report_json(&j->metrics, classes, skipped);
    if (all && j->decision->images)
        json_object_set_new(all, "decision", thaw_decision_json(j->decision, classes));
    if (!all || j->positive < 0)
        return all;
    json_t *even = thaw_decision_figures(&j->even);
    json_object_set_new(even, "accuracy", json_real(j->even_accuracy));
    json_object_set_new(all, "positive", json_string(classes[j->positive]));
    json_object_set_new(all, "at_threshold", thaw_decision_figures(&j->at));
    json_object_set_new(all, "at_most_probable", even);
    return all;
}

/* "sensitivity  0.9167  95 % interval ...  (22 of 24 covid19)" */
static void share_line(FILE *to, const char *name, const char *class, double value, double lo,
                       double hi, size_t right, size_t all)
{
    if (all)
        fprintf(to, "%-28s%7.4f   95 %% interval %.4f to %.4f   (%zu of %zu %s)\n", name, value, lo,
                hi, right, all, class);
    else
        fprintf(to, "%-28s      -   no image of class %s\n", name, class);
}

/* The class that is looked for, and where the threshold comes from. */
void thaw_judgement_print_positive(FILE *to, const struct thaw_judgement *j, char *const *classes)
{
    char wanted[40];
    const char *positive = classes[j->positive], *other = classes[1 - j->positive];
    const struct thaw_one_label *l = &j->at, *then = j->decision->list;
    const struct thaw_counts *c = &l->counts;
    if (j->decision->images)
        fprintf(to,
                "%s is said from probability %.4f on: chosen on %zu validation images for %s,\n"
                "where sensitivity was %.4f (%.4f to %.4f) and specificity %.4f (%.4f to %.4f)\n\n",
                positive, (double)l->threshold, j->decision->images,
                thaw_decision_wanted(j->decision, wanted), then->recall, then->recall_lo,
                then->recall_hi, then->specificity, then->specificity_lo, then->specificity_hi);
    share_line(to, "sensitivity", positive, l->recall, l->recall_lo, l->recall_hi, c->hit,
               c->hit + c->missed);
    share_line(to, "specificity", other, l->specificity, l->specificity_lo, l->specificity_hi,
               c->clear, c->clear + c->wrong);
    if (j->decision->n)
        fprintf(to,
                "(by the more probable class: sensitivity %.4f, specificity %.4f, accuracy %.4f)\n",
                j->even.recall, j->even.specificity, j->even_accuracy);
    fprintf(to, "\n");
}

void thaw_judgement_print(FILE *to, const struct thaw_judgement *j, char *const *classes,
                          const char *selected)
{
    if (j->by_label) {
        thaw_report_labels_text(to, &j->labels, classes, j->decision, selected);
        return;
    }
    if (j->positive >= 0) {
        fprintf(to, "\n");
        thaw_judgement_print_positive(to, j, classes);
    }
    thaw_report_text(to, &j->metrics, classes, selected);
}
