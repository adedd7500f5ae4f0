/* thaw predict: the most probable classes of each image. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/command.h"
#include "apps/common.h"
#include "apps/inputs.h"
#include "apps/judge.h"
#include "apps/text.h"
#include "io/base/mem.h"
#include "io/npy.h"

struct values {
    struct thaw_common common;
    long k;
    const char *labels, *csv, *dump, *tensor;
};

static const struct thaw_option options[] = {
    {"--top", 'k', THAW_OPTION_INT, offsetof(struct values, k), "N", "3", 1, 1e6,
     "how many classes to show, from the most probable down"},
    {"--labels", 0, THAW_OPTION_TEXT, offsetof(struct values, labels), "FILE", NULL, 0, 0,
     "names of the classes, one a line, for a model that does not hold them"},
    {"--csv", 0, THAW_OPTION_TEXT, offsetof(struct values, csv), "FILE", NULL, 0, 0,
     "write a table: file, prediction, probability of every class"},
    THAW_OPTION_JSON(struct values),
    {"--dump-input", 0, THAW_OPTION_TEXT, offsetof(struct values, dump), "FILE.npy", NULL, 0, 0,
     "write what the network saw, float32 [N,H,W,C]"},
    {"--tensor", 0, THAW_OPTION_TEXT, offsetof(struct values, tensor), "FILE.npy", NULL, 0, 0,
     "take such a tensor instead of images; nothing is done to it"},
    THAW_OPTIONS_MODEL(struct values),
    THAW_OPTION_PRECISION(struct values),
    THAW_OPTION_THREADS(struct values),
    {0}};

struct work {
    const struct values *v;
    struct thaw_model_file model;
    struct thaw_inputs inputs;
    struct thaw_runner runner;
    char **labels;                 /* of its own, or NULL */
    char *const *classes;          /* names to show */
    bool by_label;                 /* each has a probability of its own */
    struct thaw_decision decision; /* from which probability on something is said */
    float *probabilities;          /* [n, classes] */
    float *seen;
};

/* top[count] = the classes of the largest probabilities, in falling order; ties by number. */
static void find_top(const float *row, int classes, int *top, int count)
{
    int found = 0;
    for (int k = 0; k < classes; k++) {
        int at = found < count ? found++ : count;
        for (; at > 0 && row[top[at - 1]] < row[k]; at--)
            if (at < count)
                top[at] = top[at - 1];
        if (at < count)
            top[at] = k;
    }
}

/* --- output --- */

/* Labels that are there, then the most probable others up to `count` in all. */
static void print_labels(const struct work *w, const float *row, const int *top, int count)
{
    int there = 0, shown = 0;
    for (int k = 0; k < w->runner.classes; k++)
        if (thaw_judge_says(&w->decision, row, top[k]))
            printf("%s%s %.4f", there++ ? ", " : "", w->classes[top[k]], (double)row[top[k]]);
    printf("%s", there ? "" : "none");
    for (int k = 0; k < w->runner.classes && there + shown < count; k++)
        if (!thaw_judge_says(&w->decision, row, top[k]))
            printf("%s%s %.4f", shown++ ? ", " : "; below their thresholds: ", w->classes[top[k]],
                   (double)row[top[k]]);
}

static int print_text(const struct work *w, int *top, int count, struct thaw_error *err)
{
    char name[600];
    int classes = w->runner.classes;
    struct thaw_rule rule;
    (void)err;
    for (size_t i = 0; i < w->inputs.n; i++) {
        const float *row = w->probabilities + i * (size_t)classes;
        find_top(row, classes, top, classes);
        printf("%s: ", thaw_inputs_name(&w->inputs, i, name, sizeof name));
        if (w->by_label)
            print_labels(w, row, top, count);
        for (int k = 0; !w->by_label && k < count; k++)
            printf("%s%s %.4f", k ? "; " : "", w->classes[top[k]], (double)row[top[k]]);
        if (!w->by_label && thaw_decision_rule(&w->decision, &rule))
            printf("; said: %s (%s from %.4f on)",
                   w->classes[thaw_judge_class(&w->decision, row, classes)],
                   w->classes[rule.positive], (double)rule.threshold);
        printf("\n");
    }
    return 0;
}

