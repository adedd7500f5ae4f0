/* thaw eval: how good a model is on images whose classes are known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "apps/command.h"
#include "apps/common.h"
#include "apps/eval_leaks.h"
#include "apps/inputs.h"
#include "apps/judge.h"
#include "apps/report.h"
#include "apps/text.h"
#include "io/base/mem.h"
#include "vision/parts.h"

struct values {
    struct thaw_common common;
    const char *split, *labels, *csv, *against, *positive;
    double max_bad;
};

static const struct thaw_option options[] = {
    {"--split", 0, THAW_OPTION_TEXT, offsetof(struct values, split), "PART", NULL, 0, 0,
     "part of data that are divided into train, val and test (default: val)"},
    THAW_OPTIONS_TABLE(struct values),
    {"--labels", 0, THAW_OPTION_TEXT, offsetof(struct values, labels), "FILE", NULL, 0, 0,
     "names of the classes, one a line, for a model that does not hold them"},
    {"--csv", 0, THAW_OPTION_TEXT, offsetof(struct values, csv), "FILE", NULL, 0, 0,
     "write a table of the images: file, label, prediction, probability of every class"},
    {"--positive", 0, THAW_OPTION_TEXT, offsetof(struct values, positive), "CLASS", NULL, 0, 0,
     "of two classes, the one that is looked for: its sensitivity and specificity lead the report "
     "(default: the one that the model's threshold is for)"},
    {"--against", 0, THAW_OPTION_TEXT, offsetof(struct values, against), "DIR", NULL, 0, 0,
     "folder or table of images the model was trained on: what looks like one of them counts as "
     "known to the model, too; for models that do not tell what they were trained on"},
    THAW_OPTION_JSON(struct values),
    {"--max-bad", 0, THAW_OPTION_NUMBER, offsetof(struct values, max_bad), "SHARE", "0.05", 0, 1,
     "part of the files that may be unreadable before the evaluation fails"},
    THAW_OPTIONS_MODEL(struct values),
    THAW_OPTION_PRECISION(struct values),
    THAW_OPTION_THREADS(struct values),
    {0}};

struct work {
    const struct values *v;
    bool tables; /* the data, or those of --against, are one */
    struct thaw_model_file model;
    struct thaw_runner runner;
    char **labels;
    char *const *classes;
    struct thaw_dataset data;
    struct thaw_probe probe;
    struct thaw_cache *cache;
    float *probabilities;
    struct thaw_decision decision;
    struct thaw_judgement judgement;
    int positive; /* -1: the decision's */
    struct thaw_eval_leaks leaks;
};

/* --- what is evaluated --- */

static int choose_classes(struct work *w, struct thaw_error *err)
{
    int n = w->runner.classes;
    w->classes = n == w->model.n_classes ? w->model.classes : NULL;
    if (w->v->labels) {
        if (!(w->labels = thaw_labels_load(w->v->labels, n, err)))
            return -1;
        w->classes = w->labels;
    }
    if (!w->classes)
        return thaw_fail(err, THAW_EUSAGE,
                         "%s does not name its %d classes: give --labels FILE, one name a line in "
                         "the order of its outputs, as the class folders are called",
                         w->model.path, n);
    return 0;
}

/* The thresholds of the model, and the class that is looked for. */
static int choose_positive(struct work *w, struct thaw_error *err)
{
    const char *name = w->v->positive;
    if (thaw_decision_read(&w->decision, &w->model, err))
        return -1;
    w->positive = -1;
    if (!name)
        return 0;
    if (w->runner.classes != 2 || w->runner.top == THAW_TOP_LABELS)
        return thaw_fail(err, THAW_EUSAGE, "--positive %s: goes with two classes; %s has %d %s",
                         name, w->model.path, w->runner.classes,
                         w->runner.top == THAW_TOP_LABELS ? "labels" : "classes");
    for (int k = 0; k < 2; k++)
        if (strcmp(w->classes[k], name) == 0)
            w->positive = k;
    if (w->positive < 0)
        return thaw_fail(err, THAW_EUSAGE, "--positive %s: the classes are %s and %s", name,
                         w->classes[0], w->classes[1]);
    if (w->decision.n && w->positive != w->decision.positive)
        return thaw_fail(err, THAW_EUSAGE, "--positive %s: the threshold of %s is for %s", name,
                         w->model.path, w->classes[w->decision.positive]);
    return 0;
}

