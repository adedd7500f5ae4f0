#include "nn/ops/common.h"

#include "io/base/mem.h"

unsigned thaw_reads_nothing(const struct thaw_op *op)
{
    (void)op;
    return 0;
}

unsigned thaw_reads_input(const struct thaw_op *op)
{
    (void)op;
    return THAW_READS_INPUT;
}

unsigned thaw_reads_output(const struct thaw_op *op)
{
    (void)op;
    return THAW_READS_OUTPUT;
}

int thaw_in_out_prepare(const struct thaw_op *op, struct thaw_op_env *env, void **state,
                        struct thaw_error *err)
{
    struct thaw_in_out *s = thaw_new(1, sizeof *s, err);
    if (!s)
        return -1;
    s->in = thaw_value_tensor(env, op->in[0]);
    s->out = thaw_value_tensor(env, op->out);
    *state = s;
    return 0;
}

void thaw_op_add_gradient(float *grad, const double *sum, size_t n, bool first)
{
    for (size_t i = 0; grad && i < n; i++)
        grad[i] = (float)((first ? 0 : grad[i]) + sum[i]);
}
