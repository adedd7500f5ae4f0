#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/model.h"
#include "nn/model_config.h"

/* PyTorch keeps convolutions as [out, in/groups, kh, kw] and linear maps as [out, in]. Keras' order
 * of the same four numbers for a convolution is [kh, kw, in/groups, out]; for a depthwise one,
 * [kh, kw, in, multiplier], where out = in * multiplier + which. */
struct move {
    int rank;
    long dims[THAW_PARAM_RANK];      /* of PyTorch's tensor */
    size_t strides[THAW_PARAM_RANK]; /* in PyTorch's tensor, for each Keras dimension */
};

static struct move plan_move(const struct thaw_param *p)
{
    const long *d = p->dims;
    if (p->rank == 4 && !strcmp(p->role, "depthwise_kernel")) {
        size_t h = (size_t)d[0], w = (size_t)d[1], m = (size_t)d[3];
        return (struct move){4, {d[2] * d[3], 1, d[0], d[1]}, {w, 1, m * h * w, h * w}};
    }
    if (p->rank == 4) {
        size_t h = (size_t)d[0], w = (size_t)d[1], in = (size_t)d[2];
        return (struct move){4, {d[3], d[2], d[0], d[1]}, {w, 1, h * w, in * h * w}};
    }
    if (p->rank == 2)
        return (struct move){2, {d[1], d[0]}, {1, (size_t)d[0]}};
    return (struct move){1, {d[0]}, {1}};
}

static void move(const struct move *m, const float *from, struct thaw_param *p)
{
    long at[THAW_PARAM_RANK] = {0};
    for (size_t i = 0; i < p->count; i++) {
        size_t place = 0;
        for (int k = 0; k < p->rank; k++)
            place += (size_t)at[k] * m->strides[k];
        p->data[i] = from[place];
        for (int k = p->rank - 1; k >= 0 && ++at[k] == p->dims[k]; k--)
            at[k] = 0;
    }
}

static int import_param(const struct thaw_arch *arch, const struct thaw_torch_file *file,
                        struct thaw_node *node, struct thaw_param *p, bool *used,
                        struct thaw_error *err)
{
    char name[128];
    if (!arch->torch_name(node, p, name, sizeof name))
        return thaw_fail(err, THAW_EINPUT, "%s: no PyTorch name is known for %s of layer %s",
                         arch->name, p->role, node->name);
    const struct thaw_tensor *t = thaw_torch_find(file, name);
    if (!t)
        return thaw_fail(err, THAW_EINPUT,
                         "%s: tensor %s, for %s of layer %s, is missing from the file", arch->name,
                         name, p->role, node->name);
    struct move m = plan_move(p);
    bool fits = t->rank == m.rank;
    for (int k = 0; fits && k < m.rank; k++)
        fits = t->dims[k] == m.dims[k];
    if (!fits)
        return thaw_fail(err, THAW_EINPUT,
                         "%s: tensor %s has %zu values in %d dimensions, %s of layer %s needs %zu "
                         "in %d",
                         arch->name, name, t->count, t->rank, p->role, node->name, p->count,
                         m.rank);
    move(&m, t->data, p);
    used[t - file->tensors] = true;
    return 0;
}

/* Batch norm's step counters have no bearing on inference. */
static bool counter(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && !strcmp(dot, ".num_batches_tracked");
}

static int import_all(const struct thaw_arch *arch, const struct thaw_torch_file *file,
                      struct thaw_graph *graph, struct thaw_model_notes *notes,
                      struct thaw_error *err)
{
    int failed = -1;
    size_t moved = 0;
    bool *used = thaw_new(file->n_tensors, sizeof *used, err);
    if (!used)
        return -1;
    for (int i = 0; i < graph->n_nodes; i++)
        for (int k = 0; k < graph->nodes[i].n_params; k++, moved++)
            if (import_param(arch, file, &graph->nodes[i], &graph->nodes[i].params[k], used, err) <
                0)
                goto done;
    for (size_t i = 0; i < file->n_tensors; i++) {
        if (used[i] || counter(file->tensors[i].name))
            continue;
        thaw_fail(err, THAW_EINPUT, "%s has no use for tensor %s of the file", arch->name,
                  file->tensors[i].name);
        goto done;
    }
    thaw_model_note(notes, "PyTorch state dict of %s: %zu tensors moved, all used", arch->name,
                    moved);
    failed = 0;
done:
    free(used);
    return failed;
}

static const struct thaw_arch *recognise(const struct thaw_torch_file *file,
                                         const struct thaw_model_options *asked,
                                         struct thaw_arch_options *options, struct thaw_error *err)
{
    const struct thaw_arch *arch = NULL;
    if (asked && asked->arch) {
        arch = thaw_arch_find(asked->arch, err);
        if (!arch)
            return NULL;
        if (!arch->torch_recognise || !arch->torch_recognise(file, options)) {
            thaw_fail(err, THAW_EINPUT, "the state dict does not hold %s%s", arch->name,
                      arch->torch_name ? "" : " (whose PyTorch names are not known)");
            return NULL;
        }
        return arch;
    }
    char known[400] = "";
    for (int i = 0; thaw_archs[i]; i++) {
        if (!thaw_archs[i]->torch_recognise)
            continue;
        if (thaw_archs[i]->torch_recognise(file, options))
            return thaw_archs[i];
        size_t length = strlen(known);
        snprintf(known + length, sizeof known - length, "%s%s", length ? ", " : "",
                 thaw_archs[i]->name);
    }
    thaw_fail(err, THAW_EINPUT,
              "the state dict (first tensor %s) fits no family that can be imported; these can: %s",
              file->n_tensors ? file->tensors[0].name : "none", known);
    return NULL;
}

struct thaw_graph *thaw_model_from_torch(const struct thaw_torch_file *file,
                                         const struct thaw_model_options *asked,
                                         struct thaw_model_notes *notes, struct thaw_error *err)
{
    struct thaw_arch_options options = {0};
    const struct thaw_arch *arch = recognise(file, asked, &options, err);
    if (!arch)
        return NULL;
    options.height = asked ? asked->height : 0;
    options.width = asked ? asked->width : 0;
    struct thaw_graph *graph = arch->build(arch, &options, err);
    if (graph && import_all(arch, file, graph, notes, err) < 0) {
        thaw_graph_free(graph);
        graph = NULL;
    }
    return graph;
}
