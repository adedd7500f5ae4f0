#include <stdlib.h>

#include "io/base/mem.h"
#include "nn/dnnl/prim.h"
#include "nn/ops/common.h"

struct state {
    struct thaw_reorder *there, *back; /* back: for the gradient */
};

static void release(void *state)
{
    struct state *s = state;
    if (!s)
        return;
    thaw_reorder_free(s->there);
    thaw_reorder_free(s->back);
    free(s);
}

static int prepare(const struct thaw_op *op, struct thaw_op_env *env, void **state,
                   struct thaw_error *err)
{
    const struct thaw_value *in = &env->values[op->in[0]], *out = &env->values[op->out];
    struct state *s = thaw_new(1, sizeof *s, err);
    if (!s)
        return -1;
    *state = s;
    if (!(s->there = thaw_reorder_create(in, out, env->n, err)))
        return -1;
    bool backward = env->training && op->backward;
    return !backward || (s->back = thaw_reorder_create(out, in, env->n, err)) ? 0 : -1;
}

static int forward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                   struct thaw_error *err)
{
    const struct state *s = state;
    (void)op;
    return thaw_reorder_run(s->there, run->in[0], run->out, err);
}

static int backward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                    struct thaw_error *err)
{
    const struct state *s = state;
    (void)op;
    return run->din[0] ? thaw_reorder_run(s->back, run->dout, run->din[0], err) : 0;
}

const struct thaw_op_kind thaw_op_convert = {.name = "convert",
                                             .reads = thaw_reads_nothing,
                                             .prepare = prepare,
                                             .forward = forward,
                                             .backward = backward,
                                             .release = release};
