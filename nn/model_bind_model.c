/* Whole-model files: every group belongs to the layer of its name, and stands where that layer
 * stands in Keras' order; inside a group position counts. */
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/model_bind.h"

enum part { TRAINABLE, REST, ALL };

struct binding {
    struct thaw_graph *graph;
    int major;
    struct thaw_error *err;
};

static int want_layer(const struct binding *b, const struct thaw_config_layer *l, enum part part,
                      struct thaw_wants *wants)
{
    if (l->node < 0)
        return 0;
    struct thaw_node *node = &b->graph->nodes[l->node];
    for (int i = 0; i < node->n_params; i++) {
        bool trainable = l->trainable && node->params[i].trainable;
        if (part != ALL && trainable != (part == TRAINABLE))
            continue;
        if (thaw_wants_add(wants, node, &node->params[i], l->name, b->err) < 0)
            return -1;
    }
    return 0;
}

/* The flat list of a model that is used as a layer: first what trains, then the rest, both in layer
 * order. Keras 3 goes by the model's own flag and, when that is false, simply layer by layer. */
static int want_model(const struct binding *b, const struct thaw_config_model *model,
                      enum part part, struct thaw_wants *wants)
{
    if (part != ALL && b->major >= 3 && !model->trainable) {
        if (part == TRAINABLE)
            return 0;
        part = ALL;
    }
    for (int i = 0; i < model->n_layers; i++) {
        const struct thaw_config_layer *l = &model->layers[model->order[i]];
        int failed =
            l->model ? want_model(b, l->model, part, wants) : want_layer(b, l, part, wants);
        if (failed < 0)
            return -1;
    }
    return 0;
}

static int want_group(const struct binding *b, const struct thaw_config_layer *l,
                      struct thaw_wants *wants)
{
    if (!l->model)
        return want_layer(b, l, ALL, wants);
    if (want_model(b, l->model, TRAINABLE, wants) < 0)
        return -1;
    return want_model(b, l->model, REST, wants);
}

/* Groups with weights that no layer claimed, and groups out of the model's order. */
static void check_groups(const struct thaw_keras_file *file, const int *layer_of_group,
                         struct thaw_problems *problems)
{
    int before = -1;
    for (size_t i = 0; i < file->n_groups; i++) {
        const struct thaw_keras_group *group = &file->groups[i];
        char text[300];
        if (!group->n_tensors)
            continue;
        if (layer_of_group[i] < 0) {
            snprintf(text, sizeof text,
                     "group %.80s holds %zu tensors but the model has no layer with weights of "
                     "that name",
                     group->name, group->n_tensors);
            thaw_problem(problems, text);
        } else if (layer_of_group[i] < before) {
            snprintf(text, sizeof text,
                     "group %.80s does not stand where its layer stands in the model, so names "
                     "and positions contradict each other",
                     group->name);
            thaw_problem(problems, text);
        } else {
            before = layer_of_group[i];
        }
    }
}

/* Finds the layer's group and binds it. */
static int bind_layer(const struct binding *b, const struct thaw_keras_file *file,
                      const struct thaw_config_layer *l, int place, int *layer_of_group,
                      struct thaw_problems *problems, struct thaw_bound *bound)
{
    struct thaw_wants wants = {0};
    int failed = want_group(b, l, &wants);
    if (failed < 0 || !wants.n)
        goto done;
    const struct thaw_keras_group *group = thaw_keras_find(file, l->name);
    if (!group) {
        char text[200];
        snprintf(text, sizeof text, "layer %.100s needs %zu tensors, the file has no such group",
                 l->name, wants.n);
        thaw_problem(problems, text);
        goto done;
    }
    layer_of_group[group - file->groups] = place;
    failed = thaw_bind_group(&wants, l->name, group, problems, bound, b->err);
done:
    thaw_wants_release(&wants);
    return failed < 0 ? -1 : 0;
}

int thaw_bind_model(const struct thaw_keras_file *file, const struct thaw_config_model *model,
                    struct thaw_graph *graph, struct thaw_model_notes *notes,
                    struct thaw_error *err)
{
    struct binding b = {.graph = graph, .major = file->keras_major, .err = err};
    struct thaw_problems problems = {.text = ""};
    struct thaw_bound bound = {0};
    int failed = -1;
    int *layer_of_group = thaw_new(file->n_groups, sizeof *layer_of_group, err);
    if (!layer_of_group)
        return -1;
    for (size_t i = 0; i < file->n_groups; i++)
        layer_of_group[i] = -1;
    for (int i = 0; i < model->n_layers; i++) {
        const struct thaw_config_layer *l = &model->layers[model->order[i]];
        if (bind_layer(&b, file, l, i, layer_of_group, &problems, &bound) < 0)
            goto done;
    }
    check_groups(file, layer_of_group, &problems);
    failed = thaw_problems_fail(&problems, err);
    if (failed == 0) {
        size_t layers = 0;
        for (int i = 0; i < graph->n_nodes; i++)
            layers += graph->nodes[i].n_params > 0;
        thaw_bound_note(&bound, layers, notes);
    }
done:
    free(layer_of_group);
    return failed;
}
