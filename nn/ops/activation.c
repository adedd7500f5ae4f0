#include <stdlib.h>

#include "io/base/mem.h"
#include "nn/dnnl/more.h"
#include "nn/ops/common.h"

/* What needs no exponential runs in loops of our own, the rest on the primitive where one exists.
 */
struct state {
    struct thaw_tensor t;
    size_t count;
    struct thaw_eltwise_prim *prim; /* NULL: own loops */
};

static bool has_exponential(enum thaw_eltwise_kind kind)
{
    return kind != THAW_ELTWISE_RELU && kind != THAW_ELTWISE_CLIP && kind != THAW_ELTWISE_LINEAR &&
           kind != THAW_ELTWISE_HARDSWISH;
}

static const struct thaw_act *act_of(const struct thaw_op *op)
{
    return &((const struct thaw_activation *)op->conf)->act;
}

static unsigned reads(const struct thaw_op *op)
{
    if (!act_of(op)->kind)
        return 0;
    return thaw_act_from_output(act_of(op)) ? THAW_READS_OUTPUT : THAW_READS_INPUT;
}

static void release(void *state)
{
    struct state *s = state;
    if (!s)
        return;
    thaw_eltwise_free(s->prim);
    free(s);
}

static int prepare(const struct thaw_op *op, struct thaw_op_env *env, void **state,
                   struct thaw_error *err)
{
    struct state *s = thaw_new(1, sizeof *s, err);
    struct thaw_eltwise chain[2];
    bool backward = env->training && op->backward;
    if (!s)
        return -1;
    s->t = thaw_value_tensor(env, op->out);
    s->count = s->t.n * thaw_tensor_sample(&s->t);
    if (thaw_act_chain(act_of(op), chain) == 1 && has_exponential(chain[0].kind)) {
        s->prim = thaw_eltwise_create(chain[0], s->count, backward,
                                      thaw_act_from_output(act_of(op)), err);
        if (!s->prim) {
            release(s);
            return -1;
        }
        env->scratch_bytes = thaw_eltwise_scratch(s->prim);
    }
    *state = s;
    return 0;
}

static int forward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                   struct thaw_error *err)
{
    const struct state *s = state;
    if (!s->prim)
        thaw_act_forward(act_of(op), run->in[0], run->out, s->count);
    else if (thaw_eltwise_forward(s->prim, run->in[0], run->out, run->scratch, err))
        return -1;
    if (thaw_act_moves_zero(act_of(op)))
        thaw_kernel_zero_tail(&s->t, run->out);
    return 0;
}

static int backward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                    struct thaw_error *err)
{
    const struct state *s = state;
    const float *value = thaw_act_from_output(act_of(op)) ? run->out : run->in[0];
    if (!run->din[0])
        return 0;
    if (s->prim)
        return thaw_eltwise_backward(s->prim, value, run->dout, run->din[0], run->scratch, err);
    thaw_kernel_copy(run->dout, run->din[0], s->count * sizeof(float));
    thaw_act_backward(act_of(op), value, run->din[0], s->count);
    return 0;
}

const struct thaw_op_kind thaw_op_activation = {
    .name = "activation",
    .conf_size = sizeof(struct thaw_activation),
    .reads = reads,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
