/* '.weights.h5' and '.keras': layers are called by class and number, counted in Keras' order within
 * their model, "conv2d", "conv2d_1", "functional/conv2d". */
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/model_bind.h"

struct binding {
    const struct thaw_keras_file *file;
    struct thaw_graph *graph;
    bool *used; /* [file->n_groups] */
    struct thaw_problems problems;
    struct thaw_bound bound;
    size_t layers;
    struct thaw_error *err;
};

/* --- paths --- */

/* "ABOVE/dense_2" for number 2. */
static char *make_path(const char *above, const char *class_name, int number,
                       struct thaw_error *err)
{
    char kind[64];
    thaw_layer_snake(class_name, kind);
    const char *stroke = *above ? "/" : "";
    return number ? thaw_format(err, "%s%s%s_%d", above, stroke, kind, number)
                  : thaw_format(err, "%s%s%s", above, stroke, kind);
}

/* How many layers of the same class stand before this one. */
static int number_in_model(const struct thaw_config_model *model, int place)
{
    int number = 0;
    const char *class_name = model->layers[model->order[place]].class_name;
    for (int i = 0; i < place; i++)
        number += !strcmp(model->layers[model->order[i]].class_name, class_name);
    return number;
}

/* The model within a family's network that holds the layer; -1: the network itself. */
static int model_of(const struct thaw_arch *arch, const struct thaw_node *node)
{
    for (int i = 0; arch && arch->nested && arch->nested[i]; i++)
        if (thaw_arch_name_like(node->name, arch->nested[i]))
            return i;
    return -1;
}

/* Of the node at this place of Keras' order. */
static char *path_in_graph(const struct thaw_graph *graph, const struct thaw_arch *arch,
                           const int *order, int place, struct thaw_error *err)
{
    const struct thaw_node *node = &graph->nodes[order[place]];
    int number = 0, inner = model_of(arch, node);
    for (int i = 0; i < place; i++) {
        const struct thaw_node *before = &graph->nodes[order[i]];
        number += before->kind == node->kind && model_of(arch, before) == inner;
    }
    char *above = inner < 0 ? thaw_strdup("", err) : make_path("", "Sequential", inner, err);
    char *path = above ? make_path(above, node->kind->name, number, err) : NULL;
    free(above);
    return path;
}

/* --- binding --- */

/* `node` NULL: a layer that the graph leaves out, whose weights are of no use. */
static int bind_path(struct binding *b, const char *path, struct thaw_node *node)
{
    const struct thaw_keras_group *group = thaw_keras_find(b->file, path);
    struct thaw_wants wants = {0};
    char text[240];
    int failed = 0;
    if (group)
        b->used[group - b->file->groups] = true;
    if (!node || !node->n_params)
        return 0;
    b->layers++;
    if (!group) {
        snprintf(text, sizeof text, "layer %.80s needs %d tensors, the file has no group %.80s",
                 node->name, node->n_params, path);
        thaw_problem(&b->problems, text);
        return 0;
    }
    for (int i = 0; !failed && i < node->n_params; i++)
        failed = thaw_wants_add(&wants, node, &node->params[i], path, b->err);
    if (!failed)
        failed = thaw_bind_group(&wants, node->name, group, &b->problems, &b->bound, b->err);
    thaw_wants_release(&wants);
    return failed;
}

static int bind_config(struct binding *b, const struct thaw_config_model *model, const char *above)
{
    int failed = 0;
    for (int i = 0; !failed && i < model->n_layers; i++) {
        const struct thaw_config_layer *l = &model->layers[model->order[i]];
        char *path = make_path(above, l->class_name, number_in_model(model, i), b->err);
        if (!path)
            return -1;
        failed = l->model ? bind_config(b, l->model, path)
                          : bind_path(b, path, l->node < 0 ? NULL : &b->graph->nodes[l->node]);
        free(path);
    }
    return failed;
}

static int bind_built(struct binding *b)
{
    const struct thaw_arch *arch = thaw_arch_of(b->graph);
    int failed = -1, *order = thaw_new((size_t)b->graph->n_nodes, sizeof *order, b->err);
    if (order && thaw_graph_keras_order(b->graph, order, b->err) == 0)
        failed = 0;
    for (int i = 0; !failed && i < b->graph->n_nodes; i++) {
        struct thaw_node *node = &b->graph->nodes[order[i]];
        if (!node->n_params)
            continue;
        char *path = path_in_graph(b->graph, arch, order, i, b->err);
        failed = path ? bind_path(b, path, node) : -1;
        free(path);
    }
    free(order);
    return failed;
}

int thaw_bind_paths(const struct thaw_keras_file *file, const struct thaw_config_model *model,
                    struct thaw_graph *graph, struct thaw_model_notes *notes,
                    struct thaw_error *err)
{
    struct binding b = {.file = file, .graph = graph, .err = err};
    b.used = thaw_new(file->n_groups, sizeof *b.used, err);
    if (!b.used)
        return -1;
    int failed = model ? bind_config(&b, model, "") : bind_built(&b);
    for (size_t i = 0; !failed && i < file->n_groups; i++) {
        char text[200];
        if (b.used[i] || !file->groups[i].n_tensors)
            continue;
        snprintf(text, sizeof text, "group %.100s belongs to no layer", file->groups[i].name);
        thaw_problem(&b.problems, text);
    }
    if (!failed)
        failed = thaw_problems_fail(&b.problems, err);
    if (!failed) {
        b.bound.renamed = 0; /* they have numbers for names */
        thaw_model_note(notes, "layers matched by class and number");
        thaw_bound_note(&b.bound, b.layers, notes);
    }
    free(b.used);
    return failed;
}

int thaw_paths_classes(const struct thaw_keras_file *file, const struct thaw_graph *graph,
                       struct thaw_error *err)
{
    int classes = -1, last = -1, *order = thaw_new((size_t)graph->n_nodes, sizeof *order, err);
    char *path = NULL;
    if (!order || thaw_graph_keras_order(graph, order, err) < 0)
        goto done;
    for (int i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[order[i]].n_params)
            last = i;
    if (last >= 0)
        path = path_in_graph(graph, thaw_arch_of(graph), order, last, err);
    if (!path)
        goto done;
    const struct thaw_keras_group *group = thaw_keras_find(file, path);
    const struct thaw_tensor *t = group && group->n_tensors ? &group->tensors[0] : NULL;
    bool kernel = t && t->rank >= 2 && t->dims[t->rank - 1] < 1 << 20;
    classes = kernel ? (int)t->dims[t->rank - 1] : 0;
done:
    free(path);
    free(order);
    return classes;
}
