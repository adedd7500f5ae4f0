#include "apps/run_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/progress.h"
#include "io/base/clock.h"
#include "io/base/mem.h"
#include "io/base/par.h"
#include "nn/loss.h"
#include "nn/tune.h"

enum { MOST_AT_ONCE = 32, AHEAD = 3, WORTH_WINOGRAD = 256 };

/* --- what the output is --- */

static int find_top(struct thaw_runner *r, struct thaw_error *err)
{
    const struct thaw_model_file *m = r->model;
    const struct thaw_node *last = thaw_model_last_arithmetic(m->graph);
    char activation[32];
    if (!m->n_classes)
        return thaw_fail(err, THAW_EINPUT,
                         "%s has no classifier: it ends in features (layer %s); 'thaw features' "
                         "gives them, 'thaw train --backbone' puts a classifier on them",
                         m->path, last->name);
    thaw_model_activation(last, activation, sizeof activation);
    r->classes = m->n_classes;
    r->top = r->plan->softmax_left_out            ? THAW_TOP_SOFTMAX
             : strcmp(activation, "sigmoid") == 0 ? THAW_TOP_SIGMOID
                                                  : THAW_TOP_LOGITS;
    if (r->top == THAW_TOP_SIGMOID && r->classes > 1)
        r->top = THAW_TOP_LABELS;
    if (r->top == THAW_TOP_LOGITS && r->classes == 1)
        return thaw_fail(err, THAW_EINPUT,
                         "%s ends in a single number (layer %s), which is no choice among classes",
                         m->path, last->name);
    if (r->top == THAW_TOP_SIGMOID)
        r->classes = 2;
    return 0;
}

int thaw_runner_init(struct thaw_runner *r, const struct thaw_model_file *m,
                     enum thaw_answer answer, int last, struct thaw_error *err)
{
    bool probabilities = answer == THAW_ANSWER_PROBABILITIES;
    struct thaw_plan_options options = {.last = last,
                                        .logits = probabilities,
                                        .precision = m->precision,
                                        .ranges = m->ranges.n ? &m->ranges : NULL};
    *r = (struct thaw_runner){.model = m, .answer = answer};
    if (!(r->plan = thaw_plan_create(m->graph, &options, err)))
        goto fail;
    r->out = r->plan->values[r->plan->output].shape;
    if (probabilities && find_top(r, err))
        goto fail;
    return 0;
fail:
    thaw_runner_release(r);
    return -1;
}

void thaw_runner_tell(const struct thaw_runner *r)
{
    const char *path = r->model->path;
    if (r->answer != THAW_ANSWER_PROBABILITIES)
        return;
    if (r->top == THAW_TOP_LOGITS)
        fprintf(stderr, "note: %s ends without softmax; one is put on top\n", path);
    else if (r->top == THAW_TOP_SIGMOID)
        fprintf(stderr, "note: %s ends in one sigmoid: class 1 has probability p, class 0 1-p\n",
                path);
}

void thaw_runner_release(struct thaw_runner *r)
{
    thaw_team_free(r->team);
    thaw_plan_free(r->plan);
    free(r->room);
    *r = (struct thaw_runner){0};
}

/* --- at work --- */

/* A team for batches of no more samples than there are. */
static int make_team(struct thaw_runner *r, size_t count, struct thaw_error *err)
{
    int batch = count < MOST_AT_ONCE ? (int)count : MOST_AT_ONCE;
    if (r->batch >= batch)
        return 0;
    thaw_team_free(r->team);
    free(r->room);
    r->batch = batch;
    if (count >= WORTH_WINOGRAD && !r->spare_memory)
        thaw_plan_use_winograd(r->plan);
    r->room = thaw_new((size_t)batch * thaw_shape_count(r->out), sizeof *r->room, err);
    r->team = r->room
                  ? thaw_team_create(r->plan, batch, thaw_tune_batch(r->plan, batch, count), err)
                  : NULL;
    return r->team ? 0 : -1;
}

size_t thaw_runner_width(const struct thaw_runner *r)
{
    return r->answer == THAW_ANSWER_PROBABILITIES ? (size_t)r->classes
           : r->answer == THAW_ANSWER_POOLED      ? (size_t)r->out.c
                                                  : thaw_shape_count(r->out);
}

