/* thaw predict: the most probable classes of each image. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/command.h"
#include "apps/common.h"
#include "apps/inputs.h"
#include "apps/report.h"
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
    char **labels;        /* of its own, or NULL */
    char *const *classes; /* names to show; NULL: numbers */
    float *probabilities; /* [n, classes] */
    float *seen;
};

static const char *class_name(const struct work *w, int k, char number[16])
{
    if (w->classes)
        return w->classes[k];
    snprintf(number, 16, "%d", k);
    return number;
}

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

static int print_text(const struct work *w, int *top, int count, struct thaw_error *err)
{
    char name[600], number[16];
    (void)err;
    for (size_t i = 0; i < w->inputs.n; i++) {
        const float *row = w->probabilities + i * (size_t)w->runner.classes;
        find_top(row, w->runner.classes, top, count);
        printf("%s: ", thaw_inputs_name(&w->inputs, i, name, sizeof name));
        for (int k = 0; k < count; k++)
            printf("%s%s %.4f", k ? "; " : "", class_name(w, top[k], number), (double)row[top[k]]);
        printf("\n");
    }
    return 0;
}

static int print_json(const struct work *w, int *top, int count, struct thaw_error *err)
{
    char name[600], number[16];
    json_t *predictions = json_array();
    for (size_t i = 0; i < w->inputs.n; i++) {
        const float *row = w->probabilities + i * (size_t)w->runner.classes;
        json_t *list = json_array();
        find_top(row, w->runner.classes, top, count);
        for (int k = 0; k < count; k++)
            json_array_append_new(list,
                                  json_pack("{s:s, s:f}", "class", class_name(w, top[k], number),
                                            "probability", (double)row[top[k]]));
        json_array_append_new(predictions,
                              json_pack("{s:s, s:o}", "file",
                                        thaw_inputs_name(&w->inputs, i, name, sizeof name), "top",
                                        list));
    }
    return thaw_common_print_json(json_pack("{s:o, s:o}", "predictions", predictions, "skipped",
                                            thaw_inputs_skipped(&w->inputs)),
                                  err);
}

static void write_table(const struct work *w, FILE *f)
{
    char name[600], number[16];
    int classes = w->runner.classes;
    fprintf(f, "file,prediction");
    for (int k = 0; k < classes; k++) {
        putc(',', f);
        thaw_csv_field(f, class_name(w, k, number));
    }
    putc('\n', f);
    for (size_t i = 0; i < w->inputs.n; i++) {
        const float *row = w->probabilities + i * (size_t)classes;
        thaw_csv_field(f, thaw_inputs_name(&w->inputs, i, name, sizeof name));
        putc(',', f);
        thaw_csv_field(f, class_name(w, thaw_report_top(row, classes), number));
        for (int k = 0; k < classes; k++)
            fprintf(f, ",%.9g", (double)row[k]);
        putc('\n', f);
    }
}

static int save_table(const struct work *w, const char *path, struct thaw_error *err)
{
    struct thaw_replace replace;
    if (thaw_replace_begin(&replace, path, err))
        return -1;
    FILE *f = fopen(replace.temporary, "w");
    if (f) {
        write_table(w, f);
        bool bad = ferror(f);
        if (!((fclose(f) != 0) | bad))
            return thaw_replace_commit(&replace, err);
    }
    thaw_fail_errno(err, "%s: cannot be written", path);
    thaw_replace_abort(&replace);
    return -1;
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
    int *top = thaw_new((size_t)count, sizeof *top, err);
    int rc = !top                ? -1
             : w->v->common.json ? print_json(w, top, count, err)
                                 : print_text(w, top, count, err);
    free(top);
    return rc;
}

/* --- work --- */

static int choose_names(struct work *w, struct thaw_error *err)
{
    int n = w->runner.classes;
    w->classes = w->model.classes && n == w->model.n_classes ? w->model.classes : NULL;
    if (!w->v->labels)
        return 0;
    if (!(w->labels = thaw_labels_load(w->v->labels, n, err)))
        return -1;
    w->classes = w->labels;
    return 0;
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
        "Shows the most probable classes of each FILE with their probabilities. A folder stands\n"
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
