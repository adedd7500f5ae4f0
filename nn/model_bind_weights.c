/* Weights-only files: the graph was built, the file holds groups. By name where every name agrees,
 * else by position, which is what Keras does. */
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/model_bind.h"

/* Old names have '/' where built graphs, whose names every Keras must take, have '_'. */
static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if (*a != *b && !(*a == '/' && *b == '_') && !(*a == '_' && *b == '/'))
            return false;
    return !*a && !*b;
}

struct sides {
    const struct thaw_keras_group **groups; /* those with weights, in file order */
    int *nodes;                             /* those with weights, in Keras' order */
    int n_groups, n_nodes;
};

static int find_sides(const struct thaw_keras_file *file, const struct thaw_graph *graph,
                      struct sides *s, struct thaw_error *err)
{
    int *order = thaw_new((size_t)graph->n_nodes, sizeof *order, err);
    s->groups = thaw_new(file->n_groups, sizeof *s->groups, err);
    s->nodes = thaw_new((size_t)graph->n_nodes, sizeof *s->nodes, err);
    if (!order || !s->groups || !s->nodes || thaw_graph_keras_order(graph, order, err) < 0) {
        free(order);
        return -1;
    }
    for (size_t i = 0; i < file->n_groups; i++)
        if (file->groups[i].n_tensors)
            s->groups[s->n_groups++] = &file->groups[i];
    for (int i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[order[i]].n_params)
            s->nodes[s->n_nodes++] = order[i];
    free(order);
    return 0;
}

static int group_of(const struct sides *s, const char *name)
{
    for (int i = 0; i < s->n_groups; i++)
        if (same_name(s->groups[i]->name, name))
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
            used = same_name(s->groups[i]->name, graph->nodes[s->nodes[k]].name);
        if (used)
            continue;
        snprintf(text, sizeof text, "group %.100s belongs to no layer", s->groups[i]->name);
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
            bind_node(node, s.groups[all ? group_of(&s, node->name) : i], &problems, &bound, err);
    }
    if (!failed)
        failed = thaw_problems_fail(&problems, err);
    if (!failed) {
        thaw_model_note(notes, all ? "layers matched by name" : "layers matched by position");
        thaw_bound_note(&bound, (size_t)s.n_nodes, notes);
    }
done:
    free(s.groups);
    free(s.nodes);
    return failed;
}