static void pool(const float *map, size_t n, struct thaw_shape shape, float *pooled)
{
    size_t sides = (size_t)shape.h * (size_t)shape.w, c = (size_t)shape.c;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < c; k++) {
            double sum = 0;
            for (size_t s = 0; s < sides; s++)
                sum += (double)map[(i * sides + s) * c + k];
            pooled[i * c + k] = (float)(sum / (double)sides);
        }
}

static void finish_probabilities(const struct thaw_runner *r, const float *row, float *y)
{
    bool sigmoid = r->top == THAW_TOP_SIGMOID;
    int outputs = sigmoid ? 1 : r->classes;
    if (!sigmoid && r->top != THAW_TOP_LABELS) {
        thaw_softmax_row(row, r->classes, y);
        return;
    }
    if (r->plan->sigmoid_left_out)
        thaw_sigmoid_row(row, outputs, y + sigmoid);
    else
        memcpy(y + sigmoid, row, (size_t)outputs * sizeof *y);
    if (sigmoid)
        y[0] = 1 - y[1];
}

static void finish_rows(const struct thaw_runner *r, const float *rows, size_t n, float *y)
{
    size_t width = thaw_runner_width(r), out = thaw_shape_count(r->out);
    if (r->answer == THAW_ANSWER_RAW)
        memcpy(y, rows, n * out * sizeof *y);
    else if (r->answer == THAW_ANSWER_POOLED)
        pool(rows, n, r->out, y);
    else
        for (size_t i = 0; i < n; i++)
            finish_probabilities(r, rows + i * out, y + i * width);
}

int thaw_runner_apply(struct thaw_runner *r, const float *x, size_t count, float *y,
                      struct thaw_error *err)
{
    if (make_team(r, count, err))
        return -1;
    size_t batch = (size_t)r->batch, width = thaw_runner_width(r);
    size_t in = thaw_shape_count(r->plan->values[r->plan->input].shape);
    for (size_t i = 0; i < count; i += batch) {
        size_t n = count - i < batch ? count - i : batch;
        if (thaw_team_infer(r->team, x + i * in, n, r->room, err))
            return -1;
        finish_rows(r, r->room, n, y + i * width);
    }
    return 0;
}

static int run_batches(struct thaw_runner *r, struct thaw_loader *loader, const char *what,
                       size_t total, float *y, float *inputs, struct thaw_error *err)
{
    struct thaw_progress progress;
    struct thaw_batch batch;
    size_t done = 0, width = thaw_runner_width(r);
    size_t in = thaw_shape_count(r->plan->values[r->plan->input].shape);
    int rc;
    thaw_progress_begin(&progress, what, total);
    while ((rc = thaw_loader_next(loader, &batch, err)) > 0) {
        if (inputs)
            memcpy(inputs + done * in, batch.x, batch.n * in * sizeof *inputs);
        double began = thaw_clock();
        if ((rc = thaw_runner_apply(r, batch.x, batch.n, y + done * width, err)))
            break;
        r->computed += thaw_clock() - began;
        done += batch.n;
        thaw_progress_update(&progress, done, NULL);
    }
    thaw_progress_end(&progress);
    thaw_loader_times(loader, &r->loading);
    return rc;
}

int thaw_runner_dataset(struct thaw_runner *r, const struct thaw_dataset *data,
                        struct thaw_cache *cache, const char *what, float *y, float *inputs,
                        struct thaw_error *err)
{
    int rc = -1;
    if (make_team(r, data->n, err))
        return -1;
    size_t batch = (size_t)r->batch;
    size_t batches = (data->n + batch - 1) / batch, threads = (size_t)thaw_par_threads();
    struct thaw_loader_options options = {.data = data,
                                          .preprocess = &r->model->preprocess,
                                          .cache = cache,
                                          .batch = batch,
                                          .threads = (int)(threads < data->n ? threads : data->n),
                                          .ahead = batches < AHEAD ? (int)batches : AHEAD};
    struct thaw_loader *loader = NULL;
    size_t *order = thaw_new(data->n, sizeof *order, err);
    if (!order)
        return -1;
    for (size_t i = 0; i < data->n; i++)
        order[i] = i;
    loader = thaw_loader_create(&options, err);
    if (loader && thaw_loader_start(loader, order, data->n, 0, err) == 0)
        rc = run_batches(r, loader, what, data->n, y, inputs, err);
    thaw_loader_free(loader);
    free(order);
    return rc;
}
