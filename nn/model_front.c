/* Preprocessing as layers in front of a network. */
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/model_config.h"

static int add(struct thaw_graph *graph, const char *class_name, const char *name, int input,
               json_t *config, struct thaw_error *err)
{
    int node = config ? thaw_graph_add(graph, class_name, name, &input, 1, config, err)
                      : thaw_fail(err, THAW_EMEMORY, "out of memory while adding %s", name);
    json_decref(config);
    if (node >= 0)
        graph->nodes[node].trainable = false;
    return node;
}

/* A 1x1 convolution whose kernel [1,1,3,3] turns red, green, blue round: exact in every format. */
static int add_swap(struct thaw_graph *graph, int input, struct thaw_error *err)
{
    json_t *config = json_pack("{s:i, s:[ii], s:s, s:b}", "filters", 3, "kernel_size", 1, 1,
                               "padding", "valid", "use_bias", 0);
    int node = add(graph, "Conv2D", "thaw_bgr", input, config, err);
    for (int i = 0; node >= 0 && i < 3; i++)
        graph->nodes[node].params[0].data[i * 3 + (2 - i)] = 1;
    return node;
}

/* One number where all three agree: the form that every version reads. */
static json_t *numbers(const float v[3])
{
    if (v[0] == v[1] && v[1] == v[2])
        return json_real((double)v[0]);
    return json_pack("[fff]", (double)v[0], (double)v[1], (double)v[2]);
}

static int add_front(struct thaw_graph *graph, int input, const float scale[3],
                     const float offset[3], bool bgr, struct thaw_error *err)
{
    bool scales = false;
    for (int i = 0; i < 3; i++)
        scales |= scale[i] != 1 || offset[i] != 0;
    if (graph->nodes[input].shape.rank != 3 || graph->nodes[input].shape.c != 3)
        return thaw_fail(err, THAW_EUSAGE,
                         "preprocessing layers need an input of three channels, %s has %d",
                         graph->nodes[input].name, graph->nodes[input].shape.c);
    int last = bgr ? add_swap(graph, input, err) : input;
    if (last < 0 || !scales)
        return last;
    return add(graph, "Rescaling", "thaw_rescaling", last,
               json_pack("{s:o, s:o}", "scale", numbers(scale), "offset", numbers(offset)), err);
}

static int copy(struct thaw_graph *to, const struct thaw_node *node, const int *map,
                struct thaw_error *err)
{
    json_t *config = thaw_model_node_config(node, err);
    int *inputs = thaw_new((size_t)node->n_inputs, sizeof *inputs, err);
    int added = -1;
    if (config && inputs) {
        for (int k = 0; k < node->n_inputs; k++)
            inputs[k] = map[node->inputs[k]];
        added = thaw_model_copy_node(to, node, node->name, inputs, config, err);
    }
    json_decref(config);
    free(inputs);
    return added;
}

struct thaw_graph *thaw_model_with_preprocessing(const struct thaw_graph *graph,
                                                 const float scale[3], const float offset[3],
                                                 bool bgr, struct thaw_error *err)
{
    struct thaw_graph *to = thaw_graph_create(graph->name, err);
    int *map = thaw_new((size_t)graph->n_nodes, sizeof *map, err);
    int failed = !to || !map;
    for (int i = 0; i < graph->n_nodes && !failed; i++) {
        map[i] = copy(to, &graph->nodes[i], map, err);
        if (i == 0 && map[0] >= 0)
            map[0] = add_front(to, map[0], scale, offset, bgr, err);
        failed = map[i] < 0;
    }
    if (!failed)
        to->output = map[graph->output];
    free(map);
    if (failed) {
        thaw_graph_free(to);
        return NULL;
    }
    return to;
}
