#include "nn/plan_type.h"

#include <math.h>
#include <stdlib.h>

#include "io/base/mem.h"
#include "nn/ops.h"
#include "nn/plan_fold.h"

/* Values take three forms: float32 in the plan's layout; the low precision; and what an 8-bit
 * convolution writes for others, float32 in its own layout. */
struct typing {
    struct thaw_plan *p;
    enum thaw_precision precision;
    const struct thaw_ranges *ranges;
    bool training;
    bool *low;   /* [operations]: runs in the low precision */
    bool *asked; /* [values]: an operation wants it in the low precision */
    int *copies; /* [values][2]: its conversion to float32, to the low precision; 0 = none yet */
    size_t value_capacity;
    struct thaw_op *ops; /* the new list */
    size_t n_ops, op_capacity;
};

/* The type and scale an 8-bit value would have; false where calibration has not seen it. */
static bool quantize(const struct typing *t, struct thaw_value *v)
{
    const struct thaw_range *r = thaw_ranges_find(t->ranges, v->node, v->part);
    if (!r)
        return false;
    bool is_signed = r->low < 0;
    float most = is_signed ? fmaxf(-r->low, r->high) : r->high;
    v->type = is_signed ? THAW_TYPE_S8 : THAW_TYPE_U8;
    v->scale = most > 0 ? most / (is_signed ? 127 : 255) : 1;
    return true;
}

static bool lower(const struct typing *t, struct thaw_value *v)
{
    if (t->precision == THAW_BF16) {
        v->type = THAW_TYPE_BF16;
        return true;
    }
    if (!quantize(t, v))
        return false;
    v->layout = thaw_layout_channels_last(v->shape);
    v->channels_last = true;
    return true;
}

/* Asks every operation whether it can, with its inputs as they would be. Pooling alone is not worth
 * a conversion. */
static int choose_ops(struct typing *t, struct thaw_error *err)
{
    struct thaw_plan *p = t->p;
    struct thaw_value *would = thaw_new((size_t)p->n_values, sizeof *would, err);
    bool *known = thaw_new((size_t)p->n_values, sizeof *known, err);
    int rc = would && known ? 0 : -1;
    for (int v = 0; rc == 0 && v < p->n_values; v++) {
        would[v] = p->values[v];
        known[v] = would[v].shape.rank == 3 && lower(t, &would[v]);
    }
    for (int i = 0; rc == 0 && i < p->n_ops; i++) {
        const struct thaw_op *op = &p->ops[i];
        int before = p->values[op->in[0]].producer;
        t->low[i] = op->kind->takes && op->kind->takes(op, would, t->precision) &&
                    known[op->in[0]] && (op->addend < 0 || known[op->addend]) &&
                    (!op->kind->keeps_scale || (before >= 0 && t->low[before]));
        if (!t->low[i])
            continue;
        t->asked[op->in[0]] = true;
        if (op->addend >= 0)
            t->asked[op->addend] = true;
    }
    free(would);
    free(known);
    return rc;
}

/* What a low operation writes: the low precision where that is asked for, else float32. */
static void type_output(struct typing *t, int i)
{
    const struct thaw_op *op = &t->p->ops[i];
    const struct thaw_value *in = &t->p->values[op->in[0]];
    struct thaw_value *out = &t->p->values[op->out];
    if (op->kind->keeps_scale) {
        out->type = in->type;
        out->scale = in->scale;
        out->channels_last = in->channels_last;
    } else if (t->training) {
        lower(t, out); /* gradients come back in the precision that went out */
    } else if (!(t->asked[op->out] && op->out != t->p->output && lower(t, out))) {
        out->channels_last = t->precision == THAW_INT8;
    }
    if (out->channels_last)
        out->layout = thaw_layout_channels_last(out->shape);
}

static int append(struct typing *t, const struct thaw_op *op, struct thaw_error *err)
{
    if (thaw_grow(&t->ops, &t->op_capacity, t->n_ops + 1, sizeof *t->ops, err))
        return -1;
    t->ops[t->n_ops++] = *op;
    return 0;
}

