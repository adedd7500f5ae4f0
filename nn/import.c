#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/pickle.h"
#include "nn/model.h"
#include "nn/model_config.h"
#include "nn/torch.h"

/* --- moving numbers --- */

/* PyTorch keeps convolutions as [out, in/groups, kh, kw] and linear maps as [out, in]. Keras' order
 * of the same four numbers for a convolution is [kh, kw, in/groups, out]; for a depthwise one,
 * [kh, kw, in, multiplier], where out = in * multiplier + which. Behind a flattened map [h, w, c]
 * a linear map's inputs are in the order c, h, w for PyTorch. */
struct move {
    int rank, keras_rank;
    long dims[4];      /* of PyTorch's tensor */
    long keras[4];     /* the loops that follow the Keras tensor */
    size_t strides[4]; /* of these loops in PyTorch's tensor */
};

/* Is the dense layer behind a flattened map? */
static bool flattened(const struct thaw_graph *graph, const struct thaw_node *node,
                      struct thaw_shape *map)
{
    const struct thaw_node *from = &graph->nodes[node->inputs[0]];
    while (from->n_inputs == 1 &&
           (!strcmp(from->kind->name, "Dropout") || !strcmp(from->kind->name, "Activation")))
        from = &graph->nodes[from->inputs[0]];
    if (strcmp(from->kind->name, "Flatten"))
        return false;
    *map = graph->nodes[from->inputs[0]].shape;
    return map->rank == 3;
}

static struct move plan_move(const struct thaw_graph *graph, const struct thaw_node *node,
                             const struct thaw_param *p)
{
    const long *d = p->dims;
    struct thaw_shape map;
    if (p->rank == 4 && !strcmp(p->role, "depthwise_kernel")) {
        size_t h = (size_t)d[0], w = (size_t)d[1], m = (size_t)d[3];
        return (struct move){
            4, 4, {d[2] * d[3], 1, d[0], d[1]}, {d[0], d[1], d[2], d[3]}, {w, 1, m * h * w, h * w}};
    }
    if (p->rank == 4) {
        size_t h = (size_t)d[0], w = (size_t)d[1], in = (size_t)d[2];
        return (struct move){
            4, 4, {d[3], d[2], d[0], d[1]}, {d[0], d[1], d[2], d[3]}, {w, 1, h * w, in * h * w}};
    }
    if (p->rank == 2 && flattened(graph, node, &map)) {
        size_t h = (size_t)map.h, w = (size_t)map.w;
        return (struct move){4,
                             4,
                             {d[1], map.c, map.h, map.w},
                             {map.h, map.w, map.c, d[1]},
                             {w, 1, h * w, (size_t)d[0]}};
    }
    if (p->rank == 2)
        return (struct move){2, 2, {d[1], d[0]}, {d[0], d[1]}, {1, (size_t)d[0]}};
    return (struct move){1, 1, {d[0]}, {d[0]}, {1}};
}

static void move(const struct move *m, const float *from, float *to, size_t count)
{
    long at[4] = {0};
    size_t place = 0;
    for (size_t i = 0; i < count; i++) {
        to[i] = from[place];
        for (int k = m->keras_rank; k-- > 0;) { /* to the next one, row-major */
            place += m->strides[k];
            if (++at[k] < m->keras[k])
                break;
            place -= (size_t)m->keras[k] * m->strides[k];
            at[k] = 0;
        }
    }
}

/* Sides of 1 at the end say nothing: a 1x1 convolution is a linear map, a scale may be [C,1,1].
 * Likewise a linear map of a flattened map may have its sides apart or not. */
static bool fits(const struct move *m, const struct thaw_tensor *t)
{
    int rank = t->rank, wanted = m->rank;
    size_t count = 1;
    for (int i = 0; i < m->rank; i++)
        count *= (size_t)m->dims[i];
    if (t->count != count)
        return false;
    while (rank > 1 && t->dims[rank - 1] == 1)
        rank--;
    while (wanted > 1 && m->dims[wanted - 1] == 1)
        wanted--;
    bool same = rank == wanted;
    for (int k = 0; same && k < wanted; k++)
        same = t->dims[k] == m->dims[k];
    return same || (m->rank == 4 && rank == 2 && t->dims[0] == m->dims[0] && m->dims[2] > 1);
}

/* --- what does not match --- */

enum { MISSING, MISFIT, UNKNOWN, KINDS, SHOWN = 3 };
enum { DIMS = 8 + 24 * THAW_TENSOR_RANK }; /* room for sides of any size */

struct mismatches {
    size_t n[KINDS];
    char first[400]; /* a few, for the error; the notes have them all */
    struct thaw_model_notes *notes;
};

static void dims_text(const long *dims, int rank, char text[DIMS])
{
    size_t n = (size_t)snprintf(text, DIMS, "[");
    for (int i = 0; i < rank; i++)
        n += (size_t)snprintf(text + n, DIMS - n, i ? ", %ld" : "%ld", dims[i]);
    snprintf(text + n, DIMS - n, "]");
}

