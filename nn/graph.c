#include "nn/graph.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

/* Bounds on what a model file may declare: longest side and most elements of one tensor. They keep
 * int arithmetic on sides safe and damaged files from asking for all memory. */
enum { MAX_SIDE = 1 << 26, MAX_TENSOR = 1 << 29 };

struct thaw_graph *thaw_graph_create(const char *name, struct thaw_error *err)
{
    struct thaw_graph *graph = thaw_new(1, sizeof *graph, err);
    if (!graph)
        return NULL;
    graph->output = -1;
    graph->name = thaw_strdup(name, err);
    if (!graph->name) {
        free(graph);
        return NULL;
    }
    return graph;
}

static void release_node(struct thaw_node *node)
{
    if (node->conf && node->kind->release)
        node->kind->release(node->conf);
    for (int i = 0; i < node->n_params; i++)
        free(node->params[i].data);
    free(node->conf);
    free(node->inputs);
    free(node->name);
    memset(node, 0, sizeof *node);
}

void thaw_graph_free(struct thaw_graph *graph)
{
    if (!graph)
        return;
    for (int i = 0; i < graph->n_nodes; i++)
        release_node(&graph->nodes[i]);
    free(graph->nodes);
    free(graph->name);
    free(graph);
}

static int read_trainable(struct thaw_node *node, const json_t *config, struct thaw_error *err)
{
    const json_t *flag = json_object_get(config, "trainable");
    node->trainable = !flag || json_is_true(flag) || json_integer_value(flag) == 1;
    if (flag && !json_is_boolean(flag) && !json_is_integer(flag))
        return thaw_fail(err, THAW_EINPUT, "trainable is neither true nor false");
    return 0;
}

static int connect(const struct thaw_graph *graph, struct thaw_node *node, const int *inputs,
                   int n_inputs, struct thaw_error *err)
{
    if ((n_inputs == 0) != (graph->n_nodes == 0))
        return thaw_fail(err, THAW_EINPUT,
                         graph->n_nodes ? "has no input" : "is the first layer but has inputs");
    node->inputs = thaw_new((size_t)n_inputs, sizeof *node->inputs, err);
    if (!node->inputs)
        return -1;
    for (int i = 0; i < n_inputs; i++) {
        if (inputs[i] < 0 || inputs[i] >= graph->n_nodes)
            return thaw_fail(err, THAW_EUSAGE, "input %d is layer number %d of %d", i, inputs[i],
                             graph->n_nodes);
        node->inputs[i] = inputs[i];
    }
    node->n_inputs = n_inputs;
    return 0;
}

static int check_shape(struct thaw_shape s, struct thaw_error *err)
{
    size_t count;
    if (s.h < 1 || s.w < 1 || s.c < 1 || s.h > MAX_SIDE || s.w > MAX_SIDE || s.c > MAX_SIDE ||
        !thaw_count((long[]){s.h, s.w, s.c}, 3, &count) || count > MAX_TENSOR)
        return thaw_fail(err, THAW_EINPUT, "its output would be [%d,%d,%d]", s.h, s.w, s.c);
    return 0;
}

static int make_params(struct thaw_node *node, bool lean, struct thaw_error *err)
{
    for (int i = 0; i < node->n_params; i++) {
        struct thaw_param *p = &node->params[i];
        if (!thaw_count(p->dims, p->rank, &p->count) || !p->count || p->count > MAX_TENSOR)
            return thaw_fail(err, THAW_EINPUT, "weight %s is too large", p->role);
        if (lean && p->rank > 1)
            continue;
        p->data = thaw_new_aligned(p->count, sizeof *p->data, err);
        if (!p->data)
            return thaw_error_prefix(err, "weight %s", p->role);
    }
    return 0;
}

