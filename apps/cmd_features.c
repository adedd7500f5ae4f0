/* thaw features: the pooled output of the backbone, for other tools. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/command.h"
#include "apps/common.h"
#include "apps/inputs.h"
#include "apps/text.h"
#include "io/base/mem.h"
#include "io/npy.h"

struct values {
    struct thaw_common common;
    const char *output, *tensor;
};

static const struct thaw_option options[] = {
    {"--output", 'o', THAW_OPTION_TEXT, offsetof(struct values, output), "FILE", NULL, 0, 0,
     "OUT.csv (file, then the numbers) or OUT.npy (float32 [N,C]); without it the table goes to "
     "standard output"},
    {"--tensor", 0, THAW_OPTION_TEXT, offsetof(struct values, tensor), "FILE.npy", NULL, 0, 0,
     "take float32 [N,H,W,C] from this file instead of images; nothing is done to it"},
    THAW_OPTIONS_MODEL(struct values),
    THAW_OPTION_PRECISION(struct values),
    THAW_OPTION_THREADS(struct values),
    {0}};

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static void write_table(FILE *f, const struct thaw_inputs *in, const float *y, size_t width)
{
    char name[600];
    fprintf(f, "file");
    for (size_t k = 0; k < width; k++)
        fprintf(f, ",f%zu", k);
    putc('\n', f);
    for (size_t i = 0; i < in->n; i++) {
        thaw_csv_field(f, thaw_inputs_name(in, i, name, sizeof name));
        for (size_t k = 0; k < width; k++)
            fprintf(f, ",%.9g", (double)y[i * width + k]);
        putc('\n', f);
    }
}

static int save_table(const char *path, const struct thaw_inputs *in, const float *y, size_t width,
                      struct thaw_error *err)
{
    struct thaw_replace replace;
    FILE *f = thaw_replace_open(&replace, path, err);
    if (!f)
        return -1;
    write_table(f, in, y, width);
    return thaw_replace_close(&replace, f, 0, err);
}

static int output(const struct values *v, const struct thaw_inputs *in, const float *y,
                  size_t width, struct thaw_error *err)
{
    const long dims[2] = {(long)in->n, (long)width};
    if (!v->output) {
        write_table(stdout, in, y, width);
        return 0;
    }
    if (ends_with(v->output, ".npy") ? thaw_npy_save(v->output, y, dims, 2, err)
                                     : save_table(v->output, in, y, width, err))
        return -1;
    fprintf(stderr, "%s: %zu images, %zu features each\n", v->output, in->n, width);
    return 0;
}

static int run(void *values, char **args, int n_args, struct thaw_error *err)
{
    const struct values *v = values;
    struct thaw_model_file m;
    struct thaw_inputs in = {0};
    struct thaw_runner r = {0};
    float *y = NULL;
    int rc = -1;
    if (!n_args)
        return thaw_fail(err, THAW_EUSAGE, "a model file and images are needed");
    if (v->output && !ends_with(v->output, ".csv") && !ends_with(v->output, ".npy"))
        return thaw_fail(err, THAW_EUSAGE, "-o %s: the name must end in .csv or .npy", v->output);
    thaw_common_threads(&v->common);
    unsigned how = THAW_OPEN_LEAN | (v->tensor ? 0 : THAW_OPEN_PICTURES);
    if (thaw_common_open(&m, args[0], &v->common, how, err))
        return -1;
    if (thaw_runner_init(&r, &m, THAW_ANSWER_POOLED, thaw_model_feature_node(m.graph), err) ||
        thaw_inputs_open(&in, &m, args + 1, n_args - 1, v->tensor, err))
        goto done;
    size_t width = thaw_runner_width(&r);
    if (!(y = thaw_new(in.n, width * sizeof *y, err)) || thaw_inputs_run(&in, &r, y, NULL, err) ||
        (in.n && output(v, &in, y, width, err)))
        goto done;
    rc = thaw_inputs_verdict(&in, err);
done:
    free(y);
    thaw_runner_release(&r);
    thaw_inputs_release(&in);
    thaw_model_file_release(&m);
    return rc;
}

static bool brief(const void *values, char *const *args, int n_args)
{
    return !((const struct values *)values)->tensor && thaw_inputs_are_few(args + 1, n_args - 1);
}

const struct thaw_command thaw_command_features = {
    .name = "features",
    .usage = "MODEL FILE... [-o OUT.csv|OUT.npy]",
    .summary = "the pooled output of the backbone, for other tools",
    .help =
        "Computes, for each image, the mean over the sides of the last feature map before the\n"
        "classifier ('thaw inspect' names that layer). A folder stands for all images in it. Rows\n"
        "come in the order of the files; those that cannot be read are named and left out, and\n"
        "the exit code is then 1.\n\n"
        "  thaw features mobilenet_v1_0.25_224.h5 film1.png -o film1.npy\n"
        "  thaw features tuned.h5 scans/val -o val.csv",
    .options = options,
    .order = 40,
    .run = run,
    .brief = brief,
    .values_size = sizeof(struct values)};
