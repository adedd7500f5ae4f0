#include "nn/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "nn/bench_internal.h"
#include "nn/team.h"
#include "nn/tune.h"
#include "nn/train.h"
#include "nn/stopwatch.h"

bool thaw_bench_is_slow(const char *implementation)
{
    if (strstr(implementation, "ref"))
        return true;
    for (const char *at = implementation; (at = strstr(at, "gemm")); at++)
        if (at < implementation + 2 || strncmp(at - 2, "br", 2) != 0)
            return true;
    return false;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double thaw_bench_median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, by_value);
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

float *thaw_bench_input(const struct thaw_graph *graph, int batch, struct thaw_error *err)
{
    size_t count;
    if (!thaw_mul(thaw_shape_count(graph->nodes[0].shape), (size_t)batch, &count)) {
        thaw_fail(err, THAW_EMEMORY, "a batch of %d is too large", batch);
        return NULL;
    }
    float *x = thaw_new_aligned(count, sizeof *x, err);
    for (size_t i = 0; x && i < count; i++)
        x[i] = sinf(0.01f * (float)(i % 9973));
    return x;
}

struct thaw_plan *thaw_bench_plan(struct thaw_graph *graph, bool training, bool apart,
                                  const struct thaw_bench_options *options, struct thaw_error *err)
{
    struct thaw_plan_options how = {.last = -1,
                                    .training = training,
                                    .logits = true,
                                    .apart = apart,
                                    .precision = options->precision,
                                    .ranges = options->ranges};
    for (int i = 0; training && i < graph->n_nodes; i++)
        graph->nodes[i].trainable = true;
    struct thaw_plan *plan = thaw_plan_create(graph, &how, err);
    if (plan && !training) /* as for a folder of scans */
        thaw_plan_use_winograd(plan);
    return plan;
}

void thaw_bench_figures_release(struct thaw_bench_figures *figures)
{
    free(figures->slow);
    *figures = (struct thaw_bench_figures){0};
}

/* --- timed runs and watched ones --- */

/* What the watcher adds up; seconds of all threads. */
struct tally {
    struct thaw_bench_figures *figures;
    double primitives, operations;
    struct thaw_error err;
};

/* The entry of this primitive, made when it is new. */
static struct thaw_bench_slow *slow_of(struct tally *t, const char *layer,
                                       const char *implementation, const char *direction)
{
    struct thaw_bench_figures *f = t->figures;
    for (size_t i = 0; i < f->n_slow; i++)
        if (f->slow[i].layer == layer && strcmp(f->slow[i].direction, direction) == 0 &&
            strcmp(f->slow[i].implementation, implementation) == 0)
            return &f->slow[i];
    if (t->err.code ||
        thaw_grow(&f->slow, &f->slow_capacity, f->n_slow + 1, sizeof *f->slow, &t->err))
        return NULL;
    struct thaw_bench_slow *s = &f->slow[f->n_slow++];
    *s = (struct thaw_bench_slow){.layer = layer};
    snprintf(s->direction, sizeof s->direction, "%s", direction);
    snprintf(s->implementation, sizeof s->implementation, "%s", implementation);
    return s;
}

static void note_primitive(void *ctx, const struct thaw_op *op, const char *implementation,
                           const char *direction, double seconds)
{
    struct tally *t = ctx;
    t->primitives += seconds;
    if (!thaw_bench_is_slow(implementation))
        return;
    struct thaw_bench_slow *s = slow_of(t, op->node->name, implementation, direction);
    if (s)
        s->seconds += seconds;
}

static void note_operation(void *ctx, const struct thaw_op *op, double seconds)
{
    struct tally *t = ctx;
    (void)op;
    t->operations += seconds;
}

