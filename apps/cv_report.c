/* A cross-validation for people and for programs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/cv.h"
#include "apps/inputs.h"
#include "apps/report.h"
#include "apps/report_labels.h"
#include "apps/text.h"
#include "io/base/file.h"
#include "vision/labels.h"

/* --- text --- */

static void put(FILE *to, double value, int width)
{
    if (isfinite(value))
        fprintf(to, "%*.4f", width, value);
    else
        fprintf(to, "%*s", width, "-");
}

static void print_head(FILE *to, const struct thaw_cv *cv)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    fprintf(to, "%s: %zu images, %d %s, %d folds x %d seeds\n", cv->source, data->n,
            data->n_classes, data->by_label ? "labels" : "classes", cv->folds, cv->rounds);
    if (cv->data.groups)
        fprintf(to, "%s\n", cv->data.groups);
    else
        fprintf(to, "no patients are known: if several images are of one, these figures are better "
                    "than new patients\nwill give (--group-by)\n");
    if (cv->data.copies)
        fprintf(to, "%s\n", cv->data.copies);
    if (cv->data.train.probe.n_bad)
        fprintf(to, "%zu files skipped\n", cv->data.train.probe.n_bad);
}

/* Where the thresholds come from. */
static void print_thresholds(FILE *to, const struct thaw_cv *cv)
{
    const struct thaw_decision *d = &cv->wanted;
    char wanted[40];
    size_t least = SIZE_MAX, most = 0;
    if (!d->n)
        return;
    for (int r = 0; r < cv->n_runs; r++) {
        size_t n = cv->runs[r].decision.images;
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    fprintf(to, "\n%s is said from a threshold on that each run chose for %s%s,\n",
            d->positive < 0 ? "each label" : cv->data.train.data.classes[d->positive],
            d->specificity > 0 ? "the highest sensitivity at " : "the highest ",
            thaw_decision_wanted(d, wanted));
    fprintf(to,
            "on the %zu to %zu images of its other folds that it validated with; the fold it "
            "judges had no\npart in that\n",
            least, most);
}

static void print_runs(FILE *to, const struct thaw_cv *cv)
{
    struct thaw_cv_figures whole = thaw_cv_whole(cv), positive = thaw_cv_positive(cv);
    const int columns[2][3] = {{0, 1, 3}, {0, 1, 5}};
    static const char *const headings[2][3] = {{"accuracy", "balanced", "AUC"},
                                               {"mean AUC", "mean AP", "all right"}};
    bool by_label = cv->pooled.by_label;
    fprintf(to, "\n%-10s %5s %8s", "seed", "fold", "images");
    for (int k = 0; k < 3; k++)
        fprintf(to, " %11s", headings[by_label][k]);
    for (int k = 0; k < positive.n && k < 3; k++)
        fprintf(to, " %11s", positive.list[k].name);
    fprintf(to, "\n");
    for (int r = 0; r < cv->n_runs; r++) {
        const struct thaw_cv_run *run = &cv->runs[r];
        fprintf(to, "%-10ld %5d %8zu", run->seed, run->fold + 1, run->images);
        for (int k = 0; k < 3; k++)
            put(to, whole.list[columns[by_label][k]].of(&run->judgement, 0), 12);
        for (int k = 0; k < positive.n && k < 3; k++)
            put(to, positive.list[k].of(&run->judgement, 0), 12);
        fprintf(to, "\n");
    }
}

static void print_spread(FILE *to, const struct thaw_cv *cv, const char *name,
                         const struct thaw_cv_figure *figure, int k)
{
    struct thaw_cv_spread s = thaw_cv_spread(cv, figure, k);
    fprintf(to, "%-28s", name);
    put(to, s.mean, 7);
    put(to, s.sd, 9);
    put(to, s.least, 9);
    put(to, s.most, 10);
    if (s.n < cv->n_runs)
        fprintf(to, "   in %d runs", s.n);
    fprintf(to, "\n");
}

/* Each class below the rest. */
static void print_classes(FILE *to, const struct thaw_cv *cv)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    struct thaw_cv_figures each = thaw_cv_each(cv);
    for (int c = 0; c < data->n_classes; c++) {
        char name[160];
        snprintf(name, sizeof name, "%s %.18s%s", each.list[0].name, data->classes[c],
                 strlen(data->classes[c]) > 18 ? ".." : "");
        print_spread(to, cv, name, &each.list[0], c);
    }
}

