#include <stdlib.h>

#include "io/base/mem.h"
#include "nn/graph.h"

static void mark_live(const struct thaw_graph *graph, bool *live)
{
    live[graph->output] = true;
    for (int i = graph->output; i >= 0; i--)
        for (int k = 0; live[i] && k < graph->nodes[i].n_inputs; k++)
            live[graph->nodes[i].inputs[k]] = true;
}

/* In topological order a path goes round node i exactly where an edge u -> v has u < i < v. */
int thaw_graph_cuts(const struct thaw_graph *graph, bool *cuts, struct thaw_error *err)
{
    size_t n = (size_t)graph->n_nodes;
    bool *live = thaw_new(n, sizeof *live, err);
    int *furthest = thaw_new(n, sizeof *furthest, err);
    int rc = live && furthest ? 0 : -1;
    if (rc)
        goto done;
    mark_live(graph, live);
    for (int i = 0; i < graph->n_nodes; i++)
        for (int k = 0; live[i] && k < graph->nodes[i].n_inputs; k++)
            furthest[graph->nodes[i].inputs[k]] = i;
    for (int i = 0, reach = 0; i < graph->n_nodes; i++) {
        cuts[i] = live[i] && reach <= i;
        if (live[i] && furthest[i] > reach)
            reach = furthest[i];
    }
done:
    free(live);
    free(furthest);
    return rc;
}

struct visit {
    int number; /* order of first visit, from the output downwards; -1 = never */
    int next;   /* input to look at next */
    int depth;  /* longest way to the output */
};

/* Depth-first from the output without recursion, as files may hold chains of any length. post[]
 * gets the nodes in the order in which they were left; returns their number. */
static int walk(const struct thaw_graph *graph, struct visit *visits, int *stack, int *post)
{
    int n_stack = 0, n_post = 0, number = 0;
    for (int i = 0; i < graph->n_nodes; i++)
        visits[i].number = -1;
    stack[n_stack++] = graph->output;
    visits[graph->output].number = number++;
    while (n_stack) {
        int i = stack[n_stack - 1];
        const struct thaw_node *node = &graph->nodes[i];
        if (visits[i].next == node->n_inputs) {
            post[n_post++] = i;
            n_stack--;
            continue;
        }
        int input = node->inputs[visits[i].next++];
        if (visits[input].number < 0) {
            visits[input].number = number++;
            stack[n_stack++] = input;
        }
    }
    return n_post;
}

struct place {
    int depth, number, node;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    if (p->depth != q->depth)
        return p->depth > q->depth ? -1 : 1;
    return (p->number > q->number) - (p->number < q->number);
}

int thaw_graph_keras_order(const struct thaw_graph *graph, int *order, struct thaw_error *err)
{
    size_t n = (size_t)graph->n_nodes;
    int rc = -1;
    struct visit *visits = thaw_new(n, sizeof *visits, err);
    int *stack = thaw_new(n, sizeof *stack, err), *post = thaw_new(n, sizeof *post, err);
    struct place *places = thaw_new(n, sizeof *places, err);
    if (!visits || !stack || !post || !places)
        goto done;
    int reached = walk(graph, visits, stack, post);
    for (int p = reached - 1; p >= 0; p--) {
        const struct thaw_node *node = &graph->nodes[post[p]];
        for (int k = 0; k < node->n_inputs; k++) {
            int *depth = &visits[node->inputs[k]].depth, least = visits[post[p]].depth + 1;
            *depth = *depth > least ? *depth : least;
        }
    }
    for (int i = 0; i < graph->n_nodes; i++) {
        if (visits[i].number < 0) {
            thaw_fail(err, THAW_EUSAGE, "layer %s does not lead to the output %s: Keras drops it",
                      graph->nodes[i].name, graph->nodes[graph->output].name);
            goto done;
        }
        places[i] = (struct place){visits[i].depth, visits[i].number, i};
    }
    qsort(places, n, sizeof *places, compare_places);
    for (size_t i = 0; i < n; i++)
        order[i] = places[i].node;
    rc = 0;
done:
    free(visits);
    free(stack);
    free(post);
    free(places);
    return rc;
}
