#include "tests/train_net.h"

#include <string.h>

#include "io/base/mem.h"
#include "tests/check.h"

/* Adds a layer that reads node `from` (and `other`, where that is no -1); text: its config. */
static int add(struct thaw_graph *graph, const char *kind, const char *name, int from, int other,
               const char *text, struct thaw_error *err)
{
    int inputs[2] = {from, other}, n = from < 0 ? 0 : other < 0 ? 1 : 2;
    json_t *config = json_loads(text, 0, NULL);
    int node = thaw_graph_add(graph, kind, name, inputs, n, config, err);
    json_decref(config);
    return node;
}

static const struct {
    const char *kind, *name, *other, *config;
} layers[] = {
    {"Conv2D", "conv1", NULL,
     "{\"filters\": 16, \"kernel_size\": 3, \"padding\": \"same\", \"use_bias\": false}"},
    {"BatchNormalization", "bn1", NULL, "{\"momentum\": 0.9}"},
    {"ReLU", "relu1", NULL, "{\"max_value\": 6.0}"},
    {"DepthwiseConv2D", "dw", NULL,
     "{\"kernel_size\": 5, \"padding\": \"same\", \"use_bias\": false}"},
    {"BatchNormalization", "bn2", NULL, "{\"momentum\": 0.9}"},
    {"ReLU", "relu2", NULL, "{\"max_value\": 6.0}"},
    {"Conv2D", "conv2", NULL, "{\"filters\": 16, \"kernel_size\": 1, \"use_bias\": false}"},
    {"BatchNormalization", "bn3", NULL, "{\"momentum\": 0.9}"},
    {"Add", "add", "relu1", "{}"},
    {"Conv2D", "conv3", NULL,
     "{\"filters\": 24, \"kernel_size\": 3, \"strides\": 2, \"padding\": \"same\","
     " \"activation\": \"relu\"}"},
    {"GlobalAveragePooling2D", "pool", NULL, "{}"},
    {"Dense", "logits", NULL, "{\"units\": 3, \"activation\": \"softmax\"}"},
};

struct thaw_graph *train_net_create(int side, uint64_t seed)
{
    struct thaw_error err = {0};
    char shape[80];
    struct thaw_graph *graph = thaw_graph_create("small", &err);
    snprintf(shape, sizeof shape, "{\"batch_input_shape\": [null, %d, %d, 8]}", side, side);
    int last = graph ? add(graph, "InputLayer", "in", -1, -1, shape, &err) : -1;
    for (size_t i = 0; last >= 0 && i < sizeof layers / sizeof *layers; i++) {
        int other = layers[i].other ? thaw_graph_find(graph, layers[i].other) : -1;
        last = add(graph, layers[i].kind, layers[i].name, last, other, layers[i].config, &err);
    }
    if (thaw_told(last < 0 ? -1 : 0, &err)) {
        thaw_graph_free(graph);
        return NULL;
    }
    thaw_graph_init(graph, 0, seed);
    return graph;
}

int train_net_head(const struct thaw_graph *graph)
{
    return thaw_graph_find(graph, "pool");
}

struct thaw_blocks train_net_blocks(const struct thaw_graph *graph)
{
    struct thaw_blocks blocks = {.n = 3, .starts = thaw_new(3, sizeof(int), NULL)};
    blocks.starts[0] = thaw_graph_find(graph, "conv1");
    blocks.starts[1] = thaw_graph_find(graph, "dw");
    blocks.starts[2] = thaw_graph_find(graph, "conv3");
    return blocks;
}

size_t train_net_count(const struct thaw_graph *graph)
{
    return thaw_graph_param_count(graph, false);
}

void train_net_get(const struct thaw_graph *graph, float *weights)
{
    for (int i = 0; i < graph->n_nodes; i++)
        for (int k = 0; k < graph->nodes[i].n_params; k++) {
            const struct thaw_param *p = &graph->nodes[i].params[k];
            memcpy(weights, p->data, p->count * sizeof *weights);
            weights += p->count;
        }
}

void train_net_set(struct thaw_graph *graph, const float *weights)
{
    for (int i = 0; i < graph->n_nodes; i++)
        for (int k = 0; k < graph->nodes[i].n_params; k++) {
            struct thaw_param *p = &graph->nodes[i].params[k];
            memcpy(p->data, weights, p->count * sizeof *weights);
            weights += p->count;
        }
}
