#include "nn/plan_fold.h"

#include <stdlib.h>

#include "io/base/mem.h"
#include "nn/dnnl/prim.h"
#include "nn/kernels/conv.h"

/* The operation that makes this value, if nobody else reads the value. */
static struct thaw_op *sole_producer(const struct thaw_plan *p, int value)
{
    const struct thaw_value *v = &p->values[value];
    return v->producer >= 0 && v->consumers == 1 && value != p->output ? &p->ops[v->producer]
                                                                       : NULL;
}

static bool is_open(const struct thaw_op *op)
{
    return op && op->kind && op->addend < 0 && !op->act.kind;
}

/* `op` disappears: what it made is now made by `host`. */
static void take_over(struct thaw_plan *p, struct thaw_op *host, struct thaw_op *op)
{
    host->out = op->out;
    host->backward |= op->backward;
    p->values[op->out].producer = (int)(host - p->ops);
    op->kind = NULL;
}

/* The padding before an operation, if nobody else reads what it makes and it cuts nothing off. */
static struct thaw_op *padding_before(const struct thaw_plan *p, const struct thaw_op *op)
{
    struct thaw_op *before = sole_producer(p, op->in[0]);
    const struct thaw_pad *pad = before && before->kind == &thaw_op_pad ? before->conf : NULL;
    bool pads = pad && pad->top >= 0 && pad->bottom >= 0 && pad->left >= 0 && pad->right >= 0;
    return pads ? before : NULL;
}

static void pad_linear(struct thaw_linear *linear, const struct thaw_pad *pad)
{
    linear->pad_top += pad->top;
    linear->pad_bottom += pad->bottom;
    linear->pad_left += pad->left;
    linear->pad_right += pad->right;
}

/* Of values that no zero exceeds; relu's gradient at zero is zero, so it does not matter which of
 * several zeros is taken for the largest. */
static bool is_never_negative(const struct thaw_plan *p, int value)
{
    int producer = p->values[value].producer;
    struct thaw_gate gate;
    return producer >= 0 && p->ops[producer].act.kind &&
           thaw_gate_of(&p->ops[producer].act, &gate) && gate.low >= 0;
}

/* A window that reaches over the rim takes the largest of what is inside, as if zeros stood around
 * it, if only there is something inside. */
static bool pad_pool(const struct thaw_plan *p, const struct thaw_op *op,
                     const struct thaw_op *before)
{
    struct thaw_pool *pool = op->conf;
    const struct thaw_pad *pad = before->conf;
    const struct thaw_shape *in = &p->values[before->in[0]].shape, *out = &p->values[op->out].shape;
    int top = pool->pad_top + pad->top, left = pool->pad_left + pad->left;
    if (!pool->max || !is_never_negative(p, before->in[0]) || top >= pool->kh || left >= pool->kw ||
        (out->h - 1) * pool->stride_h - top >= in->h ||
        (out->w - 1) * pool->stride_w - left >= in->w)
        return false;
    pool->pad_top = top;
    pool->pad_left = left;
    pool->pad_bottom += pad->bottom;
    pool->pad_right += pad->right;
    return true;
}

static void fold_padding(struct thaw_plan *p, struct thaw_op *op)
{
    struct thaw_op *before = padding_before(p, op);
    if (!before)
        return;
    if (op->kind == &thaw_op_linear)
        pad_linear(op->conf, before->conf);
    else if (op->kind != &thaw_op_pool || !pad_pool(p, op, before))
        return;
    op->in[0] = before->in[0];
    before->kind = NULL;
}

static bool fold_norm(struct thaw_plan *p, struct thaw_op *op)
{
    struct thaw_op *host = sole_producer(p, op->in[0]);
    if (!op->kind->affine || !is_open(host) || !host->kind->hosts || host->norm)
        return false;
    for (int k = 0; k < THAW_MAX_PARAMS; k++)
        host->norm_wants[k] = op->wants[k];
    host->trained |= op->trained;
    p->folded[p->n_folded] = *op;
    host->norm = &p->folded[p->n_folded++];
    take_over(p, host, op);
    op->conf = NULL; /* the folded copy owns them now */
    op->in = NULL;
    return true;
}

static bool fold_addend(struct thaw_plan *p, struct thaw_op *op)
{
    if (op->kind != &thaw_op_combine || ((const struct thaw_combine *)op->conf)->product ||
        op->n_in != 2 || op->in[0] == op->in[1] ||
        !thaw_shape_equal(p->values[op->in[0]].shape, p->values[op->in[1]].shape))
        return false;
    /* The host must be the later of the two, so that the other sum is there when it runs. */
    int late = p->values[op->in[0]].producer > p->values[op->in[1]].producer ? 0 : 1;
    struct thaw_op *host = sole_producer(p, op->in[late]);
    if (!is_open(host) || !host->kind->hosts)
        return false;
    host->addend = op->in[1 - late];
    take_over(p, host, op);
    return true;
}

