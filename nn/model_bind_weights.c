/* Weights-only files: the graph was built, the file holds groups. By name where every name agrees,
 * else by position, which is what Keras does. */
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/model_bind.h"

struct sides {
    struct thaw_keras_group *groups; /* those with weights, in file order; the tensors are
                                        borrowed, their list is owned */
    int *nodes;                      /* those with weights, in Keras' order */
    int n_groups, n_nodes;
};

/* "conv/kernel:0" is of layer "conv". */
static size_t layer_length(const char *name)
{
    const char *stroke = strrchr(name, '/');
    return stroke ? (size_t)(stroke - name) : 0;
}

static bool same_layer(const char *a, const char *b)
{
    return layer_length(a) == layer_length(b) && !strncmp(a, b, layer_length(a));
}

/* The last part of the path, which is the layer's name within its model. */
static char *layer_name(const char *name, struct thaw_error *err)
{
    size_t end = layer_length(name), start = end;
    while (start > 0 && name[start - 1] != '/')
        start--;
    return thaw_format(err, "%.*s", (int)(end - start), name + start);
}

/* Adds a group of the tensors that are of the same layer as number `first`. */
static int add_layer(struct sides *s, const struct thaw_keras_group *from, size_t first, bool whole,
                     struct thaw_error *err)
{
    struct thaw_keras_group *to = &s->groups[s->n_groups];
    *to = (struct thaw_keras_group){0};
    to->tensors = thaw_new(from->n_tensors, sizeof *to->tensors, err);
    if (!to->tensors)
        return -1;
    s->n_groups++;
    for (size_t i = first; i < from->n_tensors; i++)
        if (whole || same_layer(from->tensors[i].name, from->tensors[first].name))
            to->tensors[to->n_tensors++] = from->tensors[i];
    to->name = whole ? thaw_strdup(from->name, err) : layer_name(from->tensors[first].name, err);
    return to->name ? 0 : -1;
}

/* A model that is used as a layer has one group for the weights of all its layers: `split` takes it
 * apart, so that each layer has its own. */
static int add_group(struct sides *s, const struct thaw_keras_group *group, bool split,
                     struct thaw_error *err)
{
    for (size_t i = 0; i < group->n_tensors; i++) {
        bool seen = !split && i > 0;
        for (size_t k = 0; k < i && !seen; k++)
            seen = same_layer(group->tensors[k].name, group->tensors[i].name);
        if (!seen && add_layer(s, group, i, !split, err) < 0)
            return -1;
    }
    return 0;
}

static void release_groups(struct sides *s)
{
    for (int i = 0; i < s->n_groups; i++) {
        free(s->groups[i].name);
        free(s->groups[i].tensors);
    }
    s->n_groups = 0;
}

/* Some old files name the tensors of one layer as if they were of two, so nothing is taken apart
 * without need. */
static int find_groups(const struct thaw_keras_file *file, struct sides *s, struct thaw_error *err)
{
    size_t tensors = 0;
    for (size_t i = 0; i < file->n_groups; i++)
        tensors += file->groups[i].n_tensors;
    s->groups = thaw_new(tensors, sizeof *s->groups, err);
    if (!s->groups)
        return -1;
    for (int split = 0; split < 2 && (!split || s->n_groups != s->n_nodes); split++) {
        release_groups(s);
        for (size_t i = 0; i < file->n_groups; i++)
            if (add_group(s, &file->groups[i], split, err) < 0)
                return -1;
    }
    return 0;
}

static int find_sides(const struct thaw_keras_file *file, const struct thaw_graph *graph,
                      struct sides *s, struct thaw_error *err)
{
    int *order = thaw_new((size_t)graph->n_nodes, sizeof *order, err);
    s->nodes = thaw_new((size_t)graph->n_nodes, sizeof *s->nodes, err);
    int failed = !order || !s->nodes || thaw_graph_keras_order(graph, order, err) < 0;
    for (int i = 0; i < graph->n_nodes && !failed; i++)
        if (graph->nodes[order[i]].n_params)
            s->nodes[s->n_nodes++] = order[i];
    free(order);
    return failed ? -1 : find_groups(file, s, err);
}