/* `wanted`: the shape of what is needed; `t`: what the file has; either may be NULL. */
static void tell(struct mismatches *m, const char *name, const char *layer,
                 const struct move *wanted, const struct thaw_tensor *t)
{
    char line[THAW_TORCH_NAME + 3 * DIMS], has[DIMS], needs[DIMS], shown[THAW_PICKLE_SHOWN];
    int kind = !t ? MISSING : wanted ? MISFIT : UNKNOWN;
    if (t)
        dims_text(t->dims, t->rank, has);
    if (wanted)
        dims_text(wanted->dims, wanted->rank, needs);
    if (kind == MISSING)
        snprintf(line, sizeof line, "missing: %s %s, for layer %s", name, needs, layer);
    else if (kind == MISFIT)
        snprintf(line, sizeof line, "of another shape: %s %s, layer %s needs %s", name, has, layer,
                 needs);
    else
        snprintf(line, sizeof line, "no use for: %s %s",
                 thaw_pickle_show(name, strlen(name), shown), has);
    thaw_model_note(m->notes, "%s", line);
    size_t used = strlen(m->first);
    if (m->n[kind]++ < SHOWN)
        snprintf(m->first + used, sizeof m->first - used, "%s%s", used ? "; " : "", line);
}

/* --- the whole state dict --- */

static int import_param(const struct thaw_torch_weights *w, const struct thaw_graph *graph,
                        const struct thaw_node *node, struct thaw_param *p, bool *used,
                        struct mismatches *bad, struct thaw_error *err)
{
    char name[THAW_TORCH_NAME];
    struct move m = plan_move(graph, node, p);
    const struct thaw_tensor *t = thaw_torch_layer(w, node->name, p->role, name);
    if (!*name)
        return thaw_fail(err, THAW_EINPUT, "no PyTorch name is known for %s of layer %s", p->role,
                         node->name);
    if (!t || !fits(&m, t)) {
        tell(bad, name, node->name, &m, t);
        if (t)
            used[t - w->file->tensors] = true;
        return 0;
    }
    move(&m, t->data, p->data, p->count);
    used[t - w->file->tensors] = true;
    return 0;
}

/* Batch norm's step counters have no bearing on inference. */
static bool counter(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && !strcmp(dot, ".num_batches_tracked");
}

static bool in_head(const struct thaw_torch_weights *w, const char *name)
{
    name += strlen(w->prefix);
    for (int i = 0; i < 3 && w->names->head[i]; i++)
        if (!strncmp(name, w->names->head[i], strlen(w->names->head[i])))
            return true;
    return false;
}

/* A classifier of the user's own does not make the network below it another. */
static void check_rest(const struct thaw_torch_weights *w, bool has_top, const bool *used,
                       struct mismatches *bad)
{
    char has[DIMS], shown[THAW_PICKLE_SHOWN];
    for (size_t i = 0; i < w->file->n_tensors; i++) {
        const struct thaw_tensor *t = &w->file->tensors[i];
        if (used[i] || counter(t->name))
            continue;
        dims_text(t->dims, t->rank, has);
        if (!has_top && in_head(w, t->name))
            thaw_model_note(bad->notes, "left out, not the family's classifier: %s %s",
                            thaw_pickle_show(t->name, strlen(t->name), shown), has);
        else
            tell(bad, t->name, NULL, NULL, t);
    }
}

static int import_all(const struct thaw_torch_weights *w, struct thaw_graph *graph, bool has_top,
                      struct thaw_model_notes *notes, struct thaw_error *err)
{
    struct mismatches bad = {.notes = notes};
    int failed = -1;
    size_t moved = 0;
    bool *used = thaw_new(w->file->n_tensors, sizeof *used, err);
    if (!used)
        return -1;
    for (int i = 0; i < graph->n_nodes; i++)
        for (int k = 0; k < graph->nodes[i].n_params; k++, moved++)
            if (import_param(w, graph, &graph->nodes[i], &graph->nodes[i].params[k], used, &bad,
                             err) < 0)
                goto done;
    check_rest(w, has_top, used, &bad);
    if (bad.n[MISSING] + bad.n[MISFIT] + bad.n[UNKNOWN]) {
        thaw_fail(err, THAW_EINPUT,
                  "does not fit %s by the names of %s: %zu tensors missing, %zu of another shape, "
                  "%zu without use: %s",
                  graph->name, w->names->source, bad.n[MISSING], bad.n[MISFIT], bad.n[UNKNOWN],
                  bad.first);
        goto done;
    }
    thaw_model_note(notes,
                    "PyTorch state dict of %s by the names of %s: %zu tensors moved, all used",
                    graph->name, w->names->source, moved);
    failed = 0;
done:
    free(used);
    return failed;
}