static int infer(const struct thaw_graph *graph, struct thaw_node *node, struct thaw_error *err)
{
    struct thaw_shape *in = thaw_new((size_t)node->n_inputs, sizeof *in, err);
    if (!in)
        return -1;
    for (int i = 0; i < node->n_inputs; i++)
        in[i] = graph->nodes[node->inputs[i]].shape;
    int rc = node->kind->infer(node->conf, in, node->n_inputs, &node->shape, node->params,
                               &node->n_params, err);
    if (rc)
        node->n_params = 0;
    free(in);
    return rc ? -1 : check_shape(node->shape, err);
}

/* The configuration's errors carry the layer's name already. */
static int fill_node(const struct thaw_graph *graph, struct thaw_node *node, const int *inputs,
                     int n_inputs, const json_t *config, const char *what, struct thaw_error *err)
{
    node->conf = thaw_new(1, node->kind->conf_size, err);
    if (!node->conf || thaw_fields_read(node->kind->fields, node->conf, config,
                                        thaw_layer_ignored_keys, what, err))
        return -1;
    if (read_trainable(node, config, err) || connect(graph, node, inputs, n_inputs, err) ||
        infer(graph, node, err) || make_params(node, graph->lean, err))
        return thaw_error_prefix(err, "%s", what);
    return 0;
}

int thaw_graph_add(struct thaw_graph *graph, const char *class_name, const char *name,
                   const int *inputs, int n_inputs, const json_t *config, struct thaw_error *err)
{
    struct thaw_node node = {.kind = thaw_layer_find(class_name, err)};
    int number = -1;
    char *what = NULL;
    if (!node.kind)
        return thaw_error_prefix(err, "layer %s", name);
    what = thaw_format(err, "layer %s (%s)", name, node.kind->name);
    if (!what)
        return -1;
    if (node.kind->identity) {
        thaw_fail(err, THAW_EUSAGE, "%s does nothing at inference and has no place in a graph",
                  what);
        goto done;
    }
    if (thaw_graph_find(graph, name) >= 0) {
        thaw_fail(err, THAW_EINPUT, "%s: there is a layer of this name already", what);
        goto done;
    }
    node.name = thaw_strdup(name, err);
    if (!node.name || fill_node(graph, &node, inputs, n_inputs, config, what, err) ||
        thaw_grow(&graph->nodes, &graph->capacity, (size_t)graph->n_nodes + 1, sizeof node, err))
        goto done;
    number = graph->n_nodes;
    graph->nodes[graph->n_nodes++] = node;
    graph->output = number;
done:
    if (number < 0)
        release_node(&node);
    free(what);
    return number;
}

int thaw_param_take(struct thaw_param *p, float **room, struct thaw_error *err)
{
    if (p->data)
        return 0;
    if (room) {
        p->data = *room;
        *room += p->count;
    } else if (!(p->data = thaw_new_aligned(p->count, sizeof *p->data, err)))
        return -1;
    return thaw_place_read(&p->place, p->data, p->count * sizeof *p->data, err)
               ? thaw_error_prefix(err, "weight %s", p->role)
               : 0;
}

void thaw_param_drop(struct thaw_param *p)
{
    if (p->place.at)
        p->data = NULL;
}

int thaw_graph_find(const struct thaw_graph *graph, const char *name)
{
    for (int i = 0; i < graph->n_nodes; i++)
        if (strcmp(graph->nodes[i].name, name) == 0)
            return i;
    return -1;
}

void thaw_graph_truncate(struct thaw_graph *graph, int first, int output)
{
    assert(output >= 0 && output < first && first <= graph->n_nodes);
    while (graph->n_nodes > first)
        release_node(&graph->nodes[--graph->n_nodes]);
    graph->output = output;
}

size_t thaw_graph_param_count(const struct thaw_graph *graph, bool trainable_only)
{
    size_t count = 0;
    for (int i = 0; i < graph->n_nodes; i++) {
        const struct thaw_node *node = &graph->nodes[i];
        for (int k = 0; k < node->n_params; k++)
            if (!trainable_only || (node->trainable && node->params[k].trainable))
                count += node->params[k].count;
    }
    return count;
}
