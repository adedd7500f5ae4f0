#include "nn/plan.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/dnnl/prim.h"
#include "nn/plan_fold.h"
#include "nn/plan_type.h"

struct thaw_lowering {
    struct thaw_plan *plan;
    const struct thaw_plan_options *options;
    const struct thaw_node *nodes;
    size_t op_capacity, value_capacity;
};

struct thaw_shape thaw_lowering_shape(const struct thaw_lowering *lowering, int value)
{
    return lowering->plan->values[value].shape;
}

bool thaw_lowering_batch_statistics(const struct thaw_lowering *lowering)
{
    return lowering->options->training && lowering->options->batch_statistics;
}

static int add_value(struct thaw_lowering *l, struct thaw_shape shape, int node, int part,
                     int producer, struct thaw_error *err)
{
    struct thaw_plan *p = l->plan;
    if (thaw_grow(&p->values, &l->value_capacity, (size_t)p->n_values + 1, sizeof *p->values, err))
        return -1;
    p->values[p->n_values] = (struct thaw_value){.shape = shape,
                                                 .layout = thaw_layout_of(shape, p->block),
                                                 .node = node,
                                                 .part = part,
                                                 .producer = producer};
    return p->n_values++;
}

int thaw_emit(struct thaw_lowering *l, const struct thaw_op_kind *kind, const void *conf,
              const struct thaw_node *node, const int *params, int n_params, const int *in,
              int n_in, struct thaw_shape out_shape, int *out, struct thaw_error *err)
{
    struct thaw_plan *p = l->plan;
    if (thaw_grow(&p->ops, &l->op_capacity, (size_t)p->n_ops + 1, sizeof *p->ops, err))
        return -1;
    struct thaw_op *op = &p->ops[p->n_ops];
    *op = (struct thaw_op){.kind = kind, .node = node, .n_in = n_in, .addend = -1};
    op->conf = thaw_new(1, kind->conf_size, err);
    op->in = thaw_new((size_t)n_in, sizeof *op->in, err);
    p->n_ops++; /* from here on the plan frees it */
    if (!op->conf || !op->in)
        return -1;
    if (kind->conf_size)
        memcpy(op->conf, conf, kind->conf_size);
    memcpy(op->in, in, (size_t)n_in * sizeof *in);
    for (int i = 0; i < n_params; i++)
        op->params[i] = params[i] < 0 ? NULL : (struct thaw_param *)&node->params[params[i]];
    int number = (int)(node - l->nodes), part = 0;
    while (part < p->n_values && p->values[p->n_values - 1 - part].node == number)
        part++;
    *out = op->out = add_value(l, out_shape, number, part, p->n_ops - 1, err);
    return *out < 0 ? -1 : 0;
}

/* Marks the nodes between first (left out) and last that the output needs. */
static int mark_needed(const struct thaw_graph *g, int first, int last, bool *needed,
                       struct thaw_error *err)
{
    needed[last] = true;
    for (int i = last; i > first; i--) {
        if (!needed[i])
            continue;
        for (int k = 0; k < g->nodes[i].n_inputs; k++)
            needed[g->nodes[i].inputs[k]] = true;
    }
    for (int i = 0; i < first; i++)
        if (needed[i])
            return thaw_fail(err, THAW_EUSAGE,
                             "layer %s is no cut of the network: %s is needed above it as well",
                             g->nodes[first].name, g->nodes[i].name);
    return 0;
}

static int lower_node(struct thaw_lowering *l, const struct thaw_graph *g, int i, int *value_of,
                      struct thaw_error *err)
{
    const struct thaw_node *node = &g->nodes[i];
    int *in = thaw_new((size_t)node->n_inputs, sizeof *in, err);
    if (!in)
        return -1;
    for (int k = 0; k < node->n_inputs; k++)
        in[k] = value_of[node->inputs[k]];
    int rc = node->kind->lower(l, node, in, node->n_inputs, &value_of[i], err);
    free(in);
    return rc ? thaw_error_prefix(err, "layer %s (%s)", node->name, node->kind->name) : 0;
}

static int lower_graph(struct thaw_lowering *l, const struct thaw_graph *g, int first, int last,
                       struct thaw_error *err)
{
    int rc = -1;
    bool *needed = thaw_new((size_t)g->n_nodes, sizeof *needed, err);
    int *value_of = thaw_new((size_t)g->n_nodes, sizeof *value_of, err);
    if (!needed || !value_of || mark_needed(g, first, last, needed, err))
        goto done;
    value_of[first] = l->plan->input = add_value(l, g->nodes[first].shape, first, 0, -1, err);
    if (value_of[first] < 0)
        goto done;
    for (int i = first + 1; i <= last; i++)
        if (needed[i] && lower_node(l, g, i, value_of, err))
            goto done;
    l->plan->output = value_of[last];
    rc = 0;
done:
    free(needed);
    free(value_of);
    return rc;
}