/* A row for each label: mean and deviation of its figures. */
static void print_labels(FILE *to, const struct thaw_cv *cv)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    struct thaw_cv_figures each = thaw_cv_each(cv);
    int width = thaw_report_width(data->classes, data->n_classes);
    fprintf(to, "\n%-*s", width, "label");
    for (int f = 0; f < each.n; f++)
        fprintf(to, " %11s      sd", each.list[f].name);
    fprintf(to, "\n");
    for (int c = 0; c < data->n_classes; c++) {
        int runs = cv->n_runs;
        thaw_report_cell(to, data->classes[c], width, false);
        for (int f = 0; f < each.n; f++) {
            struct thaw_cv_spread s = thaw_cv_spread(cv, &each.list[f], c);
            put(to, s.mean, 12);
            put(to, s.sd, 8);
            runs = s.n < runs ? s.n : runs;
        }
        if (runs < cv->n_runs)
            fprintf(to, "   some of it in %d runs", runs);
        fprintf(to, "\n");
    }
}

static void print_spreads(FILE *to, const struct thaw_cv *cv)
{
    struct thaw_cv_figures whole = thaw_cv_whole(cv), positive = thaw_cv_positive(cv);
    fprintf(to, "\n%-28s%7s%9s%9s%10s\n", "", "mean", "sd", "least", "greatest");
    for (int f = 0; f < positive.n; f++)
        print_spread(to, cv, positive.list[f].name, &positive.list[f], 0);
    for (int f = 0; f < whole.n; f++)
        print_spread(to, cv, whole.list[f].name, &whole.list[f], 0);
    if (cv->pooled.by_label)
        print_labels(to, cv);
    else
        print_classes(to, cv);
    fprintf(to,
            "\nsd: standard deviation over the %d runs, of which several learn from the same "
            "images: how far one\nrun may be off, not how well the mean is known.\n",
            cv->n_runs);
}

static void print_pooled(FILE *to, const struct thaw_cv *cv)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    fprintf(to, "\npooled: all %zu images, each judged by a model that was trained without it",
            data->n);
    if (cv->wanted.n)
        fprintf(to, ",\nat the threshold%s of that model", cv->pooled.by_label ? "s" : "");
    if (cv->rounds > 1)
        fprintf(to,
                ", once for each of %d seeds\n(counts are of all answers; the interval counts "
                "each image once)",
                cv->rounds);
    if (cv->data.groups)
        fprintf(to,
                "\nThe interval takes images as independent; several of one patient make it wider "
                "than it says.");
    fprintf(to, "\nAUC here ranks answers of different models among each other; its mean above "
                "does not.\n\n");
    if (cv->pooled.by_label) {
        thaw_report_labels_tables(to, &cv->pooled.labels, data->classes, NULL, NULL);
        return;
    }
    if (cv->pooled.positive >= 0)
        thaw_judgement_print_positive(to, &cv->pooled, data->classes);
    thaw_report_tables(to, &cv->pooled.metrics, data->classes, NULL);
}

void thaw_cv_text(FILE *to, const struct thaw_cv *cv)
{
    print_head(to, cv);
    print_thresholds(to, cv);
    print_runs(to, cv);
    print_spreads(to, cv);
    print_pooled(to, cv);
}

/* --- JSON --- */

/* Joins the spread of each figure to `to`. */
static void add_spreads(json_t *to, const struct thaw_cv *cv, struct thaw_cv_figures figures, int k)
{
    for (int f = 0; f < figures.n; f++) {
        struct thaw_cv_spread s = thaw_cv_spread(cv, &figures.list[f], k);
        json_object_set_new(to, figures.list[f].key,
                            json_pack("{s:o, s:o, s:o, s:o, s:i}", "mean", thaw_json_number(s.mean),
                                      "sd", thaw_json_number(s.sd), "least",
                                      thaw_json_number(s.least), "greatest",
                                      thaw_json_number(s.most), "runs", s.n));
    }
}

