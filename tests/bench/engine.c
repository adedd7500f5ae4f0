/* Images a second of the engine: forward only, and a whole training step with all layers thawed.
 *
 *   thaw-bench-engine NAME [BATCH [MICRO_BATCH]]    e.g. mobilenet_v2, efficientnet_lite0, resnet50
 *
 * Random weights, 1000 classes, the family's own size. The median of the runs is printed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "nn/dnnl/prim.h"
#include "nn/exec.h"
#include "nn/model.h"

enum { RUNS = 5, CLASSES = 1000 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct bench {
    struct thaw_exec *exec;
    const struct thaw_plan *plan;
    float *x, *y, *gradient;
    int batch;
    bool training;
};

/* One batch, micro-batch by micro-batch. */
static int run_batch(struct bench *b, struct thaw_error *err)
{
    size_t in = thaw_shape_count(b->plan->values[b->plan->input].shape);
    int n = thaw_exec_batch(b->exec);
    for (int i = 0; i < b->batch; i += n) {
        int count = b->batch - i < n ? b->batch - i : n;
        struct thaw_pass pass = {
            .x = b->x + (size_t)i * in, .form = THAW_NHWC, .count = count, .training = b->training};
        if (thaw_exec_forward(b->exec, &pass, err))
            return -1;
        thaw_exec_read(b->exec, count, b->y);
        if (b->training && thaw_exec_backward(b->exec, b->gradient, count, i == 0, err))
            return -1;
    }
    if (!b->training)
        return 0;
    return thaw_exec_gradients(b->exec, err) || thaw_exec_update(b->exec, err) ? -1 : 0;
}

static int measure(struct bench *b, const char *what, struct thaw_error *err)
{
    double seconds[RUNS];
    if (run_batch(b, err))
        return -1;
    for (int r = 0; r < RUNS; r++) {
        double began = now();
        if (run_batch(b, err))
            return -1;
        seconds[r] = now() - began;
    }
    qsort(seconds, RUNS, sizeof *seconds, by_value);
    printf("%-8s batch %d, micro-batch %2d: %7.1f images/s (fastest %.1f), %.0f MB\n", what,
           b->batch, thaw_exec_batch(b->exec), b->batch / seconds[RUNS / 2], b->batch / seconds[0],
           (double)thaw_exec_bytes(b->exec) * 1e-6);
    return 0;
}

static int bench_plan(struct thaw_graph *graph, bool training, int batch, int micro,
                      struct thaw_error *err)
{
    struct thaw_plan_options options = {.last = -1, .training = training, .logits = training};
    struct bench b = {.batch = batch, .training = training};
    int rc = -1;
    struct thaw_plan *plan = thaw_plan_create(graph, &options, err);
    if (!plan)
        return -1;
    b.plan = plan;
    b.exec = thaw_exec_create(plan, micro ? micro : thaw_exec_choose_batch(plan, batch), err);
    size_t in = thaw_shape_count(plan->values[plan->input].shape) * (size_t)batch;
    size_t out = (size_t)batch * CLASSES;
    b.x = thaw_new_aligned(in, sizeof(float), err);
    b.y = thaw_new_aligned(out, sizeof(float), err);
    b.gradient = thaw_new_aligned(out, sizeof(float), err);
    if (!b.exec || !b.x || !b.y || !b.gradient)
        goto done;
    for (size_t i = 0; i < in; i++)
        b.x[i] = sinf(0.01f * (float)(i % 9973));
    for (size_t i = 0; i < out; i++)
        b.gradient[i] = 1e-3f * sinf((float)(i % 977));
    rc = measure(&b, training ? "training" : "forward", err);
done:
    free(b.x);
    free(b.y);
    free(b.gradient);
    thaw_exec_free(b.exec);
    thaw_plan_free(plan);
    return rc;
}

int main(int argc, char **argv)
{
    struct thaw_error err = {0};
    thaw_par_restart(argv);
    if (argc < 2) {
        fprintf(stderr, "usage: %s NAME [BATCH [MICRO_BATCH]]\n", argv[0]);
        return 2;
    }
    int batch = argc > 2 ? atoi(argv[2]) : 32, micro = argc > 3 ? atoi(argv[3]) : 0;
    struct thaw_arch_options options = {.classes = CLASSES};
    struct thaw_graph *graph = thaw_model_random(argv[1], &options, 1, &err);
    int rc = !graph || bench_plan(graph, false, batch, micro, &err) ||
             bench_plan(graph, true, batch, micro, &err);
    if (rc)
        fprintf(stderr, "%s\n", err.text);
    thaw_graph_free(graph);
    return rc;
}