static bool is_sigmoid(const struct thaw_op *op)
{
    const struct thaw_activation *conf = op->conf;
    return op->kind == &thaw_op_activation && conf->act.kind &&
           strcmp(conf->act.kind->name, "sigmoid") == 0;
}

/* What makes probabilities of logits. */
static void leave_out_last(struct thaw_plan *p)
{
    if (!p->n_ops)
        return;
    struct thaw_op *last = &p->ops[p->n_ops - 1];
    bool softmax =
        last->kind == &thaw_op_softmax && !((const struct thaw_softmax *)last->conf)->log;
    if (last->out != p->output || (!softmax && !is_sigmoid(last)))
        return;
    p->output = last->in[0];
    p->softmax_left_out = softmax;
    p->sigmoid_left_out = !softmax;
    free(last->conf);
    free(last->in);
    p->n_ops--;
}

/* Which operations have a trained weight, and which values a gradient. */
static void mark_training(struct thaw_plan *p, const struct thaw_plan_options *options)
{
    p->values[p->input].has_grad = options->training && options->input_gradient;
    for (int i = 0; i < p->n_ops; i++) {
        struct thaw_op *op = &p->ops[i];
        for (int k = 0; k < THAW_MAX_PARAMS; k++) {
            op->wants[k] = options->training && op->node->trainable && op->params[k] &&
                           op->params[k]->trainable;
            op->trained |= op->wants[k];
        }
        op->backward = op->trained;
        for (int k = 0; k < op->n_in; k++)
            op->backward |= p->values[op->in[k]].has_grad;
        p->values[op->out].has_grad = op->backward;
    }
}

static void count_consumers(struct thaw_plan *p)
{
    for (int i = 0; i < p->n_ops; i++)
        for (int k = 0; k < p->ops[i].n_in; k++)
            p->values[p->ops[i].in[k]].consumers++;
}

static bool wanted(const struct thaw_plan *p, const struct thaw_param *param)
{
    for (int i = 0; i < p->n_ops; i++)
        for (int k = 0; k < THAW_MAX_PARAMS; k++) {
            const struct thaw_op *op = &p->ops[i];
            if ((op->wants[k] && op->params[k] == param) ||
                (op->norm && op->norm_wants[k] && op->norm->params[k] == param))
                return true;
        }
    return false;
}

static int list_trained(struct thaw_plan *p, struct thaw_graph *g, struct thaw_error *err)
{
    size_t capacity = 0;
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_params; k++) {
            struct thaw_param *param = &g->nodes[i].params[k];
            if (!wanted(p, param))
                continue;
            if (thaw_grow(&p->trained, &capacity, (size_t)p->n_trained + 1, sizeof *p->trained,
                          err))
                return -1;
            p->trained[p->n_trained++] = (struct thaw_trained){param, &g->nodes[i]};
        }
    return 0;
}

struct thaw_plan *thaw_plan_create(struct thaw_graph *graph,
                                   const struct thaw_plan_options *options, struct thaw_error *err)
{
    struct thaw_plan *p = thaw_new(1, sizeof *p, err);
    if (!p)
        return NULL;
    p->block = thaw_dnnl_block();
    p->ranges = options->ranges;
    struct thaw_lowering l = {.plan = p, .options = options, .nodes = graph->nodes};
    int last = options->last < 0 ? graph->output : options->last;
    if (lower_graph(&l, graph, options->first, last, err))
        goto fail;
    if (options->logits)
        leave_out_last(p);
    mark_training(p, options);
    count_consumers(p);
    if (thaw_plan_fold(p, err) || thaw_plan_type(p, graph, options, err) ||
        list_trained(p, graph, err))
        goto fail;
    thaw_plan_pass_activations(p);
    if (!options->training && !options->apart)
        thaw_plan_pair(p);
    return p;
fail:
    thaw_plan_free(p);
    return NULL;
}

void thaw_ops_free(struct thaw_op *ops, int n)
{
    for (int i = 0; i < n; i++) {
        free(ops[i].conf);
        free(ops[i].in);
    }
    free(ops);
}

void thaw_plan_free(struct thaw_plan *plan)
{
    if (!plan)
        return;
    thaw_ops_free(plan->ops, plan->n_ops);
    thaw_ops_free(plan->folded, plan->n_folded);
    free(plan->values);
    free(plan->trained);
    free(plan);
}