static json_t *findings_json(const struct work *w, const float *row, const int *top)
{
    json_t *list = json_array();
    for (int k = 0; k < w->runner.classes; k++)
        if (thaw_judge_says(&w->decision, row, top[k]))
            json_array_append_new(list,
                                  json_pack("{s:s, s:f, s:f}", "class", w->classes[top[k]],
                                            "probability", (double)row[top[k]], "threshold",
                                            (double)thaw_decision_threshold(&w->decision, top[k])));
    return list;
}

static json_t *prediction_json(const struct work *w, size_t i, int *top, int count)
{
    char name[600];
    int classes = w->runner.classes;
    const float *row = w->probabilities + i * (size_t)classes;
    json_t *list = json_array();
    find_top(row, classes, top, classes);
    for (int k = 0; k < count; k++)
        json_array_append_new(list, json_pack("{s:s, s:f}", "class", w->classes[top[k]],
                                              "probability", (double)row[top[k]]));
    json_t *one = json_pack("{s:s, s:o}", "file",
                            thaw_inputs_name(&w->inputs, i, name, sizeof name), "top", list);
    if (one && w->by_label)
        json_object_set_new(one, "findings", findings_json(w, row, top));
    else if (one)
        json_object_set_new(one, "prediction",
                            json_string(w->classes[thaw_judge_class(&w->decision, row, classes)]));
    return one;
}

static int print_json(const struct work *w, int *top, int count, struct thaw_error *err)
{
    json_t *predictions = json_array();
    for (size_t i = 0; i < w->inputs.n; i++)
        json_array_append_new(predictions, prediction_json(w, i, top, count));
    json_t *all = json_pack("{s:o, s:o}", "predictions", predictions, "skipped",
                            thaw_inputs_skipped(&w->inputs));
    if (all && w->decision.n)
        json_object_set_new(all, "decision", thaw_decision_json(&w->decision, w->classes));
    return thaw_common_print_json(all, err);
}

static int write_table(const struct work *w, FILE *f, struct thaw_error *err)
{
    char name[600];
    int classes = w->runner.classes;
    fprintf(f, "file,prediction");
    for (int k = 0; k < classes; k++) {
        putc(',', f);
        thaw_csv_field(f, w->classes[k]);
    }
    putc('\n', f);
    for (size_t i = 0; i < w->inputs.n; i++) {
        const float *row = w->probabilities + i * (size_t)classes;
        char *said = thaw_judge_text(&w->decision, w->by_label, row, w->classes, classes, err);
        if (!said)
            return -1;
        thaw_csv_field(f, thaw_inputs_name(&w->inputs, i, name, sizeof name));
        putc(',', f);
        thaw_csv_field(f, said);
        free(said);
        for (int k = 0; k < classes; k++)
            fprintf(f, ",%.9g", (double)row[k]);
        putc('\n', f);
    }
    return 0;
}

static int save_table(const struct work *w, const char *path, struct thaw_error *err)
{
    struct thaw_replace replace;
    FILE *f = thaw_replace_open(&replace, path, err);
    return f ? thaw_replace_close(&replace, f, write_table(w, f, err), err) : -1;
}

static int output(const struct work *w, struct thaw_error *err)
{
    int classes = w->runner.classes, count = w->v->k < classes ? (int)w->v->k : classes;
    struct thaw_shape in = w->model.graph->nodes[0].shape;
    const long dims[4] = {(long)w->inputs.n, in.h, in.w, in.c};
    if (w->v->dump && thaw_npy_save(w->v->dump, w->seen, dims, 4, err))
        return -1;
    if (w->v->csv && save_table(w, w->v->csv, err))
        return -1;
    int *top = thaw_new((size_t)classes, sizeof *top, err);
    int rc = !top                ? -1
             : w->v->common.json ? print_json(w, top, count, err)
                                 : print_text(w, top, count, err);
    free(top);
    return rc;
}