/* The report of its fold is that of an evaluation. */
static json_t *run_json(const struct thaw_cv *cv, const struct thaw_cv_run *run)
{
    json_t *one =
        json_pack("{s:I, s:i, s:o, s:I}", "seed", (json_int_t)run->seed, "fold", run->fold + 1,
                  "folder", thaw_text_json(run->folder), "images", (json_int_t)run->images);
    json_t *report = thaw_judgement_json(&run->judgement, cv->data.train.data.classes, 0);
    json_object_del(report, "skipped"); /* files were skipped before there were folds */
    json_object_update_missing(one, report);
    json_decref(report);
    return one;
}

/* Of classes: "recall", the spread of each one's; of labels "labels", each with its figures. */
static void add_each(json_t *to, const struct thaw_cv *cv)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    struct thaw_cv_figures each = thaw_cv_each(cv);
    json_t *list = json_array();
    for (int c = 0; c < data->n_classes; c++) {
        json_t *one = json_object(), *figures = json_object();
        add_spreads(figures, cv, each, c);
        json_object_set_new(one, "name", thaw_text_json(data->classes[c]));
        json_object_update(one,
                           data->by_label ? figures : json_object_get(figures, each.list[0].key));
        json_decref(figures);
        json_array_append_new(list, one);
    }
    json_object_set_new(to, data->by_label ? "labels" : each.list[0].key, list);
}

json_t *thaw_cv_json(const struct thaw_cv *cv)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    char wanted[40];
    json_t *runs = json_array(), *spread = json_object();
    for (int r = 0; r < cv->n_runs; r++)
        json_array_append_new(runs, run_json(cv, &cv->runs[r]));
    add_spreads(spread, cv, thaw_cv_whole(cv), 0);
    add_spreads(spread, cv, thaw_cv_positive(cv), 0);
    json_t *all = json_pack(
        "{s:o, s:I, s:i, s:O, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "data",
        thaw_text_json(cv->source), "images", (json_int_t)data->n, "folds", cv->folds, "seeds",
        json_object_get(cv->plan, "seeds"), "groups",
        cv->data.groups ? thaw_text_json(cv->data.groups) : json_null(), "copies",
        cv->data.copies ? json_string(cv->data.copies) : json_null(), "test_images",
        json_integer((json_int_t)cv->data.test_images), "skipped_files",
        thaw_inputs_bad_json(&cv->data.train.probe), "thresholds_by",
        cv->wanted.n ? json_string(thaw_decision_wanted(&cv->wanted, wanted)) : json_null(),
        "spread", spread, "runs", runs, "pooled",
        thaw_judgement_json(&cv->pooled, data->classes, cv->data.train.probe.n_bad));
    if (all)
        add_each(all, cv);
    return all;
}

/* --- CSV --- */

int thaw_cv_row(FILE *to, const struct thaw_cv *cv, size_t k, struct thaw_error *err)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    const struct thaw_decision *decision = &thaw_cv_run_of(cv, k)->decision;
    const float *row = cv->probabilities + k * (size_t)data->n_classes;
    char *truth = thaw_labels_text(data, k % data->n, err);
    char *said =
        thaw_judge_text(decision, data->by_label, row, data->classes, data->n_classes, err);
    int rc = truth && said ? 0 : -1;
    if (rc == 0)
        thaw_report_csv_row(to, data->images[k % data->n].relative, truth, said, row,
                            data->n_classes);
    free(truth);
    free(said);
    return rc;
}

int thaw_cv_csv(const char *path, const struct thaw_cv *cv, struct thaw_error *err)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    struct thaw_replace file;
    FILE *to = thaw_replace_open(&file, path, err);
    if (!to)
        return -1;
    thaw_report_csv_head(to, data->classes, data->n_classes);
    fputs(",group,seed,fold\n", to);
    int rc = 0;
    for (size_t k = 0; rc == 0 && k < (size_t)cv->rounds * data->n; k++) {
        const char *group = data->images[k % data->n].group;
        rc = thaw_cv_row(to, cv, k, err);
        putc(',', to);
        thaw_csv_field(to, group ? group : "");
        fprintf(to, ",%ld,%d\n", cv->seeds[k / data->n], cv->fold[k] + 1);
    }
    return thaw_replace_close(&file, to, rc, err);
}
