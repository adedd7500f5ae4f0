#include "tests/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/exec.h"
#include "nn/model_config.h"
#include "tests/check.h"

int thaw_net_add(struct thaw_graph *g, const char *kind, const char *name, int in, json_t *config)
{
    struct thaw_error err = {0};
    int node = thaw_graph_add(g, kind, name, &in, strcmp(kind, "InputLayer") != 0, config, &err);
    json_decref(config);
    CU_ASSERT_FATAL(thaw_told(node < 0 ? -1 : 0, &err) == 0);
    return node;
}

float *thaw_net_run(struct thaw_graph *graph, int last, const float *x, size_t n)
{
    struct thaw_error err = {0};
    struct thaw_plan_options options = {.last = last};
    int end = last < 0 ? graph->output : last;
    float *y = calloc(n * thaw_shape_count(graph->nodes[end].shape), sizeof *y);
    struct thaw_exec *exec = NULL;
    struct thaw_plan *plan = thaw_plan_create(graph, &options, &err);
    if (plan)
        exec = thaw_exec_create(plan, n < 2 ? 1 : 2, &err);
    if (!y || !exec || thaw_told(thaw_exec_infer(exec, x, n, y, &err), &err) < 0) {
        if (!exec)
            thaw_told(-1, &err);
        free(y);
        y = NULL;
    }
    thaw_exec_free(exec);
    thaw_plan_free(plan);
    return y;
}

static bool same_config(const struct thaw_node *a, const struct thaw_node *b)
{
    json_t *ca = thaw_model_node_config(a, NULL), *cb = thaw_model_node_config(b, NULL);
    bool same = ca && cb && json_equal(ca, cb);
    json_decref(ca);
    json_decref(cb);
    return same;
}

static const char *node_differs(const struct thaw_graph *ga, const struct thaw_node *a,
                                const struct thaw_graph *gb, const struct thaw_node *b)
{
    if (a->kind != b->kind)
        return "kind";
    if (a->trainable != b->trainable && strcmp(a->kind->name, "InputLayer"))
        return "trainable";
    if (!thaw_shape_equal(a->shape, b->shape))
        return "shape";
    if (!same_config(a, b))
        return "configuration";
    if (a->n_inputs != b->n_inputs || a->n_params != b->n_params)
        return "number of inputs or weights";
    for (int i = 0; i < a->n_inputs; i++)
        if (strcmp(ga->nodes[a->inputs[i]].name, gb->nodes[b->inputs[i]].name))
            return "inputs";
    for (int i = 0; i < a->n_params; i++)
        if (a->params[i].count != b->params[i].count ||
            memcmp(a->params[i].data, b->params[i].data, a->params[i].count * sizeof(float)))
            return a->params[i].role;
    return NULL;
}

bool thaw_net_same(const struct thaw_graph *a, const struct thaw_graph *b)
{
    if (a->n_nodes != b->n_nodes) {
        printf("\n  %d layers and %d\n", a->n_nodes, b->n_nodes);
        return false;
    }
    for (int i = 0; i < a->n_nodes; i++) {
        int k = thaw_graph_find(b, a->nodes[i].name);
        const char *what = k < 0 ? "absent" : node_differs(a, &a->nodes[i], b, &b->nodes[k]);
        if (what) {
            printf("\n  layer %s: %s\n", a->nodes[i].name, what);
            return false;
        }
    }
    return !strcmp(a->nodes[a->output].name, b->nodes[b->output].name);
}

void thaw_net_pool(struct thaw_shape s, const float *map, float *pooled, size_t n)
{
    size_t cells = (size_t)s.h * (size_t)s.w, channels = (size_t)s.c;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = 0; k < cells; k++)
            sum += (double)map[k * channels + i * channels / n];
        pooled[i] = (float)(sum / (double)cells);
    }
}

struct thaw_graph *thaw_net_round_trip(const struct thaw_graph *graph, const char *name)
{
    struct thaw_error err = {0};
    const char *path = thaw_tmp(name);
    struct thaw_graph *back = NULL;
    struct thaw_keras_file *in = NULL, *out = thaw_keras_create(&err);
    if (out && thaw_model_to_keras(graph, out, &err) == 0 && thaw_keras_save(path, out, &err) == 0)
        in = thaw_keras_load(path, &err);
    if (in)
        back = thaw_model_from_keras(in, NULL, NULL, &err);
    if (!back)
        thaw_told(-1, &err);
    thaw_keras_free(in);
    thaw_keras_free(out);
    remove(path);
    return back;
}