static bool fold_activation(struct thaw_plan *p, struct thaw_op *op)
{
    if (op->kind != &thaw_op_activation)
        return false;
    const struct thaw_act *act = &((const struct thaw_activation *)op->conf)->act;
    struct thaw_op *host = sole_producer(p, op->in[0]);
    struct thaw_eltwise chain[2];
    if (!host || !host->kind || host->act.kind || !(host->kind->hosts || host->kind->affine))
        return false;
    if (thaw_act_chain(act, chain) == 0 || (op->backward && !thaw_act_from_output(act)))
        return false;
    host->act = *act;
    take_over(p, host, op);
    return true;
}

void thaw_plan_link(struct thaw_plan *p)
{
    for (int v = 0; v < p->n_values; v++)
        p->values[v].consumers = 0;
    for (int i = 0; i < p->n_ops; i++) {
        const struct thaw_op *op = &p->ops[i];
        p->values[op->out].producer = i;
        for (int k = 0; k < op->n_in; k++)
            p->values[op->in[k]].consumers++;
        if (op->addend >= 0)
            p->values[op->addend].consumers++;
    }
}

static void close_up(struct thaw_plan *p)
{
    int kept = 0;
    for (int i = 0; i < p->n_ops; i++) {
        if (!p->ops[i].kind) {
            free(p->ops[i].conf);
            free(p->ops[i].in);
            continue;
        }
        p->ops[kept++] = p->ops[i];
    }
    p->n_ops = kept;
    thaw_plan_link(p);
}

int thaw_plan_fold(struct thaw_plan *p, struct thaw_error *err)
{
    p->folded = thaw_new((size_t)p->n_ops, sizeof *p->folded, err);
    if (!p->folded)
        return -1;
    for (int i = 0; i < p->n_ops; i++) {
        struct thaw_op *op = &p->ops[i];
        fold_padding(p, op);
        if (!fold_norm(p, op) && !fold_addend(p, op))
            fold_activation(p, op);
    }
    close_up(p);
    return 0;
}

void thaw_plan_pass_activations(struct thaw_plan *p)
{
    for (int i = 0; i < p->n_ops; i++) {
        struct thaw_op *op = &p->ops[i], *before = sole_producer(p, op->in[0]);
        struct thaw_gate gate;
        if (op->kind != &thaw_op_linear || !op->backward || !before ||
            before->kind != &thaw_op_linear || !before->backward || !before->act.kind ||
            !thaw_gate_of(&before->act, &gate) ||
            !thaw_conv_in_one_pass(op->conf, &p->values[op->in[0]], &p->values[op->out]))
            continue;
        op->in_act = before->act;
        before->act_passed = true;
    }
}

static bool is_pointwise(const struct thaw_op *op)
{
    const struct thaw_linear *l = op->conf;
    return op->kind == &thaw_op_linear && op->addend < 0 && !op->then && l->groups == 1 &&
           l->kh == 1 && l->kw == 1 && l->stride_h == 1 && l->stride_w == 1 && !l->pad_top &&
           !l->pad_left && !l->pad_bottom && !l->pad_right;
}

/* Which linear operation oneDNN can append to a convolution: a square of taps, the same in both
 * directions, as much padding after as makes one output for every `stride` inputs begun. */
static bool is_appendable(const struct thaw_plan *p, const struct thaw_op *op)
{
    const struct thaw_linear *l = op->conf;
    const struct thaw_value *in = &p->values[op->in[0]], *out = &p->values[op->out];
    return op->addend < 0 && l->depthwise && in->shape.c == out->shape.c &&
           in->shape.c % p->block == 0 && l->kh == l->kw && l->stride_h == l->stride_w &&
           l->dilation_h == 1 && l->dilation_w == 1 && l->pad_top == l->pad_left &&
           l->pad_top < l->kh && out->shape.h == (in->shape.h + l->stride_h - 1) / l->stride_h &&
           out->shape.w == (in->shape.w + l->stride_w - 1) / l->stride_w;
}

static bool same_products(const struct thaw_value *a, const struct thaw_value *b)
{
    return a->type == b->type || (thaw_type_is_8bit(a->type) && thaw_type_is_8bit(b->type));
}

void thaw_plan_pair(struct thaw_plan *p)
{
    for (int i = 0; i < p->n_ops; i++) {
        struct thaw_op *op = &p->ops[i], *host;
        if (op->kind != &thaw_op_linear || !is_appendable(p, op) ||
            !(host = sole_producer(p, op->in[0])) || !is_pointwise(host) ||
            !same_products(&p->values[host->in[0]], &p->values[op->in[0]]))
            continue;
        p->folded[p->n_folded] = *op;
        host->then = &p->folded[p->n_folded++];
        take_over(p, host, op);
        op->conf = NULL; /* the folded copy owns them now */
        op->in = NULL;
    }
    close_up(p);
}
