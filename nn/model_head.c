#include <string.h>

#include "io/base/mem.h"
#include "nn/model_config.h"

/* --- where the features are --- */

static const struct thaw_node *node_at(const struct thaw_graph *graph, int i)
{
    return &graph->nodes[i];
}

static bool is(const struct thaw_node *node, const char *kind)
{
    return !strcmp(node->kind->name, kind);
}

static bool global_pool(const struct thaw_node *node)
{
    return is(node, "GlobalAveragePooling2D") || is(node, "GlobalMaxPooling2D");
}

static bool single(struct thaw_shape s)
{
    return s.h == 1 && s.w == 1;
}

static bool is_softmax(const struct thaw_node *node)
{
    json_t *config = thaw_model_node_config(node, NULL);
    const char *activation = json_string_value(json_object_get(config, "activation"));
    bool yes = is(node, "Softmax") || (activation && !strcmp(activation, "softmax"));
    json_decref(config);
    return yes;
}

static bool flattens(const struct thaw_graph *graph, const struct thaw_node *node)
{
    return (is(node, "Flatten") || is(node, "Reshape")) && node->shape.rank == 1 &&
           node_at(graph, node->inputs[0])->shape.rank == 3;
}

/* Does the node, one of a chain that ends in the output, take a feature map apart into a vector: a
 * global pooling, or a Flatten or pooling of the whole map? */
static bool collapses(const struct thaw_graph *graph, const struct thaw_node *node)
{
    struct thaw_shape in = node_at(graph, node->inputs[0])->shape;
    if (global_pool(node))
        return true;
    if (in.rank != 3 || single(in))
        return false;
    return flattens(graph, node) || (is(node, "AveragePooling2D") && single(node->shape));
}

/* SqueezeNet's way: the classifier is a convolution, and pooling comes after it. */
static int before_classifier(const struct thaw_graph *graph, int i)
{
    for (int k = i; node_at(graph, k)->n_inputs == 1; k = node_at(graph, k)->inputs[0]) {
        const struct thaw_node *node = node_at(graph, k);
        if (is(node, "Conv2D"))
            return node->inputs[0];
        if (!is(node, "Activation") && !is(node, "ReLU") && !is(node, "Dropout") &&
            !is(node, "BatchNormalization"))
            break;
    }
    return i;
}

static int before_dropout(const struct thaw_graph *graph, int i)
{
    while (is(node_at(graph, i), "Dropout"))
        i = node_at(graph, i)->inputs[0];
    return i;
}

/* Walks from the output down the chain of layers with one input to where a map becomes a vector. A
 * Flatten of a map of one cell only counts when no pooling stands before it. */
int thaw_model_feature_node(const struct thaw_graph *graph)
{
    bool weights = false, softmax = false;
    int found = graph->output;
    for (int i = graph->output; node_at(graph, i)->n_inputs == 1;
         i = node_at(graph, i)->inputs[0]) {
        const struct thaw_node *node = node_at(graph, i);
        if (collapses(graph, node)) {
            found = node->inputs[0];
            if (softmax && !weights)
                found = before_classifier(graph, found);
            break;
        }
        if (flattens(graph, node))
            found = node->inputs[0];
        softmax |= is_softmax(node);
        weights |= node->n_params > 0;
    }
    return before_dropout(graph, found);
}

/* --- a new head --- */

static int add(struct thaw_graph *graph, const char *class_name, const char *name, int input,
               json_t *config, struct thaw_error *err)
{
    int node = config ? thaw_graph_add(graph, class_name, name, &input, 1, config, err)
                      : thaw_fail(err, THAW_EMEMORY, "out of memory while building the head");
    json_decref(config);
    return node;
}

/* A graph that was given a head before keeps no trace of it: the names are free again. */
int thaw_model_replace_head(struct thaw_graph *graph, int classes, const char *activation,
                            float dropout, uint64_t seed, struct thaw_error *err)
{
    int feature = thaw_model_feature_node(graph);
    struct thaw_shape shape = node_at(graph, feature)->shape;
    bool cut = false;
    bool *cuts = thaw_new((size_t)graph->n_nodes, sizeof *cuts, err);
    if (!cuts)
        return -1;
    int failed = thaw_graph_cuts(graph, cuts, err);
    cut = cuts[feature];
    free(cuts);
    if (failed < 0)
        return -1;
    if (!cut || shape.rank == 2)
        return thaw_fail(err, THAW_EINPUT,
                         "no place for a head: the output of layer %s, where one would be put, is "
                         "not all that the network's output depends on",
                         node_at(graph, feature)->name);
    thaw_graph_truncate(graph, feature + 1, feature);
    int last = feature;
    if (shape.rank == 3)
        last = add(graph, "GlobalAveragePooling2D", "thaw_pool", last, json_object(), err);
    if (last >= 0)
        last = add(graph, "Dropout", "thaw_dropout", last,
                   json_pack("{s:f}", "rate", (double)dropout), err);
    if (last >= 0)
        last = add(graph, "Dense", "thaw_logits", last,
                   json_pack("{s:i, s:s}", "units", classes, "activation", activation), err);
    if (last < 0)
        return -1;
    thaw_graph_init(graph, feature + 1, seed);
    return feature + 1;
}