static int group_of(const struct sides *s, const char *name)
{
    for (int i = 0; i < s->n_groups; i++)
        if (thaw_arch_name_like(s->groups[i].name, name))
            return i;
    return -1;
}

/* How many layers have a group of their name. */
static int count_named(const struct sides *s, const struct thaw_graph *graph)
{
    int n = 0;
    for (int i = 0; i < s->n_nodes; i++)
        n += group_of(s, graph->nodes[s->nodes[i]].name) >= 0;
    return n;
}

/* By position, a name that is known must stand where its layer stands. */
static void check_places(const struct sides *s, const struct thaw_graph *graph,
                         struct thaw_problems *problems)
{
    for (int i = 0; i < s->n_nodes; i++) {
        const char *name = graph->nodes[s->nodes[i]].name;
        int place = group_of(s, name);
        char text[240];
        if (place < 0 || place == i)
            continue;
        snprintf(text, sizeof text,
                 "layer %.100s is number %d with weights, its group number %d, and not all names "
                 "agree",
                 name, i + 1, place + 1);
        thaw_problem(problems, text);
    }
}

static void report_names(const struct sides *s, const struct thaw_graph *graph,
                         struct thaw_problems *problems)
{
    char text[240];
    for (int i = 0; i < s->n_nodes; i++) {
        const char *name = graph->nodes[s->nodes[i]].name;
        if (group_of(s, name) >= 0)
            continue;
        snprintf(text, sizeof text, "layer %.100s has no group in the file", name);
        thaw_problem(problems, text);
    }
    for (int i = 0; i < s->n_groups; i++) {
        bool used = false;
        for (int k = 0; !used && k < s->n_nodes; k++)
            used = thaw_arch_name_like(s->groups[i].name, graph->nodes[s->nodes[k]].name);
        if (used)
            continue;
        snprintf(text, sizeof text, "group %.100s belongs to no layer", s->groups[i].name);
        thaw_problem(problems, text);
    }
}

static int bind_node(struct thaw_node *node, const struct thaw_keras_group *group,
                     struct thaw_problems *problems, struct thaw_bound *bound,
                     struct thaw_error *err)
{
    struct thaw_wants wants = {0};
    int failed = 0;
    for (int i = 0; !failed && i < node->n_params; i++)
        failed = thaw_wants_add(&wants, node, &node->params[i], group->name, err);
    if (!failed)
        failed = thaw_bind_group(&wants, node->name, group, problems, bound, err);
    thaw_wants_release(&wants);
    return failed;
}

int thaw_bind_weights(const struct thaw_keras_file *file, struct thaw_graph *graph,
                      struct thaw_model_notes *notes, struct thaw_error *err)
{
    struct sides s = {0};
    struct thaw_problems problems = {.text = ""};
    struct thaw_bound bound = {0};
    int failed = find_sides(file, graph, &s, err);
    if (failed)
        goto done;
    int named = count_named(&s, graph);
    bool all = named == s.n_nodes && named == s.n_groups;
    if (s.n_nodes != s.n_groups) {
        char text[160];
        snprintf(text, sizeof text, "%.80s has %d layers with weights, the file %d", graph->name,
                 s.n_nodes, s.n_groups);
        thaw_problem(&problems, text);
        report_names(&s, graph, &problems);
    } else if (!all) {
        check_places(&s, graph, &problems);
    }
    failed = thaw_problems_fail(&problems, err);
    for (int i = 0; !failed && i < s.n_nodes; i++) {
        struct thaw_node *node = &graph->nodes[s.nodes[i]];
        failed =
            bind_node(node, &s.groups[all ? group_of(&s, node->name) : i], &problems, &bound, err);
    }
    if (!failed)
        failed = thaw_problems_fail(&problems, err);
    if (!failed) {
        thaw_model_note(notes, all ? "layers matched by name" : "layers matched by position");
        thaw_bound_note(&bound, (size_t)s.n_nodes, notes);
    }
done:
    release_groups(&s);
    free(s.groups);
    free(s.nodes);
    return failed;
}
