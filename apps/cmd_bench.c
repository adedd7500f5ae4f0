/* thaw bench: how fast this machine runs a network, next to the bare primitives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/bench_report.h"
#include "apps/command.h"
#include "apps/common.h"
#include "io/base/mem.h"

struct values {
    struct thaw_common common;
    long batch, micro_batch, repeats, classes;
    const char *precision, *data;
    bool no_train;
};

static const struct thaw_option options[] = {
    {"--batch", 0, THAW_OPTION_INT, offsetof(struct values, batch), "N", "32", 1, 4096,
     "images of a batch: what is timed, and in training what an update is made from"},
    {"--micro-batch", 0, THAW_OPTION_INT, offsetof(struct values, micro_batch), "N", NULL, 1, 4096,
     "images that go through the network together (default: what Thaw chooses for this network and "
     "these caches)"},
    {"--precision", 0, THAW_OPTION_TEXT, offsetof(struct values, precision), "LIST", NULL, 0, 0,
     "which of f32, bf16 and int8 to measure, separated by commas (default: all that this machine "
     "computes fast in); training is measured in f32 and bf16"},
    {"--repeats", 0, THAW_OPTION_INT, offsetof(struct values, repeats), "N", "5", 1, 1000,
     "timed runs of each kind, of which the median is given"},
    {"--classes", 0, THAW_OPTION_INT, offsetof(struct values, classes), "N", NULL, 2, 100000,
     "outputs of the classifier that is put on the network in the place of its own; a network "
     "without one gets 1000"},
    {"--data", 0, THAW_OPTION_TEXT, offsetof(struct values, data), "FOLDER", NULL, 0, 0,
     "measure decoding on up to 256 images of this folder instead of a picture drawn for it"},
    {"--no-train", 0, THAW_OPTION_FLAG, offsetof(struct values, no_train), NULL, NULL, 0, 0,
     "leave the training step out"},
    THAW_OPTION_JSON(struct values),
    THAW_OPTIONS_MODEL(struct values),
    THAW_OPTION_THREADS(struct values),
    {0}};

enum { CLASSES = 1000 };

struct work {
    const struct values *v;
    struct thaw_model_file model;
    int head; /* first node of the head */
    float *x; /* a batch */
    struct thaw_ranges ranges;
    bool wanted[THAW_PRECISIONS];
    struct thaw_bench_report report;
};

/* --- what is measured --- */

static int read_precisions(struct work *w, struct thaw_error *err)
{
    const char *list = w->v->precision;
    for (int i = 0; i < THAW_PRECISIONS; i++)
        w->wanted[i] = !list;
    if (!list)
        return 0;
    char *copy = thaw_strdup(list, err), *rest = NULL;
    if (!copy)
        return -1;
    int found = copy[strspn(copy, ",")] ? 0 : thaw_precision_find(copy, err);
    for (char *one = strtok_r(copy, ",", &rest); one && found >= 0;
         one = strtok_r(NULL, ",", &rest)) {
        found = thaw_precision_find(one, err);
        if (found >= 0)
            w->wanted[found] = true;
    }
    free(copy);
    return found < 0 ? thaw_error_prefix(err, "--precision %s", list) : 0;
}

/* Leaves out what the machine lacks, and remembers why. */
static int check_machine(struct work *w, struct thaw_error *err)
{
    const char *lacks = NULL;
    int left = 0;
    for (int i = 0; i < THAW_PRECISIONS; i++) {
        if (!w->wanted[i])
            continue;
        w->report.lacks[i] = thaw_precision_lacks((enum thaw_precision)i);
        lacks = w->report.lacks[i] ? w->report.lacks[i] : lacks;
        w->wanted[i] = !w->report.lacks[i];
        if (w->wanted[i])
            w->report.instead[i] = thaw_common_instead((enum thaw_precision)i);
        left += w->wanted[i];
    }
    return left ? 0
                : thaw_fail(err, THAW_EINPUT, "--precision %s: this machine lacks %s",
                            w->v->precision, lacks);
}

static int open_model(struct work *w, const char *name, struct thaw_error *err)
{
    const struct values *v = w->v;
    struct thaw_model_file *m = &w->model;
    struct thaw_model_request request = {.name = name,
                                         .models_dir = v->common.models,
                                         .arch = v->common.arch,
                                         .preprocess = v->common.preprocess,
                                         .size = v->common.size,
                                         .classes = v->classes ? (int)v->classes : CLASSES,
                                         .need_preprocess = v->data != NULL};
    if (thaw_model_file_open(m, &request, err) || thaw_model_file_hash(m, err))
        return -1;
    bool own = m->n_classes && (!v->classes || !m->file); /* random weights came with a top */
    w->head = own ? thaw_model_feature_node(m->graph) + 1
                  : thaw_model_replace_head(m->graph, request.classes, "softmax", 0, 0, err);
    w->report.model = m;
    return w->head < 0 ? -1 : 0;
}

/* --- measuring --- */

/* Scales do not change how fast anything runs: the bench's own input serves. What the model keeps
 * above int8 does. */
