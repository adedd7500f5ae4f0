/* The network as data: nodes in topological order, configuration, shapes, weights. No arithmetic
 * here. */
#ifndef THAW_NN_GRAPH_H
#define THAW_NN_GRAPH_H

#include <stdint.h>

#include "nn/layer.h"

struct thaw_node {
    char *name; /* unique */
    const struct thaw_layer_kind *kind;
    void *conf;  /* of kind->conf_size, read through kind->fields */
    int *inputs; /* node numbers, all smaller than this node's own */
    int n_inputs;
    struct thaw_shape shape; /* of the output */
    struct thaw_param params[THAW_MAX_PARAMS];
    int n_params;
    bool trainable; /* Keras' flag; what a stage trains is decided by it */
};

/* One input (node 0, kind InputLayer) and one output. */
struct thaw_graph {
    char *name;
    struct thaw_node *nodes;
    int n_nodes;
    size_t capacity;
    int output;
    bool lean; /* kernels get no memory when their node is added: they stay in a file */
};

struct thaw_graph *thaw_graph_create(const char *name, struct thaw_error *err);
void thaw_graph_free(struct thaw_graph *graph);

/* Adds a node, reads its configuration, infers shape and weights (zeroed; see thaw_graph_init). The
 * new node becomes the output. Returns its number or -1; the error names the layer. `config` is
 * borrowed and may be NULL for "all presets". */
int thaw_graph_add(struct thaw_graph *graph, const char *class_name, const char *name,
                   const int *inputs, int n_inputs, const json_t *config, struct thaw_error *err);

/* For weights of a lean graph that are left in a file, others are left alone: reads them to memory
 * of their own, or, when there is a `room`, to *room, which moves on behind them; thaw_param_drop
 * forgets these. */
int thaw_param_take(struct thaw_param *param, float **room, struct thaw_error *err);
void thaw_param_drop(struct thaw_param *param);

int thaw_graph_find(const struct thaw_graph *graph, const char *name); /* -1 if absent */

/* Drops every node from `first` on; the node before the removed ones that fed them (node `output`)
 * becomes the output. For replacing a head: output < first. */
void thaw_graph_truncate(struct thaw_graph *graph, int first, int output);

/* Fills the weights of nodes first .. n_nodes-1 as Keras initialises them; the stream is keyed by
 * seed and the node's name, so the same layer gets the same numbers wherever it stands. */
void thaw_graph_init(struct thaw_graph *graph, int first, uint64_t seed);

/* cuts[i] is true when every path from input to output passes through node i. [n_nodes] */
int thaw_graph_cuts(const struct thaw_graph *graph, bool *cuts, struct thaw_error *err);

/* Order of the nodes in Keras' model.layers for this graph: by depth, then order of first visit
 * (map_graph_network of Keras functional.py). order[n_nodes] */
int thaw_graph_keras_order(const struct thaw_graph *graph, int *order, struct thaw_error *err);

size_t thaw_graph_param_count(const struct thaw_graph *graph, bool trainable_only);

#endif
