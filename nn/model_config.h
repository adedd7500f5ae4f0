/* A Keras model_config as a tree: models within models, their layers, who feeds whom. Inside nn
 * only.
 *
 * Reads what Keras 1, 2 and 3 write into legacy .h5 files (Functional, Model, Sequential). Networks
 * with several inputs or outputs, layers that are called more than once, and layers that would run
 * Python code are refused by name. */
#ifndef THAW_NN_MODEL_CONFIG_H
#define THAW_NN_MODEL_CONFIG_H

#include "nn/graph.h"
#include "nn/model.h"

struct thaw_config_model;

struct thaw_config_layer {
    const char *name;       /* borrowed from the JSON, or a literal */
    const char *class_name; /* the same */
    json_t *config;         /* own reference; keys of the layer alone; NULL for a nested model */
    bool trainable;
    int *inputs, n_inputs;           /* layers of the same model, all before this one */
    struct thaw_config_model *model; /* a model used as a layer, or NULL */
    int node;          /* in the flat graph after thaw_config_unroll; -1: no node of its own */
    bool merged;       /* part of what another layer does: no node of its own; model_fuse.c */
    const char **refs; /* names of the inputs while reading */
    size_t refs_capacity;
    bool operation;         /* while reading: arithmetic, whose arguments may be numbers */
    const json_t *constant; /* that argument: a number, or one for each channel; borrowed */
    int n_constants;
    bool constant_first;
};

struct thaw_config_model {
    const char *name;
    bool trainable; /* the model's own flag; true when it has none */
    struct thaw_config_layer *layers;
    int n_layers;
    size_t capacity;
    int input, output;
    bool has_shape;          /* of one input picture; sides that are free are 0 */
    int shape[3];            /* height, width, channels */
    const json_t *bad_shape; /* what the file has instead, for the error text; borrowed */
    int *order;              /* Keras' model.layers, [n_layers] */
    bool lean;               /* for the flat graph */
};

/* The JSON must outlive the tree. `major` is that of the Keras that wrote it. */
struct thaw_config_model *thaw_config_read(const json_t *config, int major, struct thaw_error *err);
void thaw_config_free(struct thaw_config_model *model);

/* For the reader: the text of a key, or "". */
const char *thaw_config_text(const json_t *object, const char *key);

/* For the reader: who feeds the layer, from inbound_nodes of either dialect. Arguments that are
 * numbers are taken only from operations. */
int thaw_config_calls(struct thaw_config_layer *l, const json_t *calls, struct thaw_error *err);

/* For the reader: arithmetic on outputs of layers ("x + 3.0", "x * y"), which Keras 2 records as
 * TFOpLambda and Keras 3 as an operation without a layer's keys, and a few functions that Keras'
 * own networks wrapped into a Lambda. Each becomes the layer that does the same; all others are
 * refused by name. */
bool thaw_config_is_operation(const struct thaw_config_layer *l, const json_t *config);
int thaw_config_operation(struct thaw_config_layer *l, const json_t *config, const json_t *calls,
                          struct thaw_error *err);

/* For the reader: turns names of inputs into numbers, puts the layers into an order in which they
 * can run, and finds Keras' own order. */
int thaw_config_link(struct thaw_config_model *model, struct thaw_error *err);

/* For the reader: layers that together are one activation, x relu6(x + 3) / 6 or its gate alone,
 * become it. */
int thaw_config_fuse(struct thaw_config_model *model, struct thaw_error *err);

/* The flat graph for pictures of this size; sets `node` all over the tree. Layers that are the
 * identity at inference are left out and noted. */
struct thaw_graph *thaw_config_unroll(struct thaw_config_model *model, const int shape[3],
                                      struct thaw_model_notes *notes, struct thaw_error *err);

/* Copies the tensors of a whole-model file into the graph that was unrolled from its tree. */
int thaw_bind_model(const struct thaw_keras_file *file, const struct thaw_config_model *model,
                    struct thaw_graph *graph, struct thaw_model_notes *notes,
                    struct thaw_error *err);

/* Copies the tensors of a weights-only file into a graph that was built. */
int thaw_bind_weights(const struct thaw_keras_file *file, struct thaw_graph *graph,
                      struct thaw_model_notes *notes, struct thaw_error *err);

/* The same two for files whose groups are called by class and number (file->by_path); `model` is
 * NULL for a graph that was built. */
int thaw_bind_paths(const struct thaw_keras_file *file, const struct thaw_config_model *model,
                    struct thaw_graph *graph, struct thaw_model_notes *notes,
                    struct thaw_error *err);

/* How many classes the last layer with weights of a built graph has in such a file; 0: the file has
 * no such layer. -1 on failure. */
int thaw_paths_classes(const struct thaw_keras_file *file, const struct thaw_graph *graph,
                       struct thaw_error *err);

/* A node's configuration as JSON, as its fields write it; no name, no flags. NULL on failure. */
json_t *thaw_model_node_config(const struct thaw_node *node, struct thaw_error *err);

/* Adds to `to` a node with this name, the configuration, flags and weights of `node`; `inputs` are
 * numbers in `to`. Returns its number or -1. */
int thaw_model_copy_node(struct thaw_graph *to, const struct thaw_node *node, const char *name,
                         const int *inputs, const json_t *config, struct thaw_error *err);

/* The same arithmetic in layers that every Keras reads, under names that it takes. */
struct thaw_graph *thaw_model_lower(const struct thaw_graph *graph, struct thaw_error *err);

/* Adds a line; a full memory loses it silently, since notes are only for reading. */
void thaw_model_note(struct thaw_model_notes *notes, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The name of a layer as every Keras takes it: [A-Za-z0-9_.-], a letter or digit first. Returns a
 * new string. */
char *thaw_model_clean_name(const char *name, struct thaw_error *err);

#endif
