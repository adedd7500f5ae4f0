#include "nn/ops.h"
#include "nn/plan.h"

/* Fewer channels leave most of the time to the transforms. */
enum { LEAST_CHANNELS = 16 };
/* Of all products of the plan. It takes whole batches to pay; where it is less, the rest, which is
 * faster in micro-batches that the cache holds, loses what it gains (DenseNet: 0.43). */
static const double least_share = 0.45;

static double products(const struct thaw_plan *p, const struct thaw_op *op)
{
    const struct thaw_linear *l = op->conf;
    if (op->kind != &thaw_op_linear)
        return 0;
    double inputs = p->values[op->in[0]].shape.c / l->groups;
    int result = op->then ? op->then->in[0] : op->out;
    return (double)thaw_shape_count(p->values[result].shape) * inputs * l->kh * l->kw;
}

static bool is_eligible(const struct thaw_plan *p, const struct thaw_op *op)
{
    const struct thaw_linear *l = op->conf;
    if (op->kind != &thaw_op_linear || op->trained || op->backward)
        return false;
    const struct thaw_value *in = &p->values[op->in[0]], *out = &p->values[op->out];
    return thaw_linear_is_plain_3x3(l) && in->type == THAW_TYPE_F32 && out->type == THAW_TYPE_F32 &&
           in->shape.c >= LEAST_CHANNELS && out->shape.c >= LEAST_CHANNELS;
}

void thaw_plan_use_winograd(struct thaw_plan *plan)
{
    double all = 0, eligible = 0;
    for (int i = 0; i < plan->n_ops; i++) {
        all += products(plan, &plan->ops[i]);
        if (is_eligible(plan, &plan->ops[i]))
            eligible += products(plan, &plan->ops[i]);
    }
    plan->winograd = eligible > 0 && eligible >= least_share * all;
    for (int i = 0; plan->winograd && i < plan->n_ops; i++)
        plan->ops[i].winograd = is_eligible(plan, &plan->ops[i]);
}
