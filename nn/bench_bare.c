/* Convolutions and dense layers of a plan by themselves. */
#include "nn/bench.h"

#include <stdlib.h>

#include "io/base/mem.h"
#include "nn/bench_internal.h"
#include "nn/ops.h"
#include "nn/stopwatch.h"

/* One operation that nothing else stands around. */
struct alone {
    struct thaw_op op;
    struct thaw_op_env env;
    void *state;
    void *in, *out, *din, *scratch, *saved;
};

static void release(struct alone *a)
{
    if (a->state)
        a->op.kind->release(a->state);
    void *blocks[] = {a->in, a->out, a->din, a->scratch, a->saved};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
}

/* Memory of n samples that is really there: zeroed pages would all be the same page, and the same
 * cache lines. */
static void *tensor(const struct thaw_value *value, int n, struct thaw_error *err)
{
    size_t bytes;
    if (!thaw_mul(thaw_value_bytes(value), (size_t)n, &bytes)) {
        thaw_fail(err, THAW_EMEMORY, "a batch of %d is too large", n);
        return NULL;
    }
    /* A half is a plain number in every type whose parts it is read as. */
    size_t count = (bytes + sizeof(float) - 1) / sizeof(float);
    float *t = thaw_new_aligned(count, sizeof *t, err);
    for (size_t i = 0; t && i < count; i++)
        t[i] = 0.5f;
    return t;
}

static int prepare(struct alone *a, const struct thaw_plan *plan, const struct thaw_op *op, int n,
                   bool training, struct thaw_error *err)
{
    const struct thaw_value *in = &plan->values[op->in[0]], *out = &plan->values[op->out];
    *a = (struct alone){
        .op = *op,
        .env = {.n = n, .values = plan->values, .ranges = plan->ranges, .training = training}};
    a->op.norm = NULL;
    a->op.act = a->op.in_act = (struct thaw_act){0};
    a->op.addend = -1;
    if (op->kind->prepare(&a->op, &a->env, &a->state, err) ||
        op->kind->update(&a->op, a->state, err))
        return -1;
    a->in = tensor(in, n, err);
    a->out = tensor(out, n, err);
    a->din = training && op->backward && in->has_grad ? tensor(in, n, err) : NULL;
    a->scratch = thaw_new_aligned(a->env.scratch_bytes, 1, err);
    a->saved = thaw_new_aligned(a->env.saved_bytes, 1, err);
    return a->in && a->out && a->scratch && a->saved && (a->din || !in->has_grad || !training) ? 0
                                                                                               : -1;
}

/* Runs it once in either direction and notes how long that took. */
static int run_once(struct alone *a, double *forward, double *backward, struct thaw_error *err)
{
    const void *in[] = {a->in};
    void *din[] = {a->din};
    struct thaw_run run = {.n = a->env.n,
                           .in = in,
                           .out = a->out,
                           .dout = a->out, /* without an activation only one of them is read */
                           .din = din,
                           .saved = a->saved,
                           .scratch = a->scratch,
                           .training = a->env.training,
                           .first = true};
    double began = thaw_stopwatch_clock();
    if (a->op.kind->forward(&a->op, a->state, &run, err))
        return -1;
    double between = thaw_stopwatch_clock();
    if (a->env.training && a->op.backward && a->op.kind->backward(&a->op, a->state, &run, err))
        return -1;
    *forward = between - began;
    *backward = thaw_stopwatch_clock() - between;
    return 0;
}

/* times[2][repeats] is room to work in. */
static int time_op(const struct thaw_plan *plan, const struct thaw_op *op, bool training,
                   const struct thaw_bench_options *options, double *times, double *seconds,
                   struct thaw_error *err)
{
    struct alone a;
    size_t repeats = (size_t)options->repeats;
    double *forward = times, *backward = times + repeats;
    int rc = prepare(&a, plan, op, options->batch, training, err);
    if (rc == 0)
        rc = run_once(&a, forward, backward, err);
    for (size_t i = 0; rc == 0 && i < repeats; i++)
        rc = run_once(&a, forward + i, backward + i, err);
    if (rc == 0)
        *seconds += thaw_bench_median(forward, repeats) + thaw_bench_median(backward, repeats);
    else
        thaw_error_prefix(err, "layer %s, by itself", op->node->name);
    release(&a);
    return rc;
}

int thaw_bench_bare(struct thaw_graph *graph, bool training,
                    const struct thaw_bench_options *options, double *seconds,
                    struct thaw_error *err)
{
    int rc = -1;
    double *times = thaw_new((size_t)options->repeats, 2 * sizeof *times, err);
    struct thaw_plan *plan = times ? thaw_bench_plan(graph, training, true, options, err) : NULL;
    *seconds = 0;
    if (!plan)
        goto done;
    rc = 0;
    for (int i = 0; rc == 0 && i < plan->n_ops; i++)
        if (plan->ops[i].kind == &thaw_op_linear)
            rc = time_op(plan, &plan->ops[i], training, options, times, seconds, err);
done:
    thaw_plan_free(plan);
    free(times);
    return rc;
}
