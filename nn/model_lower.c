/* Layers as every Keras reads them: activations that some version lacks, or means otherwise, and
 * layers that Keras keeps to its own networks, become small layers of equal arithmetic. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/model_config.h"

enum { MAX_STEPS = 3 };

static const struct lowering {
    const char *name;
    struct {
        const char *class_name, *config;
    } steps[MAX_STEPS];
    bool gate; /* the result times the input */
} lowerings[] = {
    {"relu6", {{"ReLU", "{\"max_value\": 6.0}"}}, false},
    {"leaky_relu", {{"LeakyReLU", "{\"alpha\": 0.2}"}}, false},
    {"hard_sigmoid",
     {{"Rescaling", "{\"scale\": 0.2, \"offset\": 0.5}"}, {"ReLU", "{\"max_value\": 1.0}"}},
     false},
    {"hard_sigmoid_3",
     {{"Rescaling", "{\"scale\": 1.0, \"offset\": 3.0}"},
      {"ReLU", "{\"max_value\": 6.0}"},
      {"Rescaling", "{\"scale\": 0.16666666666666666, \"offset\": 0.0}"}},
     false},
    {"hard_swish",
     {{"Rescaling", "{\"scale\": 1.0, \"offset\": 3.0}"},
      {"ReLU", "{\"max_value\": 6.0}"},
      {"Rescaling", "{\"scale\": 0.16666666666666666, \"offset\": 0.0}"}},
     true},
    {"mish",
     {{"Activation", "{\"activation\": \"softplus\"}"},
      {"Activation", "{\"activation\": \"tanh\"}"}},
     true},
};

struct lower {
    struct thaw_graph *graph;
    struct thaw_error *err;
};

/* --- names --- */

char *thaw_model_clean_name(const char *name, struct thaw_error *err)
{
    bool prefix = !isalnum((unsigned char)name[0]) || (unsigned char)name[0] >= 128;
    char *clean = thaw_format(err, "%s%s", prefix ? "l" : "", name);
    for (char *p = clean; clean && *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c >= 128 || (!isalnum(c) && c != '_' && c != '.' && c != '-'))
            *p = '_';
    }
    return clean;
}

/* The name, or the name with a number, that no layer has yet. Keras keeps one name for itself. */
static char *free_name(const struct lower *l, const char *wanted)
{
    char *clean = thaw_model_clean_name(wanted, l->err);
    char *name = clean ? thaw_strdup(clean, l->err) : NULL;
    for (int i = 1;
         name && (thaw_graph_find(l->graph, name) >= 0 || !strcmp(name, "top_level_model_weights"));
         i++) {
        free(name);
        name = thaw_format(l->err, "%s_%d", clean, i);
    }
    free(clean);
    return name;
}

static int add(struct lower *l, const struct thaw_node *node, const char *class_name,
               const char *wanted, const int *inputs, int n, const json_t *config)
{
    char *name = free_name(l, wanted);
    int added = name ? thaw_graph_add(l->graph, class_name, name, inputs, n, config, l->err) : -1;
    if (added >= 0)
        l->graph->nodes[added].trainable = node->trainable;
    free(name);
    return added;
}

/* --- activations --- */

static const struct lowering *find_lowering(const json_t *activation)
{
    const char *name = json_string_value(activation);
    for (size_t i = 0; name && i < sizeof lowerings / sizeof *lowerings; i++)
        if (!strcmp(lowerings[i].name, name))
            return &lowerings[i];
    return NULL;
}

static bool needs_lowering(const json_t *activation)
{
    return json_is_object(activation) || find_lowering(activation);
}

/* Steps before the last one get names of their own, the last one the name itself. */
static int lower_steps(struct lower *l, const struct thaw_node *node, const char *name,
                       const struct lowering *how, int input)
{
    int at = input;
    for (int i = 0; i < MAX_STEPS && how->steps[i].class_name; i++) {
        bool last = !how->gate && (i + 1 == MAX_STEPS || !how->steps[i + 1].class_name);
        const char *text = how->steps[i].config;
        json_t *config = thaw_json_parse(text, strlen(text), how->name, l->err);
        char *step = thaw_format(l->err, last ? "%s" : "%s_part%d", name, i + 1);
        at = config && step ? add(l, node, how->steps[i].class_name, step, &at, 1, config) : -1;
        json_decref(config);
        free(step);
        if (at < 0)
            return -1;
    }
    return how->gate ? add(l, node, "Multiply", name, (int[]){input, at}, 2, NULL) : at;
}

/* An activation with numbers of its own is an object that names a layer: it becomes that layer. */
static int lower_activation(struct lower *l, const struct thaw_node *node, const char *name,
                            const json_t *activation, int input)
{
    const struct lowering *how = find_lowering(activation);
    if (how)
        return lower_steps(l, node, name, how, input);
    const char *class_name = json_string_value(json_object_get(activation, "class_name"));
    return add(l, node, class_name ? class_name : "", name, &input, 1,
               json_object_get(activation, "config"));
}

/* --- layers of Keras' own networks --- */

static double setting(const json_t *config, const char *key)
{
    return json_number_value(json_object_get(config, key));
}

/* A depthwise convolution of one cell, which trains alike. */
static int lower_layer_scale(struct lower *l, const struct thaw_node *node, const json_t *config,
                             const int *inputs)
{
    (void)config;
    if (node->shape.rank != 3)
        return thaw_fail(l->err, THAW_EINPUT,
                         "layer %s (LayerScale) on vectors cannot be written: there is no other "
                         "layer for it that every Keras reads",
                         node->name);
    json_t *depthwise = json_pack("{s:[ii], s:b}", "kernel_size", 1, 1, "use_bias", 0);
    int at = add(l, node, "DepthwiseConv2D", node->name, inputs, 1, depthwise);
    json_decref(depthwise);
    if (at >= 0)
        memcpy(l->graph->nodes[at].params[0].data, node->params[0].data,
               node->params[0].count * sizeof(float));
    return at;
}

