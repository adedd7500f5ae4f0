/* thaw eval: how good a model is on images whose classes are known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "apps/command.h"
#include "apps/common.h"
#include "apps/copies.h"
#include "apps/inputs.h"
#include "apps/report.h"
#include "apps/seen.h"
#include "apps/text.h"
#include "io/base/mem.h"
#include "vision/parts.h"

struct values {
    struct thaw_common common;
    const char *split, *labels, *csv, *against;
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
    {"--against", 0, THAW_OPTION_TEXT, offsetof(struct values, against), "DIR", NULL, 0, 0,
     "folder or table of the images the model was trained on: images that look like one of those "
     "count as "
     "known to the model (without it, only the very files it was trained on do)"},
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
    struct thaw_metrics metrics;
    bool *known;               /* [data.n]: trained on, or looks like an image that was */
    size_t selected, trained;  /* images that chose the weights; that they were fitted to */
    size_t copies;             /* that look like an image of --against */
    size_t n_known, right;     /* of the others: images that are right */
    double right_lo, right_hi; /* the 95 % interval of their share */
    char note[160];            /* about the two, for the text; "" when there is nothing to say */
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
    return thaw_parts_find(parts, path, use ? o->columns : NULL, use ? o->roots : NULL, err);
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

static int read_data(struct work *w, const char *root, struct thaw_error *err)
{
    struct thaw_parts parts;
    if (find_parts(&parts, root, w, err))
        return -1;
    int part = choose_part(&parts, root, w->v->split, err);
    int rc = part < 0
                 ? -1
                 : thaw_parts_list(&parts, (enum thaw_part)part, (const char *const *)w->classes,
                                   w->runner.classes, &w->data, err);
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

static const json_t *below(const json_t *object, const char *const *keys)
{
    for (; object && *keys; keys++)
        object = json_object_get(object, *keys);
    return object;
}

static int find_met(struct work *w, struct thaw_error *err)
{
    static const char *const selected_on[] = {"metrics", "validation", "selected_on", NULL};
    static const char *const val[] = {"provenance", "data", "val_files", NULL};
    static const char *const train[] = {"provenance", "data", "train_files", NULL};
    const json_t *record = w->model.record;
    size_t n = w->data.n;
    bool *chose = thaw_new(n, sizeof *chose, err);
    int rc =
        chose ? thaw_seen_find(below(record, train), &w->data, w->known, &w->trained, err) : -1;
    if (rc == 0 && json_is_true(below(record, selected_on)))
        rc = thaw_seen_find(below(record, val), &w->data, chose, &w->selected, err);
    free(chose);
    if (rc)
        return -1;
    if (w->trained)
        snprintf(w->note, sizeof w->note, "trained on %zu of %zu", w->trained, n);
    if (w->selected)
        snprintf(w->note + strlen(w->note), sizeof w->note - strlen(w->note), "%sselected on%s",
                 w->trained ? ", " : "", w->selected == n ? "" : " some of them");
    return 0;
}

static int list_trained(struct thaw_dataset *trained, const struct work *w, struct thaw_error *err)
{
    struct thaw_parts parts;
    if (find_parts(&parts, w->v->against, w, err))
        return -1;
    int rc = thaw_parts_list(&parts, THAW_PART_TRAIN, NULL, 0, trained, err);
    thaw_parts_release(&parts);
    return rc;
}

/* The images of --against, whatever their classes are called. */
static int find_copies(struct work *w, struct thaw_error *err)
{
    struct thaw_dataset trained;
    char *example = NULL;
    bool *met = NULL;
    int rc = -1;
    if (!w->v->against)
        return 0;
    if (list_trained(&trained, w, err))
        return thaw_error_prefix(err, "--against");
    if ((met = thaw_new(w->data.n, sizeof *met, err)) &&
        thaw_copies_between(&trained, &w->data, met, &w->copies, &example, err) == 0)
        rc = 0;
    for (size_t i = 0; rc == 0 && i < w->data.n; i++)
        w->known[i] |= met[i];
    if (example)
        fprintf(stderr, "known to the model: %zu images, e.g. %s\n", w->copies, example);
    free(met);
    free(example);
    thaw_dataset_release(&trained);
    return rc;
}

/* Accuracy on the images that the model cannot know. */
static void count_others(struct work *w)
{
    for (size_t i = 0; i < w->data.n; i++) {
        const float *row = w->probabilities + i * (size_t)w->runner.classes;
        w->n_known += w->known[i];
        w->right +=
            !w->known[i] && thaw_report_top(row, w->runner.classes) == w->data.images[i].label;
    }
    thaw_wilson(w->right, w->data.n - w->n_known, &w->right_lo, &w->right_hi);
}

/* --- output --- */

static json_t *others_json(const struct work *w)
{
    size_t n = w->data.n - w->n_known;
    return json_pack("{s:I, s:o, s:[f, f]}", "images", (json_int_t)n, "accuracy",
                     n ? json_real((double)w->right / (double)n) : json_null(), "accuracy_ci95",
                     w->right_lo, w->right_hi);
}

static int print_json(const struct work *w, struct thaw_error *err)
{
    json_t *all = thaw_report_json(&w->metrics, w->classes, w->probe.n_bad);
    if (all) {
        json_object_set_new(all, "skipped_files", thaw_inputs_bad_json(&w->probe));
        json_object_set_new(all, "selected_on", json_boolean(w->selected));
        json_object_set_new(all, "selected_images", json_integer((json_int_t)w->selected));
        json_object_set_new(all, "trained_images", json_integer((json_int_t)w->trained));
        json_object_set_new(all, "copies", json_integer((json_int_t)w->copies));
        json_object_set_new(all, "without_known", others_json(w));
        json_object_set_new(all, "model", json_string(w->model.path));
        json_object_set_new(all, "data", json_string(w->data.root));
    }
    return thaw_common_print_json(all, err);
}

static int print_text(const struct work *w)
{
    printf("%s on %s\n", w->model.path, w->data.root);
    thaw_report_text(stdout, &w->metrics, w->classes, *w->note ? w->note : NULL);
    if (w->trained)
        printf("\ntrained on: %zu of these %zu images are ones the model was fitted to, so these "
               "figures\nsay little about new scans.\n",
               w->trained, w->data.n);
    if (w->copies)
        printf("\ncopies: %zu of these %zu images look like images in %s.\n", w->copies, w->data.n,
               w->v->against);
    if (w->n_known && w->n_known < w->data.n)
        printf("\nwithout images known to the model: accuracy %.4f on %zu images, 95 %% interval "
               "%.4f to %.4f\n",
               (double)w->right / (double)(w->data.n - w->n_known), w->data.n - w->n_known,
               w->right_lo, w->right_hi);
    if (w->selected)
        printf(
            "\nselected on: %zu of these %zu images chose which weights were kept (--keep best), "
            "so these\nfigures are a little better than new scans will give.\n",
            w->selected, w->data.n);
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
        !(w->known = thaw_new(w->data.n, sizeof *w->known, err)) || find_met(w, err) ||
        find_copies(w, err))
        return -1;
    count_others(w);
    if (w->v->csv &&
        thaw_report_csv(w->v->csv, &w->data, w->classes, w->runner.classes, w->probabilities, err))
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
    thaw_metrics_release(&w.metrics);
    free(w.probabilities);
    free(w.known);
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
        "class, the confusion matrix, AUC, loss and calibration. The classes must bear the "
        "model's\n"
        "names. Files that cannot be read are skipped and listed. Images that the model was\n"
        "trained on, or that chose its weights, are told, and the accuracy without them;\n"
        "--against finds their copies too.\n\n"
        "  thaw eval tuned.h5 scans/test\n"
        "  thaw eval tuned.h5 scans --split test --json --csv answers.csv",
    .options = options,
    .order = 20,
    .run = run,
    .values_size = sizeof(struct values)};
