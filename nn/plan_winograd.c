#include "nn/ops.h"
#include "nn/plan.h"

/* Fewer channels leave most of the time to the transforms. */
enum { LEAST_CHANNELS = 16 };

static bool is_eligible(const struct thaw_plan *p, const struct thaw_op *op)
{
    const struct thaw_linear *l = op->conf;
    if (op->kind != &thaw_op_linear || op->trained || op->backward)
        return false;
    const struct thaw_value *in = &p->values[op->in[0]], *out = &p->values[op->out];
    return l->kh == 3 && l->kw == 3 && l->stride_h == 1 && l->stride_w == 1 && l->groups == 1 &&
           l->dilation_h == 1 && l->dilation_w == 1 && in->type == THAW_TYPE_F32 &&
           out->type == THAW_TYPE_F32 && in->shape.c >= LEAST_CHANNELS &&
           out->shape.c >= LEAST_CHANNELS;
}

bool thaw_plan_use_winograd(struct thaw_plan *plan)
{
    bool any = false;
    for (int i = 0; i < plan->n_ops; i++) {
        plan->ops[i].winograd = is_eligible(plan, &plan->ops[i]);
        any |= plan->ops[i].winograd;
    }
    return any;
}