static int lower_stochastic_depth(struct lower *l, const struct thaw_node *node,
                                  const json_t *config, const int *inputs)
{
    json_t *shape = json_pack("[n]");
    for (int i = 0; i < node->shape.rank; i++)
        json_array_append_new(shape, json_integer(1));
    json_t *dropout =
        json_pack("{s:f, s:o}", "rate", setting(config, "drop_path_rate"), "noise_shape", shape);
    int at = add(l, node, "Dropout", node->name, inputs, 1, dropout);
    json_decref(dropout);
    return at;
}

static int lower_scaled_sum(struct lower *l, const struct thaw_node *node, const json_t *config,
                            const int *inputs)
{
    json_t *rescaling = json_pack("{s:f, s:f}", "scale", setting(config, "scale"), "offset", 0.0);
    char *name = thaw_format(l->err, "%s_scaled", node->name);
    int both[2] = {inputs[0],
                   name ? add(l, node, "Rescaling", name, &inputs[1], 1, rescaling) : -1};
    json_decref(rescaling);
    free(name);
    return both[1] < 0 ? -1 : add(l, node, "Add", node->name, both, 2, NULL);
}

static const struct {
    const char *kind;
    int (*lower)(struct lower *l, const struct thaw_node *node, const json_t *config,
                 const int *inputs);
} special[] = {{"LayerScale", lower_layer_scale},
               {"StochasticDepth", lower_stochastic_depth},
               {"CustomScaleLayer", lower_scaled_sum}};

/* --- nodes --- */

int thaw_model_copy_node(struct thaw_graph *to, const struct thaw_node *node, const char *name,
                         const int *inputs, const json_t *config, struct thaw_error *err)
{
    int added = thaw_graph_add(to, node->kind->name, name, inputs, node->n_inputs, config, err);
    if (added < 0)
        return -1;
    struct thaw_node *copy = &to->nodes[added];
    copy->trainable = node->trainable;
    for (int i = 0; i < copy->n_params && i < node->n_params; i++)
        if (copy->params[i].count == node->params[i].count)
            memcpy(copy->params[i].data, node->params[i].data,
                   copy->params[i].count * sizeof(float));
    return added;
}

/* Adapted statistics go into the configuration: some versions load them wrongly as weights. */
static int move_statistics(const struct thaw_node *node, json_t *config, struct thaw_error *err)
{
    for (int i = 0; i < node->n_params && !strcmp(node->kind->name, "Normalization"); i++) {
        const struct thaw_param *p = &node->params[i];
        if (p->rank != 1)
            continue;
        json_t *list = json_array();
        int failed = !list;
        for (size_t k = 0; k < p->count && !failed; k++)
            failed = json_array_append_new(list, json_real((double)p->data[k])) < 0;
        if (failed || json_object_set(config, p->role, list) < 0) {
            json_decref(list);
            return thaw_fail(err, THAW_EMEMORY, "out of memory while writing layer %s", node->name);
        }
        json_decref(list);
    }
    return 0;
}

/* Returns the node that stands for `node`'s output. */
static int lower_node(struct lower *l, const struct thaw_node *node, const int *inputs)
{
    int result = -1;
    char *name = NULL, *act_name = NULL;
    json_t *activation = NULL, *config = thaw_model_node_config(node, l->err);
    if (!config || move_statistics(node, config, l->err) < 0)
        goto done;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (!strcmp(special[i].kind, node->kind->name)) {
            result = special[i].lower(l, node, config, inputs);
            goto done;
        }
    activation = json_incref(json_object_get(config, "activation"));
    if (needs_lowering(activation) && !strcmp(node->kind->name, "Activation")) {
        result = lower_activation(l, node, node->name, activation, inputs[0]);
        goto done;
    }
    if (needs_lowering(activation))
        json_object_set_new(config, "activation", json_string("linear"));
    name = free_name(l, node->name);
    if (!name)
        goto done;
    result = thaw_model_copy_node(l->graph, node, name, inputs, config, l->err);
    if (result >= 0 && needs_lowering(activation)) {
        act_name = thaw_format(l->err, "%s_act", node->name);
        result = act_name ? lower_activation(l, node, act_name, activation, result) : -1;
    }
done:
    free(name);
    free(act_name);
    json_decref(activation);
    json_decref(config);
    return result;
}

struct thaw_graph *thaw_model_lower(const struct thaw_graph *graph, struct thaw_error *err)
{
    struct lower l = {.err = err, .graph = thaw_graph_create(graph->name, err)};
    int *map = thaw_new((size_t)graph->n_nodes, sizeof *map, err);
    int *inputs = NULL, failed = !l.graph || !map;
    for (int i = 0; i < graph->n_nodes && !failed; i++) {
        const struct thaw_node *node = &graph->nodes[i];
        inputs = thaw_new((size_t)node->n_inputs, sizeof *inputs, err);
        for (int k = 0; inputs && k < node->n_inputs; k++)
            inputs[k] = map[node->inputs[k]];
        map[i] = inputs ? lower_node(&l, node, inputs) : -1;
        failed = map[i] < 0;
        free(inputs);
    }
    if (!failed)
        l.graph->output = map[graph->output];
    free(map);
    if (failed) {
        thaw_graph_free(l.graph);
        return NULL;
    }
    return l.graph;
}
