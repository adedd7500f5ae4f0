/* The figures of a cross-validation, for people and for programs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/cv.h"
#include "apps/inputs.h"
#include "apps/report.h"
#include "apps/text.h"
#include "io/base/file.h"
#include "io/base/mem.h"

/* --- figures --- */

static int judge_run(struct thaw_cv *cv, struct thaw_cv_run *run, float *p, int *labels,
                     struct thaw_error *err)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    size_t n = 0, width = (size_t)data->n_classes, first = (size_t)run->round * data->n;
    for (size_t i = 0; i < data->n; i++) {
        if (cv->fold[first + i] != run->fold)
            continue;
        memcpy(p + n * width, cv->probabilities + (first + i) * width, width * sizeof *p);
        labels[n++] = data->images[i].label;
    }
    return thaw_metrics_compute(&run->metrics, p, labels, n, data->n_classes, err);
}

int thaw_cv_judge(struct thaw_cv *cv, struct thaw_error *err)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    size_t all = (size_t)cv->rounds * data->n;
    float *p = thaw_new(data->n, (size_t)data->n_classes * sizeof *p, err);
    int *labels = thaw_new(all, sizeof *labels, err), rc = p && labels ? 0 : -1;
    for (int r = 0; rc == 0 && r < cv->n_runs; r++)
        rc = judge_run(cv, &cv->runs[r], p, labels, err);
    for (size_t i = 0; rc == 0 && i < all; i++)
        labels[i] = data->images[i % data->n].label;
    if (rc == 0)
        rc =
            thaw_metrics_compute(&cv->pooled, cv->probabilities, labels, all, data->n_classes, err);
    /* Answers of several seeds on one image are not independent: they narrow nothing. */
    if (rc == 0)
        thaw_wilson_share(cv->pooled.accuracy, data->n, &cv->pooled.accuracy_lo,
                          &cv->pooled.accuracy_hi);
    for (int c = 0; rc == 0 && c < data->n_classes; c++) {
        struct thaw_class_metrics *m = &cv->pooled.per_class[c];
        if (m->support)
            thaw_wilson_share(m->recall, m->support / (size_t)cv->rounds, &m->recall_lo,
                              &m->recall_hi);
    }
    free(p);
    free(labels);
    return rc;
}

enum figure { ACCURACY, BALANCED, MACRO_F1, AUC, LOSS, ECE, RECALLS }; /* RECALLS + class */

static const struct {
    const char *name, *key;
} figures[RECALLS] = {{"accuracy", "accuracy"},         {"balanced accuracy", "balanced_accuracy"},
                      {"macro-F1", "macro_f1"},         {"AUC, each class to the rest", "auc"},
                      {"loss (cross-entropy)", "loss"}, {"expected calibration error", "ece"}};

static double figure_of(const struct thaw_metrics *m, int which)
{
    const double values[RECALLS] = {m->accuracy, m->balanced_accuracy, m->macro_f1, m->auc, m->loss,
                                    m->ece};
    return which < RECALLS ? values[which] : m->per_class[which - RECALLS].recall;
}

/* Over the runs where the figure is defined; NAN where there are too few. */
struct spread {
    double mean, sd, least, most;
    int n;
};

static struct spread spread_of(const struct thaw_cv *cv, int which)
{
    struct spread s = {.least = INFINITY, .most = -INFINITY};
    double sum = 0, squares = 0;
    for (int r = 0; r < cv->n_runs; r++) {
        double x = figure_of(&cv->runs[r].metrics, which);
        if (!isfinite(x))
            continue;
        sum += x;
        s.least = fmin(s.least, x);
        s.most = fmax(s.most, x);
        s.n++;
    }
    s.mean = s.n ? sum / s.n : NAN;
    for (int r = 0; r < cv->n_runs; r++) {
        double x = figure_of(&cv->runs[r].metrics, which) - s.mean;
        squares += isfinite(x) ? x * x : 0;
    }
    s.sd = s.n > 1 ? sqrt(squares / (s.n - 1)) : NAN;
    return s;
}

/* --- text --- */

static void put(FILE *to, double value, int width)
{
    if (isfinite(value))
        fprintf(to, "%*.4f", width, value);
    else
        fprintf(to, "%*s", width, "-");
}

static void print_spread(FILE *to, const struct thaw_cv *cv, const char *name, int which)
{
    struct spread s = spread_of(cv, which);
    fprintf(to, "%-28s", name);
    put(to, s.mean, 7);
    put(to, s.sd, 9);
    put(to, s.least, 9);
    put(to, s.most, 10);
    if (s.n < cv->n_runs)
        fprintf(to, "   in %d runs", s.n);
    fprintf(to, "\n");
}

static void print_runs(FILE *to, const struct thaw_cv *cv)
{
    fprintf(to, "\n%-10s %5s %8s %10s %10s %8s\n", "seed", "fold", "images", "accuracy", "balanced",
            "AUC");
    for (int r = 0; r < cv->n_runs; r++) {
        const struct thaw_cv_run *run = &cv->runs[r];
        fprintf(to, "%-10ld %5d %8zu", run->seed, run->fold + 1, run->images);
        put(to, run->metrics.accuracy, 11);
        put(to, run->metrics.balanced_accuracy, 11);
        put(to, run->metrics.auc, 9);
        fprintf(to, "\n");
    }
}

