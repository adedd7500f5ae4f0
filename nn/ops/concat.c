#include <stdlib.h>

#include "io/base/mem.h"
#include "nn/kernels/move.h"
#include "nn/ops/common.h"

struct state {
    struct thaw_tensor out;
    struct thaw_tensor in[];
};

static int prepare(const struct thaw_op *op, struct thaw_op_env *env, void **state,
                   struct thaw_error *err)
{
    struct state *s = thaw_new(1, sizeof *s + (size_t)op->n_in * sizeof *s->in, err);
    if (!s)
        return -1;
    s->out = thaw_value_tensor(env, op->out);
    for (int i = 0; i < op->n_in; i++)
        s->in[i] = thaw_value_tensor(env, op->in[i]);
    *state = s;
    return 0;
}

static int forward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                   struct thaw_error *err)
{
    const struct state *s = state;
    size_t first = 0;
    (void)err;
    for (int i = 0; i < op->n_in; i++) {
        thaw_kernel_channels(&s->in[i], 0, run->in[i], &s->out, first, run->out, s->in[i].c);
        first += s->in[i].c;
    }
    thaw_kernel_zero_tail(&s->out, run->out);
    return 0;
}

static int backward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                    struct thaw_error *err)
{
    const struct state *s = state;
    size_t first = 0;
    (void)err;
    for (int i = 0; i < op->n_in; i++) {
        if (run->din[i]) {
            thaw_kernel_channels(&s->out, first, run->dout, &s->in[i], 0, run->din[i], s->in[i].c);
            thaw_kernel_zero_tail(&s->in[i], run->din[i]);
        }
        first += s->in[i].c;
    }
    return 0;
}

const struct thaw_op_kind thaw_op_concat = {
    .name = "concat",
    .reads = thaw_reads_nothing,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = free,
};