static int by_cost(const void *a, const void *b)
{
    const struct thaw_bench_slow *x = a, *y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

/* `wall`: of all watched batches together. */
static int book_tally(struct tally *t, double wall, int batches, struct thaw_error *err)
{
    struct thaw_bench_figures *f = t->figures;
    double threads = thaw_par_threads();
    if (t->err.code) {
        *err = t->err;
        return -1;
    }
    f->in_primitives = t->primitives / (wall * threads);
    f->in_kernels = (t->operations - t->primitives) / (wall * threads);
    for (size_t i = 0; i < f->n_slow; i++)
        f->slow[i].seconds /= batches * threads;
    if (f->n_slow)
        qsort(f->slow, f->n_slow, sizeof *f->slow, by_cost);
    return 0;
}

/* The whole course of a measurement: a run that does not count, then in turn one that is timed and
 * one that is watched, because watching costs time. Whoever runs batches calls began() before the
 * first and ended() after each. */
struct course {
    int repeats, done;   /* runs */
    double *seconds, at; /* of the timed runs; when the run at hand began */
    double watched;      /* seconds of the watched runs together */
    struct tally tally;
    struct thaw_stopwatch watch;
};

static int course_init(struct course *c, int repeats, struct thaw_bench_figures *figures,
                       struct thaw_error *err)
{
    *c = (struct course){.repeats = repeats, .tally = {.figures = figures}};
    c->seconds = thaw_new((size_t)repeats, sizeof *c->seconds, err);
    return c->seconds ? 0 : -1;
}

static int course_runs(const struct course *c)
{
    return 1 + 2 * c->repeats;
}

static void course_began(struct course *c)
{
    c->at = thaw_stopwatch_clock();
}

static void course_ended(struct course *c)
{
    double seconds = thaw_stopwatch_clock() - c->at;
    int run = c->done++;
    bool timed = run % 2, watch_next = timed;
    if (timed)
        c->seconds[run / 2] = seconds;
    else if (run > 0)
        c->watched += seconds;
    c->watch = (struct thaw_stopwatch){&c->tally, note_primitive, note_operation};
    thaw_stopwatch_set(watch_next ? &c->watch : NULL);
    c->at = thaw_stopwatch_clock();
}

/* Books what was measured unless the runs failed. */
static int course_close(struct course *c, int rc, struct thaw_error *err)
{
    struct thaw_bench_figures *f = c->tally.figures;
    thaw_stopwatch_set(NULL);
    if (rc == 0) {
        f->seconds = thaw_bench_median(c->seconds, (size_t)c->repeats);
        f->fastest = c->seconds[0];
        f->slowest = c->seconds[c->repeats - 1];
        rc = book_tally(&c->tally, c->watched, c->repeats, err);
    }
    free(c->seconds);
    return rc;
}

/* --- forward --- */

int thaw_bench_forward(struct thaw_graph *graph, const struct thaw_bench_options *options,
                       const float *x, struct thaw_bench_figures *figures, struct thaw_error *err)
{
    struct course course = {0};
    struct thaw_team *team = NULL;
    float *y = NULL;
    int rc = -1;
    *figures = (struct thaw_bench_figures){0};
    struct thaw_plan *plan = thaw_bench_plan(graph, false, false, options, err);
    if (!plan)
        return -1;
    size_t out = thaw_shape_count(plan->values[plan->output].shape);
    int n = options->micro_batch ? options->micro_batch
                                 : thaw_tune_batch(plan, options->batch, SIZE_MAX);
    if (!(team = thaw_team_create(plan, options->batch, n, err)) ||
        !(y = thaw_new((size_t)options->batch, out * sizeof *y, err)) ||
        course_init(&course, options->repeats, figures, err))
        goto done;
    figures->micro_batch = thaw_team_micro_batch(team);
    course_began(&course);
    rc = 0;
    for (int i = 0; rc == 0 && i < course_runs(&course); i++) {
        rc = thaw_team_infer(team, x, (size_t)options->batch, y, err);
        course_ended(&course);
    }
    rc = course_close(&course, rc, err);
done:
    free(y);
    thaw_team_free(team);
    thaw_plan_free(plan);
    return rc;
}

/* --- training --- */

/* The same batch again and again. */
struct feed {
    struct thaw_train_batch batch;
    struct course course;
    int given;
};

static int feed_begin(void *ctx, const struct thaw_epoch_request *request, struct thaw_error *err)
{
    struct feed *feed = ctx;
    (void)request, (void)err;
    course_began(&feed->course);
    return 0;
}

static int feed_next(void *ctx, struct thaw_train_batch *batch, struct thaw_error *err)
{
    struct feed *feed = ctx;
    (void)err;
    *batch = feed->batch;
    return feed->given++ < course_runs(&feed->course);
}

static void on_stage(void *ctx, int stage, const struct thaw_plan *tail, int micro_batch)
{
    struct feed *feed = ctx;
    (void)stage, (void)tail;
    feed->course.tally.figures->micro_batch = micro_batch;
}

static void on_step(void *ctx, const struct thaw_step_report *report)
{
    struct feed *feed = ctx;
    (void)report;
    course_ended(&feed->course);
}

static int train(struct thaw_graph *graph, int head, const struct thaw_bench_options *options,
                 struct feed *feed, struct thaw_error *err)
{
    /* The rate is so small that nothing diverges; it does not change the work. */
    struct thaw_stage all = {.name = "all",
                             .first = 1,
                             .epochs = 1,
                             .rate = 1e-6f,
                             .block_decay = 1,
                             .weight_decay = 1e-4F,
                             .schedule = thaw_schedule_find("constant", err)};
    struct thaw_stages stages = {.stages = &all, .n = 1};
    struct thaw_train_options how = {.batch = options->batch,
                                     .micro_batch = options->micro_batch,
                                     .precision = options->precision,
                                     .loss = thaw_loss_find("cross_entropy", err),
                                     .optimizer = thaw_optimizer_find("adamw", err),
                                     .optimizer_options = thaw_optimizer_presets(),
                                     .clip = 1,
                                     .keep = THAW_KEEP_LAST,
                                     .classes = graph->nodes[graph->output].shape.c,
                                     .head = head};
    struct thaw_batch_source source = {.ctx = feed,
                                       .begin = feed_begin,
                                       .next = feed_next,
                                       .train_images = (size_t)options->batch *
                                                       (size_t)course_runs(&feed->course)};
    struct thaw_observer observer = {.ctx = feed, .stage = on_stage, .step = on_step};
    struct thaw_blocks blocks = {0};
    if (!all.schedule || !how.loss || !how.optimizer ||
        thaw_model_blocks(graph, head, &blocks, err))
        return -1;
    struct thaw_trainer *trainer = thaw_trainer_create(graph, &stages, &blocks, &how, err);
    int rc = trainer ? thaw_trainer_run(trainer, &source, &observer, err) : -1;
    thaw_trainer_free(trainer);
    thaw_blocks_release(&blocks);
    return rc;
}

int thaw_bench_train(struct thaw_graph *graph, int head, const struct thaw_bench_options *options,
                     const float *x, struct thaw_bench_figures *figures, struct thaw_error *err)
{
    struct feed feed = {.batch = {.n = options->batch, .x = x}};
    int classes = graph->nodes[graph->output].shape.c;
    *figures = (struct thaw_bench_figures){0};
    int *labels = thaw_new((size_t)options->batch, sizeof *labels, err);
    if (!labels || course_init(&feed.course, options->repeats, figures, err)) {
        free(labels);
        return -1;
    }
    for (int i = 0; i < options->batch; i++)
        labels[i] = i % classes;
    feed.batch.labels = labels;
    int rc = train(graph, head, options, &feed, err);
    rc = course_close(&feed.course, rc, err);
    free(labels);
    return rc;
}
