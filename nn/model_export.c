#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/model_config.h"

/* Versions of the files that Thaw writes: a dialect that Keras 2.6 to 2.21 and Keras 3 read. */
static const char DIALECT[] = "2.15.0";

static int no_memory(struct thaw_error *err)
{
    return thaw_fail(err, THAW_EMEMORY, "out of memory while writing the model's configuration");
}

/* --- configuration --- */

/* Keys that a kind only checks are not written, but data_format has no fixed default in Keras. */
static bool has_data_format(const struct thaw_layer_kind *kind)
{
    for (const struct thaw_field *f = kind->fields; f->type != THAW_FIELD_END; f++)
        if (!strcmp(f->key, "data_format"))
            return true;
    return false;
}

static json_t *layer_config(const struct thaw_node *node, struct thaw_error *err)
{
    json_t *fields = thaw_model_node_config(node, err);
    json_t *config = json_pack("{s:s, s:b, s:s}", "name", node->name, "trainable",
                               (int)node->trainable, "dtype", "float32");
    bool input = !strcmp(node->kind->name, "InputLayer");
    int failed = !fields || !config;
    if (fields && !config)
        no_memory(err);
    if (!failed && input)
        failed = json_object_del(config, "trainable") < 0 ||
                 json_object_set_new(config, "sparse", json_false()) < 0;
    if (!failed && has_data_format(node->kind))
        failed = json_object_set_new(config, "data_format", json_string("channels_last")) < 0;
    if (!failed)
        failed = json_object_update(config, fields) < 0;
    json_decref(fields);
    if (!failed)
        return config;
    json_decref(config);
    return NULL;
}

static json_t *inbound(const struct thaw_graph *graph, const struct thaw_node *node)
{
    json_t *call = json_array();
    for (int i = 0; i < node->n_inputs; i++)
        json_array_append_new(call,
                              json_pack("[s, i, i, {}]", graph->nodes[node->inputs[i]].name, 0, 0));
    return node->n_inputs ? json_pack("[o]", call) : call;
}

static json_t *layer(const struct thaw_graph *graph, const struct thaw_node *node,
                     struct thaw_error *err)
{
    json_t *config = layer_config(node, err);
    if (!config)
        return NULL;
    json_t *entry = json_pack("{s:s, s:s, s:o, s:o}", "class_name", node->kind->name, "name",
                              node->name, "config", config, "inbound_nodes", inbound(graph, node));
    if (!entry)
        no_memory(err);
    return entry;
}

/* "Model", because the oldest readers do not know "Functional". */
static json_t *model_config(const struct thaw_graph *graph, const int *order,
                            struct thaw_error *err)
{
    json_t *layers = json_array();
    for (int i = 0; i < graph->n_nodes; i++) {
        json_t *entry = layer(graph, &graph->nodes[order[i]], err);
        if (!entry || json_array_append_new(layers, entry) < 0) {
            json_decref(layers);
            return NULL;
        }
    }
    char *name = thaw_model_clean_name(graph->name, err);
    json_t *config = json_pack("{s:s, s:{s:s, s:o, s:[[sii]], s:[[sii]]}}", "class_name", "Model",
                               "config", "name", name ? name : "model", "layers", layers,
                               "input_layers", graph->nodes[order[0]].name, 0, 0, "output_layers",
                               graph->nodes[graph->output].name, 0, 0);
    free(name);
    if (!config)
        no_memory(err);
    return config;
}

/* --- weights --- */

static int add_group(struct thaw_keras_file *file, const struct thaw_node *node,
                     struct thaw_error *err)
{
    struct thaw_keras_group *group = thaw_keras_add_group(file, node->name, err);
    if (!group)
        return -1;
    for (int i = 0; i < node->n_params; i++) {
        const struct thaw_param *p = &node->params[i];
        char *name = thaw_format(err, "%s/%s:0", node->name, p->role);
        int failed =
            name ? thaw_keras_add_tensor(file, group, name, p->dims, p->rank, p->data, err) : -1;
        free(name);
        if (failed < 0)
            return -1;
    }
    return 0;
}

int thaw_model_to_keras(const struct thaw_graph *graph, struct thaw_keras_file *file,
                        struct thaw_error *err)
{
    int failed = -1;
    int *order = NULL;
    char *version = NULL;
    struct thaw_graph *flat = thaw_model_lower(graph, err);
    if (!flat)
        return -1;
    order = thaw_new((size_t)flat->n_nodes, sizeof *order, err);
    version = thaw_strdup(DIALECT, err);
    if (!order || !version || thaw_graph_keras_order(flat, order, err) < 0)
        goto done;
    json_decref(file->config);
    file->config = model_config(flat, order, err);
    if (!file->config)
        goto done;
    for (int i = 0; i < flat->n_nodes; i++)
        if (add_group(file, &flat->nodes[order[i]], err) < 0)
            goto done;
    free(file->keras_version);
    file->keras_version = version;
    file->keras_major = 2;
    version = NULL;
    failed = 0;
done:
    thaw_graph_free(flat);
    free(order);
    free(version);
    return failed;
}
