#include "nn/arch.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "nn/torch.h"

void thaw_arch_names(char *text, size_t size)
{
    size_t used = 0;
    *text = '\0';
    for (int i = 0; thaw_archs[i] && used < size; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", thaw_archs[i]->name);
}

const struct thaw_arch *thaw_arch_find(const char *name, struct thaw_error *err)
{
    char known[THAW_ARCH_NAMES];
    for (int i = 0; thaw_archs[i]; i++)
        if (!strcmp(thaw_archs[i]->name, name))
            return thaw_archs[i];
    thaw_arch_names(known, sizeof known);
    thaw_fail(err, THAW_EUSAGE, "network family %s is not known; known are: %s", name, known);
    return NULL;
}

static char plain(char c)
{
    return c == '/' ? '_' : (char)tolower((unsigned char)c);
}

bool thaw_arch_name_like(const char *name, const char *form)
{
    const char *star = NULL, *retry = NULL;
    while (*name) {
        if (*form == '*') {
            star = form++;
            retry = name;
        } else if (plain(*name) == plain(*form)) {
            name++;
            form++;
        } else if (star) {
            form = star + 1;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (*form == '*')
        form++;
    return !*form;
}

static int group_width(const struct thaw_keras_group *group)
{
    const struct thaw_tensor *t = group->tensors;
    bool kernel = group->n_tensors && t->rank >= 2 && t->dims[t->rank - 1] < 1 << 20;
    return kernel ? (int)t->dims[t->rank - 1] : 0;
}

/* Returns whether there is such a layer; sets its width. */
static bool find(const struct thaw_arch_layers *layers, const char *form, int *width)
{
    *width = 0;
    for (size_t i = 0; layers->file && i < layers->file->n_groups; i++)
        if (thaw_arch_name_like(layers->file->groups[i].name, form)) {
            *width = group_width(&layers->file->groups[i]);
            return true;
        }
    if (layers->torch && thaw_torch_layer(layers->torch, form, "kernel", NULL)) {
        *width = thaw_torch_width(layers->torch, form);
        return true;
    }
    for (int i = 0; layers->graph && i < layers->graph->n_nodes; i++)
        if (thaw_arch_name_like(layers->graph->nodes[i].name, form)) {
            *width = layers->graph->nodes[i].shape.c;
            return true;
        }
    return false;
}

bool thaw_arch_has(const struct thaw_arch_layers *layers, const char *form)
{
    int width;
    return find(layers, form, &width);
}

int thaw_arch_width(const struct thaw_arch_layers *layers, const char *form)
{
    int width;
    find(layers, form, &width);
    return width;
}

bool thaw_arch_recognise(const struct thaw_arch *arch, const struct thaw_keras_file *file,
                         struct thaw_arch_options *options)
{
    /* What Keras' networks have called their classifiers. */
    static const char *const classifiers[] = {"predictions", "probs",  "logits",      "fc1000",
                                              "conv_preds",  "conv10", "*_head_dense"};
    const struct thaw_arch_layers layers = {.file = file};
    if (!arch->matches(arch, &layers))
        return false;
    options->classes = 0;
    for (size_t i = 0; !options->classes && i < sizeof classifiers / sizeof *classifiers; i++)
        options->classes = thaw_arch_width(&layers, classifiers[i]);
    if (arch->read)
        arch->read(file, options);
    return true;
}

const struct thaw_arch *thaw_arch_of(const struct thaw_graph *graph)
{
    const struct thaw_arch_layers layers = {.graph = graph};
    for (int i = 0; thaw_archs[i]; i++)
        if (thaw_archs[i]->matches(thaw_archs[i], &layers))
            return thaw_archs[i];
    return NULL;
}
