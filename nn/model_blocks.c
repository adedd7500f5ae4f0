#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/model.h"

enum { MOST_BLOCKS = 8 }; /* of a network without stage names */

void thaw_blocks_release(struct thaw_blocks *blocks)
{
    free(blocks->starts);
    *blocks = (struct thaw_blocks){0};
}

static bool one_of(const char *kind, const char *const *kinds)
{
    while (*kinds && strcmp(kind, *kinds))
        kinds++;
    return *kinds;
}

/* Does the node belong to the one before it: an activation or dropout of it, or a norm that folds
 * into it? Not where others read that one as well. */
static bool follows(const struct thaw_graph *graph, int i)
{
    static const char *const followers[] = {"BatchNormalization", "Activation", "ReLU",
                                            "LeakyReLU",          "ELU",        "Dropout",
                                            "SpatialDropout2D",   "Softmax",    NULL};
    static const char *const hosts[] = {"Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense",
                                        NULL};
    const struct thaw_node *node = &graph->nodes[i];
    if (node->n_inputs != 1 || !one_of(node->kind->name, followers))
        return false;
    for (int k = node->inputs[0] + 1; k < graph->n_nodes; k++)
        for (int n = 0; k != i && n < graph->nodes[k].n_inputs; n++)
            if (graph->nodes[k].inputs[n] == node->inputs[0])
                return false;
    return strcmp(node->kind->name, "BatchNormalization") ||
           one_of(graph->nodes[node->inputs[0]].kind->name, hosts);
}

/* May a block begin at node i? The node before it must be all that the rest depends on. */
static bool can_start(const struct thaw_graph *graph, const bool *cuts, int i)
{
    return i > 0 && cuts[i - 1] && !follows(graph, i);
}

/* Whether a block [start, end) has any weights to train. */
static bool has_weights(const struct thaw_graph *graph, int start, int end)
{
    for (int i = start; i < end; i++)
        if (graph->nodes[i].n_params)
            return true;
    return false;
}

/* The block that holds node i begins at the nearest place at or before it where one can. */
static int start_before(const struct thaw_graph *graph, const bool *cuts, int i)
{
    while (i > 1 && !can_start(graph, cuts, i))
        i--;
    return i;
}

static void mark_named(const struct thaw_graph *graph, const struct thaw_arch *arch, int head,
                       const bool *cuts, bool *starts)
{
    for (int i = 1; i < head; i++) {
        bool named = false;
        for (int k = 0; arch->blocks[k] && !named; k++)
            named = thaw_arch_name_like(graph->nodes[i].name, arch->blocks[k]);
        if (named)
            starts[start_before(graph, cuts, i)] = true;
    }
}

static int count(const bool *starts, int n)
{
    int found = 0;
    for (int i = 0; i < n; i++)
        found += starts[i];
    return found;
}

/* A place where the map gets smaller: the first weights after it make a smaller map than the one
 * that it reads. */
static bool reduces(const struct thaw_graph *graph, int start, int end)
{
    int side = graph->nodes[start - 1].shape.h;
    for (int i = start; i < end; i++)
        if (graph->nodes[i].shape.h < side)
            return true;
    return false;
}

/* Thins `starts` to those where the map gets smaller or, when that leaves too few or too many, to
 * MOST_BLOCKS at even distances. */
static int thin(const struct thaw_graph *graph, int head, bool *starts, struct thaw_error *err)
{
    int n = count(starts, head);
    bool *reduced = thaw_new((size_t)head, sizeof *reduced, err);
    if (!reduced)
        return -1;
    for (int i = 1, next; i < head; i = next) {
        for (next = i + 1; next < head && !starts[next];)
            next++;
        reduced[i] = starts[i] && (i == 1 || reduces(graph, i, next));
    }
    int kept = count(reduced, head);
    if (kept >= 3 && kept <= MOST_BLOCKS) {
        memcpy(starts, reduced, (size_t)head * sizeof *starts);
    } else if (n > MOST_BLOCKS) {
        for (int i = 0, seen = 0; i < head; i++)
            if (starts[i]) {
                starts[i] = seen * MOST_BLOCKS / n != (seen - 1) * MOST_BLOCKS / n || seen == 0;
                seen++;
            }
    }
    free(reduced);
    return 0;
}

/* Every place where a block can begin and that has weights above the one before it. */
static int mark_cuts(const struct thaw_graph *graph, int head, const bool *cuts, bool *starts,
                     struct thaw_error *err)
{
    int before = 1;
    for (int i = 2; i < head; i++) {
        if (!can_start(graph, cuts, i) || !has_weights(graph, before, i))
            continue;
        starts[i] = true;
        before = i;
    }
    starts[1] = true;
    return thin(graph, head, starts, err);
}

/* A block without weights goes to the one before it, the first to the one after. */
static int collect(const struct thaw_graph *graph, int head, bool *starts,
                   struct thaw_blocks *blocks, struct thaw_error *err)
{
    for (int end = head, i = head - 1; i > 1; i--) {
        if (!starts[i])
            continue;
        starts[i] = has_weights(graph, i, end) && has_weights(graph, 1, i);
        if (starts[i])
            end = i;
    }
    blocks->n = 0;
    blocks->starts = thaw_new((size_t)head, sizeof *blocks->starts, err);
    if (!blocks->starts)
        return -1;
    for (int i = 0; i < head; i++)
        if (starts[i])
            blocks->starts[blocks->n++] = i;
    return 0;
}

int thaw_model_blocks(const struct thaw_graph *graph, int head, struct thaw_blocks *blocks,
                      struct thaw_error *err)
{
    int failed = -1;
    *blocks = (struct thaw_blocks){0};
    if (head < 2) /* an input and a head, nothing between */
        return 0;
    bool *cuts = thaw_new((size_t)graph->n_nodes, sizeof *cuts, err);
    bool *starts = thaw_new((size_t)head, sizeof *starts, err);
    if (!cuts || !starts || thaw_graph_cuts(graph, cuts, err) < 0)
        goto done;
    const struct thaw_arch *arch = thaw_arch_of(graph);
    starts[1] = true;
    if (arch)
        mark_named(graph, arch, head, cuts, starts);
    if (count(starts, head) == 1 && mark_cuts(graph, head, cuts, starts, err) < 0)
        goto done;
    failed = collect(graph, head, starts, blocks, err);
done:
    free(cuts);
    free(starts);
    return failed;
}