/* Adds a conversion of value `from`; returns the number of the copy, or -1. */
static int convert(struct typing *t, int from, bool low, const struct thaw_node *node,
                   struct thaw_error *err)
{
    struct thaw_plan *p = t->p;
    if (thaw_grow(&p->values, &t->value_capacity, (size_t)p->n_values + 1, sizeof *p->values, err))
        return -1;
    const struct thaw_value *v = &p->values[from];
    struct thaw_value copy = {.shape = v->shape,
                              .layout = thaw_layout_of(v->shape, p->block),
                              .node = v->node,
                              .part = v->part,
                              .has_grad = v->has_grad};
    if (low)
        lower(t, &copy);
    struct thaw_op op = {.kind = &thaw_op_convert,
                         .node = node,
                         .in = thaw_new(1, sizeof *op.in, err),
                         .n_in = 1,
                         .out = p->n_values,
                         .addend = -1,
                         .backward = copy.has_grad};
    if (!op.in || append(t, &op, err)) {
        free(op.in);
        return -1;
    }
    op.in[0] = from;
    p->values[p->n_values] = copy;
    return p->n_values++;
}

/* Makes *value one that the operation takes, low or not. */
static int fit(struct typing *t, int *value, bool low, const struct thaw_node *node,
               struct thaw_error *err)
{
    const struct thaw_value *v = &t->p->values[*value];
    bool plain = v->type == THAW_TYPE_F32;
    if (low ? !plain : plain && !v->channels_last)
        return 0;
    int *copy = &t->copies[2 * *value + low];
    if (*copy == 0 && (*copy = convert(t, *value, low, node, err)) < 0)
        return -1;
    *value = *copy;
    return 0;
}

static int place_op(struct typing *t, int i, struct thaw_error *err)
{
    struct thaw_op *op = &t->p->ops[i];
    for (int k = 0; k < op->n_in; k++)
        if (fit(t, &op->in[k], t->low[i], op->node, err))
            return -1;
    if (op->addend >= 0 && fit(t, &op->addend, t->low[i], op->node, err))
        return -1;
    if (t->low[i])
        type_output(t, i);
    if (append(t, op, err))
        return -1;
    op->conf = NULL; /* the new list owns them now */
    op->in = NULL;
    return 0;
}

static int place_all(struct typing *t, struct thaw_error *err)
{
    struct thaw_plan *p = t->p;
    for (int i = 0; i < p->n_ops; i++)
        if (place_op(t, i, err))
            return -1;
    return p->n_ops ? fit(t, &p->output, false, p->ops[p->n_ops - 1].node, err) : 0;
}

/* A picture that goes into conversions only is taken as it comes, in NHWC: the conversion changes
 * the layout on its way. */
static void take_picture_as_it_is(struct thaw_plan *p)
{
    struct thaw_value *in = &p->values[p->input];
    bool picture = in->layout.block == 1 && in->shape.c > 1;
    for (int i = 0; i < p->n_ops && picture; i++) {
        const struct thaw_op *op = &p->ops[i];
        for (int k = 0; k < op->n_in; k++)
            picture &= op->in[k] != p->input || op->kind == &thaw_op_convert;
        picture &= op->addend != p->input;
    }
    if (!picture || in->has_grad)
        return;
    in->layout = thaw_layout_channels_last(in->shape);
    in->channels_last = true;
}

int thaw_plan_type(struct thaw_plan *p, const struct thaw_plan_options *options,
                   struct thaw_error *err)
{
    size_t values = (size_t)p->n_values;
    struct typing t = {.p = p,
                       .precision = options->precision,
                       .ranges = options->ranges,
                       .training = options->training};
    if (options->precision == THAW_F32)
        return 0;
    if (options->precision == THAW_INT8 && options->training)
        return thaw_fail(err, THAW_EUSAGE, "8 bits are too few to train in; bf16 or f32 is needed");
    if (options->precision == THAW_INT8 && !options->ranges)
        return thaw_fail(err, THAW_EUSAGE, "int8 needs a calibration");
    t.value_capacity = values;
    t.low = thaw_new((size_t)p->n_ops, sizeof *t.low, err);
    t.asked = thaw_new(values, sizeof *t.asked, err);
    t.copies = thaw_new(values, 2 * sizeof *t.copies, err);
    int rc = t.low && t.asked && t.copies ? choose_ops(&t, err) : -1;
    if (rc == 0)
        rc = place_all(&t, err);
    /* Operations move from list to list, so that each is freed once whatever happens. */
    thaw_ops_free(rc ? t.ops : p->ops, rc ? (int)t.n_ops : p->n_ops);
    if (rc == 0) {
        p->ops = t.ops;
        p->n_ops = (int)t.n_ops;
        thaw_plan_link(p);
        take_picture_as_it_is(p);
    }
    free(t.low);
    free(t.asked);
    free(t.copies);
    return rc;
}
