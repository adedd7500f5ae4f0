/* thaw eval: how good a model is on images whose classes are known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/command.h"
#include "apps/common.h"
#include "apps/eval_leaks.h"
#include "apps/inputs.h"
#include "apps/report.h"
#include "apps/text.h"
#include "io/base/mem.h"

struct values {
    struct thaw_common common;
    const char *split, *labels, *csv, *against;
    double max_bad;
};

static const struct thaw_option options[] = {
    {"--split", 0, THAW_OPTION_TEXT, offsetof(struct values, split), "PART", NULL, 0, 0,
     "part of a folder that is divided into train/, val/ and test/ (default: val)"},
    {"--labels", 0, THAW_OPTION_TEXT, offsetof(struct values, labels), "FILE", NULL, 0, 0,
     "names of the classes, one a line, for a model that does not hold them"},
    {"--csv", 0, THAW_OPTION_TEXT, offsetof(struct values, csv), "FILE", NULL, 0, 0,
     "write a table of the images: file, label, prediction, probability of every class"},
    {"--against", 0, THAW_OPTION_TEXT, offsetof(struct values, against), "DIR", NULL, 0, 0,
     "folder of images the model was trained on: what looks like one of them counts as known to "
     "the "
     "model, too; for models that do not tell what they were trained on"},
    THAW_OPTION_JSON(struct values),
    {"--max-bad", 0, THAW_OPTION_NUMBER, offsetof(struct values, max_bad), "SHARE", "0.05", 0, 1,
     "part of the files that may be unreadable before the evaluation fails"},
    THAW_OPTIONS_MODEL(struct values),
    THAW_OPTION_PRECISION(struct values),
    THAW_OPTION_THREADS(struct values),
    {0}};

struct work {
    const struct values *v;
    struct thaw_model_file model;
    struct thaw_runner runner;
    char **labels;
    char *const *classes;
    struct thaw_dataset data;
    struct thaw_probe probe;
    struct thaw_cache *cache;
    float *probabilities;
    struct thaw_metrics metrics;
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

/* The folder of class folders; the caller frees. */
static char *choose_folder(const char *root, const char *split, struct thaw_error *err)
{
    static const char *const names[] = {"train", "val", "test"};
    struct thaw_parts parts;
    char *folder = NULL;
    if (thaw_parts_find(&parts, root, err))
        return NULL;
    const char *paths[] = {parts.train, parts.val, parts.test}, *part = NULL;
    const char *wanted = split ? split : "val";
    int i = 0;
    while (i < 3 && strcmp(wanted, names[i]) != 0)
        i++;
    if (i == 3)
        thaw_fail(err, THAW_EUSAGE, "--split %s: needs train, val or test", wanted);
    else if (parts.split && !(part = paths[i]))
        thaw_fail(err, THAW_EINPUT, "%s is divided, but has no %s folder%s", root, wanted,
                  split ? "" : "; --split train or --split test takes another part");
    else if (!parts.split && split)
        thaw_fail(err, THAW_EUSAGE,
                  "--split %s: %s has no train folder beside others, so it is taken as "
                  "one folder of classes",
                  split, root);
    else
        folder = thaw_strdup(parts.split ? part : root, err);
    if (folder && parts.split)
        fprintf(stderr, "%s is divided into parts: %s is evaluated\n", root, folder);
    thaw_parts_release(&parts);
    return folder;
}

static int read_data(struct work *w, const char *root, struct thaw_error *err)
{
    char *folder = choose_folder(root, w->v->split, err);
    int rc = folder ? thaw_dataset_from_dir(&w->data, folder, (const char *const *)w->classes,
                                            w->runner.classes, err)
                    : -1;
    free(folder);
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

/* --- output --- */

static int print_json(const struct work *w, struct thaw_error *err)
{
    json_t *all = thaw_report_json(&w->metrics, w->classes, w->probe.n_bad);
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
    thaw_report_text(stdout, &w->metrics, w->classes, *w->leaks.note ? w->leaks.note : NULL);
    thaw_eval_leaks_text(stdout, &w->leaks, &w->data, w->metrics.accuracy);
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
    size_t n = w->data.n;
    int classes = w->runner.classes;
    int *labels = thaw_new(n, sizeof *labels, err);
    int rc = -1;
    if (!labels || !(w->probabilities = thaw_new(n, (size_t)classes * sizeof(float), err)))
        goto done;
    for (size_t i = 0; i < n; i++)
        labels[i] = w->data.images[i].label;
    if (thaw_runner_dataset(&w->runner, &w->data, w->cache, "evaluating", w->probabilities, NULL,
                            err))
        goto done;
    rc = thaw_metrics_compute(&w->metrics, w->probabilities, labels, n, classes, err);
done:
    free(labels);
    return rc;
}

static int evaluate(struct work *w, const char *data, struct thaw_error *err)
{
    if (thaw_runner_init(&w->runner, &w->model, THAW_ANSWER_PROBABILITIES, -1, err) ||
        choose_classes(w, err))
        return -1;
    thaw_runner_tell(&w->runner);
    if (read_data(w, data, err) || compute(w, err) ||
        thaw_eval_leaks_find(&w->leaks, &w->model, &w->data, w->v->against, err))
        return -1;
    thaw_eval_leaks_count(&w->leaks, &w->data, w->probabilities, w->runner.classes);
    if (w->v->csv &&
        thaw_report_csv(w->v->csv, &w->data, w->classes, w->runner.classes, w->probabilities, err))
        return -1;
    return w->v->common.json ? print_json(w, err) : print_text(w);
}

static int run(void *values, char **args, int n_args, struct thaw_error *err)
{
    struct work w = {.v = values};
    if (n_args != 2)
        return thaw_fail(err, THAW_EUSAGE, "a model file and a folder of scans are needed");
    thaw_common_threads(&w.v->common);
    if (thaw_common_open(&w.model, args[0], &w.v->common, THAW_OPEN_PICTURES | THAW_OPEN_LEAN, err))
        return -1;
    int rc = evaluate(&w, args[1], err);
    thaw_labels_free(w.labels, w.runner.classes);
    thaw_metrics_release(&w.metrics);
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
        "test/ of that form), and reports accuracy with its 95 % interval (Wilson), balanced\n"
        "accuracy, figures of each class, the confusion matrix, AUC, loss and calibration.\n"
        "Class folders must bear the model's class names. Files that cannot be read are skipped\n"
        "and listed. Images that the model was trained on, that look like one it was trained on, "
        "or\n"
        "that chose its weights are told, and the accuracy without them.\n\n"
        "  thaw eval tuned.h5 scans/test\n"
        "  thaw eval tuned.h5 scans --split test --json --csv answers.csv",
    .options = options,
    .order = 20,
    .run = run,
    .values_size = sizeof(struct values)};
