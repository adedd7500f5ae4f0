#include "nn/plan_type.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/dnnl/prim.h"
#include "nn/ops.h"
#include "nn/plan_fold.h"

/* Each operation runs in one precision and takes its inputs in that precision's form: float32 in
 * the plan's layout; bf16; 8 bits with channels last. Beside them stands what 8-bit convolutions
 * write for others, float32 with channels last. */
struct typing {
    struct thaw_plan *p;
    const struct thaw_node *nodes; /* of the graph */
    enum thaw_precision precision;
    const struct thaw_ranges *ranges;
    bool training;
    bool channels_last;             /* what is not float32 */
    enum thaw_precision *of;        /* [operations] */
    bool (*asked)[THAW_PRECISIONS]; /* [values]: an operation wants it in that form */
    int (*copies)[THAW_PRECISIONS]; /* [values]: its conversion to that form; 0 = none yet */
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

/* Gives a float32 value the form of a precision. */
static bool lower(const struct typing *t, struct thaw_value *v, enum thaw_precision precision)
{
    if (precision == THAW_F32)
        return true;
    if (precision == THAW_BF16)
        v->type = THAW_TYPE_BF16;
    else if (!quantize(t, v))
        return false;
    if (t->channels_last) {
        v->layout = thaw_layout_channels_last(v->shape);
        v->channels_last = true;
    }
    return true;
}

/* (nn/mixed.h) */
static bool keeps_higher(const struct typing *t, const struct thaw_op *op)
{
    for (size_t i = 0; t->ranges && i < t->ranges->n_higher; i++)
        if (op->node - t->nodes == t->ranges->higher[i])
            return true;
    return false;
}

/* What the plan would have an operation run in. Pooling alone is not worth a conversion: it
 * follows what it reads. */
static enum thaw_precision wish(const struct typing *t, const struct thaw_op *op)
{
    int before = t->p->values[op->in[0]].producer;
    if (op->kind->keeps_scale)
        return before >= 0 ? t->of[before] : THAW_F32;
    if (t->precision == THAW_INT8 && keeps_higher(t, op))
        return thaw_precision_for(THAW_BF16);
    return t->precision;
}

/* Whether an operation can, with its inputs as they would be: room for all values, of which those
 * are written. */
static bool can(const struct typing *t, const struct thaw_op *op, enum thaw_precision precision,
                struct thaw_value *would)
{
    int inputs[] = {op->in[0], op->addend};
    for (int k = 0; k < (op->addend < 0 ? 1 : 2); k++) {
        struct thaw_value *v = &would[inputs[k]];
        *v = t->p->values[inputs[k]];
        if (v->shape.rank != 3 || !lower(t, v, precision))
            return false;
    }
    return op->kind->takes(op, would, precision);
}

static int choose_ops(struct typing *t, struct thaw_error *err)
{
    struct thaw_plan *p = t->p;
    struct thaw_value *would = thaw_new((size_t)p->n_values, sizeof *would, err);
    if (!would)
        return -1;
    memcpy(would, p->values, (size_t)p->n_values * sizeof *would);
    for (int i = 0; i < p->n_ops; i++) {
        const struct thaw_op *op = &p->ops[i];
        enum thaw_precision wished = op->kind->takes ? wish(t, op) : THAW_F32;
        if (wished == THAW_F32 || !can(t, op, wished, would))
            continue;
        t->of[i] = wished;
        t->asked[op->in[0]][wished] = true;
        if (op->addend >= 0)
            t->asked[op->addend][wished] = true;
    }
    free(would);
    return 0;
}

/* What a low operation writes: its precision where that is asked for, else float32. */
static void type_output(struct typing *t, int i)
{
    const struct thaw_op *op = &t->p->ops[i];
    const struct thaw_value *in = &t->p->values[op->in[0]];
    struct thaw_value *out = &t->p->values[op->out];
    enum thaw_precision precision = t->of[i];
    if (op->kind->keeps_scale) {
        out->type = in->type;
        out->scale = in->scale;
        out->channels_last = in->channels_last;
    } else if (t->training) {
        lower(t, out, precision); /* gradients come back in the precision that went out */
    } else if (!(t->asked[op->out][precision] && op->out != t->p->output &&
                 lower(t, out, precision))) {
        out->channels_last = t->channels_last;
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
static int convert(struct typing *t, int from, enum thaw_precision precision,
                   const struct thaw_node *node, struct thaw_error *err)
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
    lower(t, &copy, precision);
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

static bool has_form(const struct thaw_value *v, enum thaw_precision precision)
{
    return precision == THAW_F32    ? v->type == THAW_TYPE_F32 && !v->channels_last
           : precision == THAW_BF16 ? v->type == THAW_TYPE_BF16
                                    : thaw_type_is_8bit(v->type);
}

/* Makes *value one in the form of a precision. */
static int fit(struct typing *t, int *value, enum thaw_precision precision,
               const struct thaw_node *node, struct thaw_error *err)
{
    if (has_form(&t->p->values[*value], precision))
        return 0;
    int *copy = &t->copies[*value][precision];
    if (*copy == 0 && (*copy = convert(t, *value, precision, node, err)) < 0)
        return -1;
    *value = *copy;
    return 0;
}

static int place_op(struct typing *t, int i, struct thaw_error *err)
{
    struct thaw_op *op = &t->p->ops[i];
    for (int k = 0; k < op->n_in; k++)
        if (fit(t, &op->in[k], t->of[i], op->node, err))
            return -1;
    if (op->addend >= 0 && fit(t, &op->addend, t->of[i], op->node, err))
        return -1;
    if (t->of[i] != THAW_F32)
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
    return p->n_ops ? fit(t, &p->output, THAW_F32, p->ops[p->n_ops - 1].node, err) : 0;
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

int thaw_plan_type(struct thaw_plan *p, const struct thaw_graph *graph,
                   const struct thaw_plan_options *options, struct thaw_error *err)
{
    size_t values = (size_t)p->n_values;
    struct typing t = {.p = p,
                       .nodes = graph->nodes,
                       .precision = options->precision,
                       .ranges = options->ranges,
                       .training = options->training,
                       .channels_last = options->precision == THAW_INT8 || thaw_dnnl_has_tiles()};
    if (options->precision == THAW_F32)
        return 0;
    if (options->precision == THAW_INT8 && options->training)
        return thaw_fail(err, THAW_EUSAGE, "8 bits are too few to train in; bf16 or f32 is needed");
    if (options->precision == THAW_INT8 && !options->ranges)
        return thaw_fail(err, THAW_EUSAGE, "int8 needs a calibration");
    t.value_capacity = values;
    t.of = thaw_new((size_t)p->n_ops, sizeof *t.of, err);
    t.asked = thaw_new(values, sizeof *t.asked, err);
    t.copies = thaw_new(values, sizeof *t.copies, err);
    int rc = t.of && t.asked && t.copies ? choose_ops(&t, err) : -1;
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
    free(t.of);
    free(t.asked);
    free(t.copies);
    return rc;
}