/* --- work --- */

/* Names for classes that have none. */
static char **number_classes(int n, struct thaw_error *err)
{
    char **names = thaw_new((size_t)n + 1, sizeof *names, err);
    for (int k = 0; names && k < n; k++)
        if (!(names[k] = thaw_format(err, "%d", k))) {
            thaw_labels_free(names, n);
            return NULL;
        }
    return names;
}

static int choose_names(struct work *w, struct thaw_error *err)
{
    int n = w->runner.classes;
    bool named = w->model.classes && n == w->model.n_classes;
    w->by_label = w->runner.top == THAW_TOP_LABELS;
    if (w->v->labels || !named)
        w->labels = w->v->labels ? thaw_labels_load(w->v->labels, n, err) : number_classes(n, err);
    if ((w->v->labels || !named) && !w->labels)
        return -1;
    w->classes = w->labels ? w->labels : w->model.classes;
    return thaw_decision_read(&w->decision, &w->model, err);
}

static int compute(struct work *w, struct thaw_error *err)
{
    size_t n = w->inputs.n;
    if (!(w->probabilities = thaw_new(n, (size_t)w->runner.classes * sizeof(float), err)))
        return -1;
    if (w->v->dump && !(w->seen = thaw_new(n, w->inputs.sample * sizeof(float), err)))
        return -1;
    return thaw_inputs_run(&w->inputs, &w->runner, w->probabilities, w->seen, err);
}

static int run(void *values, char **args, int n_args, struct thaw_error *err)
{
    struct work w = {.v = values};
    int rc = -1;
    if (!n_args)
        return thaw_fail(err, THAW_EUSAGE, "a model file and images are needed");
    thaw_common_threads(&w.v->common);
    unsigned how = THAW_OPEN_LEAN | (w.v->tensor ? 0 : THAW_OPEN_PICTURES);
    if (thaw_common_open(&w.model, args[0], &w.v->common, how, err))
        return -1;
    if (thaw_runner_init(&w.runner, &w.model, THAW_ANSWER_PROBABILITIES, -1, err) ||
        choose_names(&w, err))
        goto done;
    thaw_runner_tell(&w.runner);
    if (thaw_inputs_open(&w.inputs, &w.model, args + 1, n_args - 1, w.v->tensor, err))
        goto done;
    if (compute(&w, err) || output(&w, err))
        goto done;
    rc = thaw_inputs_verdict(&w.inputs, err);
done:
    thaw_labels_free(w.labels, w.runner.classes);
    thaw_decision_release(&w.decision);
    free(w.probabilities);
    free(w.seen);
    thaw_runner_release(&w.runner);
    thaw_inputs_release(&w.inputs);
    thaw_model_file_release(&w.model);
    return rc;
}

static bool brief(const void *values, char *const *args, int n_args)
{
    return !((const struct values *)values)->tensor && thaw_inputs_are_few(args + 1, n_args - 1);
}

const struct thaw_command thaw_command_predict = {
    .name = "predict",
    .usage = "MODEL FILE... [-k N] [--json] [--csv FILE]",
    .summary = "the most probable classes of images",
    .help =
        "Shows the most probable classes of each FILE with their probabilities; of a model of "
        "labels\n"
        "those that are there, by the thresholds that the model holds. A folder stands\n"
        "for all images in it. Files that cannot be read are named with the reason; the others\n"
        "are still done, and the exit code is 1.\n\n"
        "  thaw predict tuned.h5 film1.png film2.jpg\n"
        "  thaw predict tuned.h5 new-films --csv answers.csv\n"
        "  thaw predict mobilenet.h5 cat.png -k 5 --labels imagenet_labels.txt",
    .options = options,
    .order = 30,
    .run = run,
    .brief = brief,
    .values_size = sizeof(struct values)};
