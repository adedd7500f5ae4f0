#include <stdlib.h>

#include "nn/kernels/move.h"
#include "nn/ops/common.h"

static int forward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                   struct thaw_error *err)
{
    const struct thaw_in_out *s = state;
    (void)op, (void)err;
    thaw_kernel_reshape(&s->in, run->in[0], &s->out, run->out);
    return 0;
}

static int backward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                    struct thaw_error *err)
{
    const struct thaw_in_out *s = state;
    (void)op, (void)err;
    if (run->din[0])
        thaw_kernel_reshape(&s->out, run->dout, &s->in, run->din[0]);
    return 0;
}

const struct thaw_op_kind thaw_op_reshape = {
    .name = "reshape",
    .reads = thaw_reads_nothing,
    .prepare = thaw_in_out_prepare,
    .forward = forward,
    .backward = backward,
    .release = free,
};
