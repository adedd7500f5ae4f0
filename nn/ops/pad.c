#include <stdlib.h>

#include "nn/kernels/move.h"
#include "nn/ops/common.h"

static int forward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                   struct thaw_error *err)
{
    const struct thaw_in_out *s = state;
    const struct thaw_pad *conf = op->conf;
    (void)err;
    thaw_kernel_pad(&s->in, &s->out, conf->top, conf->left, run->in[0], run->out);
    return 0;
}

/* The gradient of padding is cropping. */
static int backward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                    struct thaw_error *err)
{
    const struct thaw_in_out *s = state;
    const struct thaw_pad *conf = op->conf;
    (void)err;
    if (run->din[0])
        thaw_kernel_pad(&s->out, &s->in, -conf->top, -conf->left, run->dout, run->din[0]);
    return 0;
}

const struct thaw_op_kind thaw_op_pad = {
    .name = "pad",
    .conf_size = sizeof(struct thaw_pad),
    .reads = thaw_reads_nothing,
    .prepare = thaw_in_out_prepare,
    .forward = forward,
    .backward = backward,
    .release = free,
};