void thaw_cv_text(FILE *to, const struct thaw_cv *cv)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    fprintf(to, "%s: %zu images, %d classes, %d folds x %d seeds\n", cv->source, data->n,
            data->n_classes, cv->folds, cv->rounds);
    if (cv->data.groups)
        fprintf(to, "%s\n", cv->data.groups);
    else
        fprintf(to, "no patients are known: if several images are of one, these figures are better "
                    "than new patients\nwill give (--group-by)\n");
    if (cv->data.copies)
        fprintf(to, "%s\n", cv->data.copies);
    if (cv->data.train.probe.n_bad)
        fprintf(to, "%zu files skipped\n", cv->data.train.probe.n_bad);
    print_runs(to, cv);
    fprintf(to, "\n%-28s%7s%9s%9s%10s\n", "", "mean", "sd", "least", "greatest");
    for (int k = 0; k < RECALLS; k++)
        print_spread(to, cv, figures[k].name, k);
    for (int c = 0; c < data->n_classes; c++) {
        char name[160];
        snprintf(name, sizeof name, "recall %.18s%s", data->classes[c],
                 strlen(data->classes[c]) > 18 ? ".." : "");
        print_spread(to, cv, name, RECALLS + c);
    }
    fprintf(to,
            "\nsd: standard deviation over the %d runs, of which several learn from the same "
            "images: how far one\nrun may be off, not how well the mean is known.\n",
            cv->n_runs);
    fprintf(to, "\npooled: all %zu images, each judged by a model that was trained without it",
            data->n);
    if (cv->rounds > 1)
        fprintf(to,
                ", once for each of %d seeds\n(counts are of all answers; the interval counts "
                "each image once)",
                cv->rounds);
    if (cv->data.groups)
        fprintf(to,
                "\nThe interval takes images as independent; several of one patient make it wider "
                "than it says.");
    fprintf(to, "\n\n");
    thaw_report_tables(to, &cv->pooled, data->classes, NULL);
}

/* --- JSON --- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *spread_json(const struct thaw_cv *cv, int which)
{
    struct spread s = spread_of(cv, which);
    return json_pack("{s:o, s:o, s:o, s:o, s:i}", "mean", number(s.mean), "sd", number(s.sd),
                     "least", number(s.n ? s.least : NAN), "greatest", number(s.n ? s.most : NAN),
                     "runs", s.n);
}

static json_t *run_json(const struct thaw_cv_run *run)
{
    json_t *one =
        json_pack("{s:I, s:i, s:o, s:I}", "seed", (json_int_t)run->seed, "fold", run->fold + 1,
                  "folder", thaw_text_json(run->folder), "images", (json_int_t)run->images);
    for (int k = 0; k < RECALLS; k++)
        json_object_set_new(one, figures[k].key, number(figure_of(&run->metrics, k)));
    return one;
}

json_t *thaw_cv_json(const struct thaw_cv *cv)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    json_t *runs = json_array(), *spread = json_object(), *recall = json_array();
    for (int r = 0; r < cv->n_runs; r++)
        json_array_append_new(runs, run_json(&cv->runs[r]));
    for (int k = 0; k < RECALLS; k++)
        json_object_set_new(spread, figures[k].key, spread_json(cv, k));
    for (int c = 0; c < data->n_classes; c++) {
        json_t *one = spread_json(cv, RECALLS + c);
        json_object_set_new(one, "name", thaw_text_json(data->classes[c]));
        json_array_append_new(recall, one);
    }
    return json_pack("{s:o, s:I, s:i, s:O, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "data",
                     thaw_text_json(cv->source), "images", (json_int_t)data->n, "folds", cv->folds,
                     "seeds", json_object_get(cv->plan, "seeds"), "groups",
                     cv->data.groups ? thaw_text_json(cv->data.groups) : json_null(), "copies",
                     cv->data.copies ? json_string(cv->data.copies) : json_null(), "test_images",
                     json_integer((json_int_t)cv->data.test_images), "skipped_files",
                     thaw_inputs_bad_json(&cv->data.train.probe), "spread", spread, "recall",
                     recall, "runs", runs, "pooled",
                     thaw_report_json(&cv->pooled, data->classes, cv->data.train.probe.n_bad));
}

/* --- CSV --- */

int thaw_cv_csv(const char *path, const struct thaw_cv *cv, struct thaw_error *err)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return thaw_fail_errno(err, "%s", path);
    thaw_report_csv_head(to, data->classes, data->n_classes);
    fputs(",group,seed,fold\n", to);
    for (size_t k = 0; k < (size_t)cv->rounds * data->n; k++) {
        const struct thaw_dataset_image *image = &data->images[k % data->n];
        const float *row = cv->probabilities + k * (size_t)data->n_classes;
        thaw_report_csv_row(to, image->relative, data->classes[image->label],
                            data->classes[thaw_report_top(row, data->n_classes)], row,
                            data->n_classes);
        putc(',', to);
        thaw_csv_field(to, image->group ? image->group : "");
        fprintf(to, ",%ld,%d\n", cv->seeds[k / data->n], cv->fold[k] + 1);
    }
    int rc = fclose(to) ? thaw_fail_errno(err, "%s", path) : thaw_file_write(path, text, size, err);
    free(text);
    return rc;
}