static int calibrate(struct work *w, struct thaw_error *err)
{
    if (!w->wanted[THAW_INT8] && !w->wanted[THAW_BF16])
        return 0;
    struct thaw_ranges *own = &w->model.ranges;
    if (thaw_calibrate(w->model.graph, -1, w->x, (size_t)w->v->batch, &w->ranges, err))
        return -1;
    w->ranges.higher = own->higher;
    w->ranges.n_higher = own->n_higher;
    own->higher = NULL;
    thaw_ranges_keep_none(own);
    return 0;
}

static struct thaw_bench_options options_of(const struct work *w, enum thaw_precision precision)
{
    enum thaw_precision runs = thaw_precision_for(precision);
    return (struct thaw_bench_options){.precision = runs,
                                       .ranges = runs == THAW_F32 ? NULL : &w->ranges,
                                       .batch = (int)w->v->batch,
                                       .micro_batch = (int)w->v->micro_batch,
                                       .repeats = (int)w->v->repeats};
}

static int measure_pass(struct work *w, bool training, enum thaw_precision precision,
                        struct thaw_error *err)
{
    struct thaw_bench_options how = options_of(w, precision);
    struct thaw_bench_pass *p = &w->report.passes[w->report.n_passes++];
    *p = (struct thaw_bench_pass){.training = training, .precision = precision};
    fprintf(stderr, "measuring %s, %s\n", training ? "training" : "forward",
            thaw_precision_name(precision));
    return training ? thaw_bench_train(w->model.graph, w->head, &how, w->x, &p->figures, err)
                    : thaw_bench_forward(w->model.graph, &how, w->x, &p->figures, err);
}

static int measure_engine(struct work *w, struct thaw_error *err)
{
    for (int i = 0; i < THAW_PRECISIONS; i++)
        if (w->wanted[i] && measure_pass(w, false, (enum thaw_precision)i, err))
            return -1;
    for (int i = 0; !w->v->no_train && i < THAW_INT8; i++) /* 8 bits are too few to train in */
        if (w->wanted[i] && measure_pass(w, true, (enum thaw_precision)i, err))
            return -1;
    return 0;
}

/* After everything else: the bare primitives hold whole batches of single layers, which would be
 * the peak of memory. */
static int measure_bare(struct work *w, struct thaw_error *err)
{
    struct thaw_bench_report *r = &w->report;
    fprintf(stderr, "measuring bare primitives\n");
    for (int i = 0; i < r->n_passes; i++) {
        struct thaw_bench_pass *p = &r->passes[i];
        struct thaw_bench_options how = options_of(w, p->precision);
        if (thaw_bench_bare(w->model.graph, p->training, &how, &p->bare, err))
            return -1;
    }
    return 0;
}

static int measure(struct work *w, struct thaw_error *err)
{
    struct thaw_bench_report *r = &w->report;
    r->batch = (int)w->v->batch;
    r->repeats = (int)w->v->repeats;
    if (!(w->x = thaw_bench_input(w->model.graph, r->batch, err)) || calibrate(w, err) ||
        measure_engine(w, err))
        return -1;
    fprintf(stderr, "measuring decoding\n");
    if (thaw_bench_decode(&w->model, w->v->data, r->repeats, &r->decoding, err))
        return -1;
    r->peak_memory = thaw_common_peak_memory();
    return measure_bare(w, err);
}

static int run(void *values, char **args, int n_args, struct thaw_error *err)
{
    const struct values *v = values;
    struct work w = {.v = v};
    int rc = -1;
    if (n_args != 1)
        return thaw_fail(err, THAW_EUSAGE, "one model is needed, not %d", n_args);
    if (v->micro_batch > v->batch)
        return thaw_fail(err, THAW_EUSAGE, "--micro-batch %ld is more than the batch of %ld",
                         v->micro_batch, v->batch);
    if (read_precisions(&w, err))
        return -1;
    thaw_common_threads(&v->common);
    if (check_machine(&w, err) || open_model(&w, args[0], err) || measure(&w, err))
        goto done;
    if (v->common.json) {
        rc = thaw_common_print_json(thaw_bench_report_json(&w.report), err);
    } else {
        thaw_bench_report_text(&w.report);
        rc = 0;
    }
done:
    thaw_bench_report_release(&w.report);
    thaw_ranges_release(&w.ranges);
    free(w.x);
    thaw_model_file_release(&w.model);
    return rc;
}

const struct thaw_command thaw_command_bench = {
    .name = "bench",
    .usage = "MODEL.h5|random:NAME [--batch N] [--precision LIST] [--data FOLDER]",
    .summary = "how fast this machine runs it, next to the bare primitives",
    .help =
        "Times the network on this machine: forward in each precision it computes fast in, and a\n"
        "whole training step (forward, loss, backward, optimiser) with every layer thawed. Next\n"
        "to each stands what oneDNN's convolutions alone would reach, one by one, without batch\n"
        "norm, activations and additions: near it or above, little is left to gain. Primitives\n"
        "that fall back to general or reference code are named with what they cost, decoding is\n"
        "timed by itself, and peak memory is that of running, training and decoding.\n\n"
        "Nothing is saved. Times vary with what else the machine does: compare figures of one\n"
        "idle hour.\n\n"
        "  thaw bench random:mobilenet_v2\n"
        "  thaw bench tuned.h5 --data scans/val --json\n"
        "  thaw bench random:resnet50 --precision f32 --no-train --repeats 11",
    .options = options,
    .order = 80,
    .run = run,
    .values_size = sizeof(struct values)};