/* --- recognising --- */

/* Wrappers put a word in front of all names: DataParallel, Lightning, torch.compile. */
static void strip(struct thaw_torch_weights *w)
{
    static const char *const words[] = {"module.",  "model.",   "_orig_mod.", "net.",
                                        "network.", "encoder.", "backbone."};
    bool more = true;
    while (more) {
        more = false;
        for (size_t i = 0; i < sizeof words / sizeof *words && !more; i++) {
            size_t old = strlen(w->prefix), n = old + strlen(words[i]);
            bool all = n < sizeof w->prefix;
            for (size_t k = 0; all && k < w->file->n_tensors; k++)
                all = !strncmp(w->file->tensors[k].name + old, words[i], n - old);
            if (all)
                snprintf(w->prefix + old, sizeof w->prefix - old, "%s", words[i]);
            more = all;
        }
    }
}

static void list_families(char *text, size_t size)
{
    size_t used = 0;
    *text = '\0';
    for (int i = 0; thaw_torch_families[i] && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
                                 thaw_torch_families[i]->name);
}

/* What tells networks apart whose tensors are alike: "tf_efficientnet_b0" is another than
 * "efficientnet_b0". 1: the ported one, 0: the other, -1: nothing is said. */
static int ported(const char *text, const char *word)
{
    if (!text)
        return -1;
    return strstr(text, "tf_") ? 1 : strstr(text, word) ? 0 : -1;
}

/* The letters and digits of a name, without "tf_". */
static void squeeze(const char *name, char plain[64])
{
    size_t n = 0;
    for (name += strncmp(name, "tf_", 3) ? 0 : 3; *name && n < 63; name++)
        if (*name != '_' && *name != '-')
            plain[n++] = *name;
    plain[n] = '\0';
}

/* Does a given name ("mobilenetv3_large_100", "efficientnet") mean this network? */
static bool meant(const char *asked, const char *name)
{
    char a[64], b[64];
    squeeze(asked, a);
    squeeze(name, b);
    size_t n = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
    return !strncmp(a, b, n);
}

static const struct thaw_torch_family *recognise(struct thaw_torch_weights *w, const char *asked,
                                                 const char *hint, struct thaw_error *err)
{
    char known[400], shown[THAW_PICKLE_SHOWN];
    const char *first = w->file->n_tensors ? w->file->tensors[0].name : "none";
    for (int i = 0; thaw_torch_families[i]; i++)
        for (w->names = thaw_torch_families[i]->names; w->names->source; w->names++) {
            if (!thaw_torch_families[i]->matches(w))
                continue;
            if (!w->names->word)
                return thaw_torch_families[i];
            int wanted = ported(asked ? asked : hint, w->names->word);
            if (wanted == (int)w->names->ported)
                return thaw_torch_families[i];
            if (wanted < 0) {
                thaw_fail(err, THAW_EUSAGE,
                          "holds a network of timm's %s or of its tf_%s, which pad differently and "
                          "have the same tensors: say which by --arch %s or --arch tf_%s",
                          w->names->word, w->names->word, w->names->word, w->names->word);
                return NULL;
            }
        }
    list_families(known, sizeof known);
    thaw_fail(err, THAW_EINPUT,
              "the state dict (first tensor %s) fits no family that can be imported; these can: %s",
              thaw_pickle_show(first, strlen(first), shown), known);
    return NULL;
}

struct thaw_graph *thaw_model_from_torch(const struct thaw_torch_file *file,
                                         const struct thaw_model_options *options, const char *hint,
                                         const char **preprocess, struct thaw_model_notes *notes,
                                         struct thaw_error *err)
{
    static const struct thaw_model_options none = {0};
    struct thaw_torch_weights w = {.file = file};
    if (!options)
        options = &none;
    strip(&w);
    const struct thaw_torch_family *family = recognise(&w, options->arch, hint, err);
    if (!family)
        return NULL;
    struct thaw_torch_net net = {.arithmetic = w.names->arithmetic,
                                 .preprocess = w.names->preprocess,
                                 .options = {.height = options->height,
                                             .width = options->width,
                                             .classes = thaw_torch_width(&w, family->classifier)}};
    net.options.torch = &net.arithmetic;
    struct thaw_graph *graph = family->build(&w, &net, err);
    if (!graph) {
        thaw_error_prefix(err, "%s by the names of %s", family->name, w.names->source);
        return NULL;
    }
    bool wrong = options->arch && !meant(options->arch, graph->name);
    if (wrong)
        thaw_fail(err, THAW_EINPUT, "holds %s, not %s", graph->name, options->arch);
    if (wrong || import_all(&w, graph, net.options.classes > 0, notes, err) < 0) {
        thaw_graph_free(graph);
        return NULL;
    }
    *preprocess = net.preprocess;
    return graph;
}
