#include "nn/dnnl/prim.h"
#include "nn/ops/common.h"

static int prepare(const struct thaw_op *op, struct thaw_op_env *env, void **state,
                   struct thaw_error *err)
{
    *state = thaw_reorder_create(&env->values[op->in[0]], &env->values[op->out], env->n, err);
    return *state ? 0 : -1;
}

static int forward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                   struct thaw_error *err)
{
    (void)op;
    return thaw_reorder_run(state, run->in[0], run->out, err);
}

static void release(void *state)
{
    thaw_reorder_free(state);
}

const struct thaw_op_kind thaw_op_convert = {.name = "convert",
                                             .reads = thaw_reads_nothing,
                                             .prepare = prepare,
                                             .forward = forward,
                                             .release = release};