static bool is_table(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* --columns and --root are for the data and for --against, whichever is a table. */
static int find_parts(struct thaw_parts *parts, const char *path, const struct work *w,
                      struct thaw_error *err)
{
    const struct thaw_common *o = &w->v->common;
    bool use = is_table(path) || !w->tables;
    return thaw_parts_find(parts, path, use ? o->columns : NULL, use ? o->roots : NULL,
                           w->runner.top == THAW_TOP_LABELS, err);
}

/* The part that is evaluated, or -1. */
static int choose_part(const struct thaw_parts *parts, const char *root, const char *split,
                       struct thaw_error *err)
{
    const char *const paths[THAW_PARTS] = {parts->train, parts->val, parts->test};
    const char *wanted = split ? split : "val";
    int part = 0;
    if (!parts->split && !split)
        return THAW_PART_TRAIN;
    while (part < THAW_PARTS && strcmp(wanted, thaw_part_names[part]) != 0)
        part++;
    if (part == THAW_PARTS)
        return thaw_fail(err, THAW_EUSAGE, "--split %s: needs train, val or test", wanted);
    if (parts->split && !paths[part])
        return thaw_fail(err, THAW_EINPUT, "%s is divided, but has no %s %s%s", root, wanted,
                         parts->manifest ? "rows" : "folder",
                         split ? "" : "; --split train or --split test takes another part");
    if (!parts->split)
        return thaw_fail(err, THAW_EUSAGE,
                         parts->manifest ? "--split %s: %s has no split column, so all its rows "
                                           "are evaluated"
                                         : "--split %s: %s has no train folder beside others, so "
                                           "it is taken as one folder of classes",
                         split, root);
    fprintf(stderr, "%s is divided into parts: %s is evaluated\n", root, paths[part]);
    return part;
}

/* The images of a part, with the classes or labels of `names` (NULL: whatever they are called). */
static int list_part(const struct work *w, const struct thaw_parts *parts, enum thaw_part part,
                     char *const *names, struct thaw_dataset *data, struct thaw_error *err)
{
    const char *const *pinned = (const char *const *)names;
    const char *none = json_string_value(json_object_get(w->model.record, "no_finding"));
    int n = names ? w->runner.classes : 0;
    return w->runner.top == THAW_TOP_LABELS
               ? thaw_parts_list_labels(parts, part, pinned, n, none, data, err)
               : thaw_parts_list(parts, part, pinned, n, data, err);
}

static int read_data(struct work *w, const char *root, struct thaw_error *err)
{
    struct thaw_parts parts;
    if (find_parts(&parts, root, w, err))
        return -1;
    int part = choose_part(&parts, root, w->v->split, err);
    int rc = part < 0 ? -1 : list_part(w, &parts, (enum thaw_part)part, w->classes, &w->data, err);
    thaw_parts_release(&parts);
    if (rc)
        return -1;
    for (size_t i = 0; i < w->data.n_warnings; i++)
        fprintf(stderr, "warning: %s\n", w->data.warnings[i]);
    if (w->data.hidden + w->data.other)
        fprintf(stderr, "ignored: %zu hidden, %zu that are no images\n", w->data.hidden,
                w->data.other);
    if (!(w->cache = thaw_cache_create(w->data.n, THAW_INPUTS_CACHE, err)))
        return -1;
    return thaw_inputs_probe(&w->probe, &w->data, &w->model.preprocess, w->v->max_bad, w->cache,
                             err);
}

/* --- were these images met before? --- */

/* The images of --against, whatever their classes are called. */
static int list_trained(struct thaw_dataset *trained, const struct work *w, struct thaw_error *err)
{
    struct thaw_parts parts;
    if (find_parts(&parts, w->v->against, w, err))
        return thaw_error_prefix(err, "--against");
    int rc = list_part(w, &parts, THAW_PART_TRAIN, NULL, trained, err);
    thaw_parts_release(&parts);
    return rc ? thaw_error_prefix(err, "--against") : 0;
}

static int find_known(struct work *w, struct thaw_error *err)
{
    struct thaw_dataset trained = {0};
    if (w->v->against && list_trained(&trained, w, err))
        return -1;
    int rc =
        thaw_eval_leaks_find(&w->leaks, &w->model, &w->data, w->v->against ? &trained : NULL, err);
    if (w->v->against)
        thaw_dataset_release(&trained);
    return rc;
}

/* Accuracy on the images that the model cannot know. */
static int count_others(struct work *w, struct thaw_error *err)
{
    bool *right = thaw_new(w->data.n, sizeof *right, err);
    if (!right)
        return -1;
    for (size_t i = 0; i < w->data.n; i++)
        right[i] = thaw_judge_right(&w->judgement, &w->data, i,
                                    w->probabilities + i * (size_t)w->runner.classes);
    thaw_eval_leaks_count(&w->leaks, right, w->data.n);
    free(right);
    return 0;
}

/* --- output --- */

static int print_json(const struct work *w, struct thaw_error *err)
{
    json_t *all = thaw_judgement_json(&w->judgement, w->classes, w->probe.n_bad);
    if (all) {
        json_object_set_new(all, "skipped_files", thaw_inputs_bad_json(&w->probe));
        thaw_eval_leaks_json(&w->leaks, &w->data, all);
        json_object_set_new(all, "model", json_string(w->model.path));
        json_object_set_new(all, "data", json_string(w->data.root));
    }
    return thaw_common_print_json(all, err);
}

static int print_text(const struct work *w)
{
    printf("%s on %s\n", w->model.path, w->data.root);
    const char *share = w->judgement.by_label ? "all labels right" : "accuracy";
    thaw_judgement_print(stdout, &w->judgement, w->classes, *w->leaks.note ? w->leaks.note : NULL);
    thaw_eval_leaks_text(stdout, &w->leaks, &w->data, share, w->decision.n > 0);
    if (w->probe.n_bad) {
        printf("\n%zu files skipped:\n", w->probe.n_bad);
        for (size_t i = 0; i < w->probe.n_bad; i++)
            printf("  %s: %s\n", w->probe.bad[i].path, w->probe.bad[i].reason);
    }
    return 0;
}

/* --- the command --- */

static int compute(struct work *w, struct thaw_error *err)
{
    size_t width = (size_t)w->runner.classes * sizeof(float);
    if (!(w->probabilities = thaw_new(w->data.n, width, err)) ||
        thaw_runner_dataset(&w->runner, &w->data, w->cache, "evaluating", w->probabilities, NULL,
                            err))
        return -1;
    return thaw_judge(&w->judgement, &w->data, w->probabilities, &w->decision, w->positive, err);
}

static int evaluate(struct work *w, const char *data, struct thaw_error *err)
{
    if (thaw_runner_init(&w->runner, &w->model, THAW_ANSWER_PROBABILITIES, -1, err) ||
        choose_classes(w, err) || choose_positive(w, err))
        return -1;
    thaw_runner_tell(&w->runner);
    if (read_data(w, data, err) || compute(w, err) || find_known(w, err))
        return -1;
    if (count_others(w, err) ||
        (w->v->csv && thaw_report_csv(w->v->csv, &w->data, &w->decision, w->probabilities, err)))
        return -1;
    return w->v->common.json ? print_json(w, err) : print_text(w);
}

static int run(void *values, char **args, int n_args, struct thaw_error *err)
{
    struct work w = {.v = values};
    if (n_args != 2)
        return thaw_fail(err, THAW_EUSAGE,
                         "a model file and a folder or table of scans are needed");
    w.tables = is_table(args[1]) || (w.v->against && is_table(w.v->against));
    thaw_common_threads(&w.v->common);
    if (thaw_common_open(&w.model, args[0], &w.v->common, THAW_OPEN_PICTURES | THAW_OPEN_LEAN, err))
        return -1;
    int rc = evaluate(&w, args[1], err);
    thaw_labels_free(w.labels, w.runner.classes);
    thaw_judgement_release(&w.judgement);
    thaw_decision_release(&w.decision);
    free(w.probabilities);
    thaw_eval_leaks_release(&w.leaks);
    thaw_cache_free(w.cache);
    thaw_probe_release(&w.probe);
    thaw_dataset_release(&w.data);
    thaw_runner_release(&w.runner);
    thaw_model_file_release(&w.model);
    return rc;
}

const struct thaw_command thaw_command_eval = {
    .name = "eval",
    .usage = "MODEL DATA [--split PART] [--json] [--csv FILE]",
    .summary = "accuracy with its interval, per class, confusion, AUC, calibration",
    .help =
        "Runs the model on DATA, a folder with one subfolder a class (or with train/, val/ and\n"
        "test/ of that form) or a CSV file with a row for each image (see thaw train --help), and\n"
        "reports accuracy with its 95 % interval (Wilson), balanced accuracy, figures of each\n"
        "class, the confusion matrix, AUC, loss and calibration. The classes must bear the names\n"
        "of the model. Files that cannot be read are skipped and listed. Images that the model "
        "was\n"
        "trained on, that look like one it was trained on, or that chose its weights are told, "
        "and\n"
        "the accuracy without them.\n\n"
        "  thaw eval tuned.h5 scans/test\n"
        "  thaw eval tuned.h5 scans --split test --json --csv answers.csv",
    .options = options,
    .order = 20,
    .run = run,
    .values_size = sizeof(struct values)};
