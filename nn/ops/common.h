/* What the small operations share. */
#ifndef THAW_NN_OPS_COMMON_H
#define THAW_NN_OPS_COMMON_H

#include "nn/kernels/kernels.h"
#include "nn/ops.h"

static inline struct thaw_tensor thaw_value_tensor(const struct thaw_op_env *env, int value)
{
    return thaw_tensor_of(env->values[value].shape, env->values[value].layout, env->n);
}

/* reads() of operations whose gradient needs nothing of the forward pass, its input, its output. */
unsigned thaw_reads_nothing(const struct thaw_op *op);
unsigned thaw_reads_input(const struct thaw_op *op);
unsigned thaw_reads_output(const struct thaw_op *op);

/* prepare() and release() of operations with one input whose whole state is the two tensors. */
struct thaw_in_out {
    struct thaw_tensor in, out;
};
int thaw_in_out_prepare(const struct thaw_op *op, struct thaw_op_env *env, void **state,
                        struct thaw_error *err);

/* The data of parameter i, or NULL. */
static inline float *thaw_op_param(const struct thaw_op *op, int i)
{
    return op->params[i] ? op->params[i]->data : NULL;
}
/* Where its gradient goes, or NULL when none is wanted. */
static inline float *thaw_op_grad(const struct thaw_op *op, int i)
{
    return op->wants[i] ? op->grads[i] : NULL;
}
/* grad = sum, or grad += sum; grad may be NULL. */
void thaw_op_add_gradient(float *grad, const double *sum, size_t n, bool first);

#endif
