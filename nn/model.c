#include "nn/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/model_config.h"

enum { USUAL_SIZE = 224 };

/* --- notes --- */

void thaw_model_note(struct thaw_model_notes *notes, const char *fmt, ...)
{
    char *line = NULL;
    va_list args;
    if (!notes)
        return;
    va_start(args, fmt);
    int length = vasprintf(&line, fmt, args);
    va_end(args);
    if (length < 0)
        return;
    if (thaw_grow(&notes->lines, &notes->capacity, notes->n + 1, sizeof *notes->lines, NULL) < 0)
        free(line);
    else
        notes->lines[notes->n++] = line;
}

void thaw_model_notes_release(struct thaw_model_notes *notes)
{
    for (size_t i = 0; i < notes->n; i++)
        free(notes->lines[i]);
    free(notes->lines);
    *notes = (struct thaw_model_notes){0};
}

json_t *thaw_model_node_config(const struct thaw_node *node, struct thaw_error *err)
{
    json_t *config = json_object();
    if (!config) {
        thaw_fail(err, THAW_EMEMORY, "out of memory while writing layer %s", node->name);
        return NULL;
    }
    if (thaw_fields_write(node->kind->fields, node->conf, config, err) == 0)
        return config;
    thaw_error_prefix(err, "layer %s (%s)", node->name, node->kind->name);
    json_decref(config);
    return NULL;
}

/* --- whole-model files --- */

/* The size to build for, from what is asked, what the file says and `usual`. */
static int choose_shape(const struct thaw_config_model *model,
                        const struct thaw_model_options *options, int usual, int shape[3],
                        struct thaw_error *err)
{
    const int asked[2] = {options ? options->height : 0, options ? options->width : 0};
    if (!model->has_shape) {
        char *text = model->bad_shape ? json_dumps(model->bad_shape, JSON_COMPACT) : NULL;
        thaw_fail(err, THAW_EINPUT,
                  "model %s: the shape of its input is %.100s; a picture needs [null, height, "
                  "width, channels]",
                  model->name, text ? text : "not given");
        free(text);
        return -1;
    }
    for (int i = 0; i < 2; i++)
        shape[i] = asked[i] ? asked[i] : model->shape[i] ? model->shape[i] : usual;
    shape[2] = model->shape[2];
    return shape[2]
               ? 0
               : thaw_fail(err, THAW_EINPUT,
                           "model %s leaves the number of channels of its input open", model->name);
}

/* Where the file leaves the size open, the family decides, which is only known once the graph is
 * there. */
static struct thaw_graph *unroll(struct thaw_config_model *model,
                                 const struct thaw_model_options *options,
                                 struct thaw_model_notes *notes, struct thaw_error *err)
{
    int shape[3];
    if (choose_shape(model, options, USUAL_SIZE, shape, err) < 0)
        return NULL;
    if (model->shape[0] && model->shape[1])
        return thaw_config_unroll(model, shape, notes, err);
    struct thaw_graph *graph = thaw_config_unroll(model, shape, NULL, err);
    if (!graph)
        return NULL;
    const struct thaw_arch *arch = thaw_arch_of(graph);
    thaw_graph_free(graph);
    if (choose_shape(model, options, arch ? arch->size : USUAL_SIZE, shape, err) < 0)
        return NULL;
    thaw_model_note(notes, "the file leaves the input size open: %d x %d is taken", shape[0],
                    shape[1]);
    return thaw_config_unroll(model, shape, notes, err);
}

static struct thaw_graph *from_config(const struct thaw_keras_file *file,
                                      const struct thaw_model_options *options,
                                      struct thaw_model_notes *notes, struct thaw_error *err)
{
    struct thaw_graph *graph = NULL;
    struct thaw_config_model *model = thaw_config_read(file->config, file->keras_major, err);
    if (!model)
        return NULL;
    thaw_model_note(notes, "whole model, written by Keras %s",
                    file->keras_version && *file->keras_version ? file->keras_version
                                                                : "(version not given)");
    model->lean = options && options->lean;
    graph = unroll(model, options, notes, err);
    int failed = !graph          ? 0
                 : file->by_path ? thaw_bind_paths(file, model, graph, notes, err)
                                 : thaw_bind_model(file, model, graph, notes, err);
    if (failed) {
        thaw_graph_free(graph);
        graph = NULL;
    }
    thaw_config_free(model);
    return graph;
}

/* --- weights-only files --- */

/* "mobilenet_v2:0.35" */
static const struct thaw_arch *parse_spec(const char *spec, struct thaw_arch_options *options,
                                          struct thaw_error *err)
{
    char name[64], *end;
    size_t length = strcspn(spec, ":");
    snprintf(name, sizeof name, "%.*s", (int)(length < 60 ? length : 60), spec);
    const struct thaw_arch *arch = thaw_arch_find(name, err);
    if (!arch || !spec[length])
        return arch;
    if (!arch->has_alpha) {
        thaw_fail(err, THAW_EUSAGE, "%s: %s comes in one width only", spec, arch->name);
        return NULL;
    }
    options->alpha = strtof(spec + length + 1, &end);
    if (end == spec + length + 1 || *end || !(options->alpha > 0 && options->alpha <= 8)) {
        thaw_fail(err, THAW_EUSAGE,
                  "%s: the width multiplier after ':' must be a number above 0 and at most 8",
                  spec);
        return NULL;
    }
    return arch;
}

/* For layers under names of their own: more layers than the family has without its top mean that
 * the top is there, and the last one tells how many classes it has. */
static int guess_top(const struct thaw_arch *arch, const struct thaw_keras_file *file,
                     struct thaw_arch_options *options, struct thaw_error *err)
{
    const struct thaw_tensor *last = NULL;
    struct thaw_arch_options topped = *options;
    int groups = 0, layers = 0;
    topped.classes = file->by_path;
    struct thaw_graph *graph = arch->build(arch, &topped, err);
    if (!graph)
        return -1;
    if (file->by_path)
        options->classes = thaw_paths_classes(file, graph, err);
    for (int i = 0; i < graph->n_nodes; i++)
        layers += graph->nodes[i].n_params > 0;
    thaw_graph_free(graph);
    if (file->by_path)
        return options->classes < 0 ? -1 : 0;
    for (size_t i = 0; i < file->n_groups; i++)
        if (file->groups[i].n_tensors) {
            last = &file->groups[i].tensors[0];
            groups++;
        }
    if (groups > layers && last->rank >= 2 && last->dims[last->rank - 1] < 1 << 20)
        options->classes = (int)last->dims[last->rank - 1];
    return 0;
}

/* What the file itself shows counts more than the presets, less than what was asked. */
static const struct thaw_arch *as_asked(const struct thaw_keras_file *file, const char *spec,
                                        struct thaw_arch_options *options, struct thaw_error *err)
{
    const struct thaw_arch *arch = parse_spec(spec, options, err);
    struct thaw_arch_options seen = {0};
    if (!arch)
        return NULL;
    if (!thaw_arch_recognise(arch, file, &seen)) {
        if (file->by_path && arch->read)
            arch->read(file, &seen);
        options->imagenet = seen.imagenet;
        return guess_top(arch, file, options, err) < 0 ? NULL : arch;
    }
    options->classes = seen.classes;
    options->imagenet = seen.imagenet;
    if (!(options->alpha > 0))
        options->alpha = seen.alpha;
    return arch;
}

static const struct thaw_arch *recognise(const struct thaw_keras_file *file,
                                         const struct thaw_model_options *asked,
                                         struct thaw_arch_options *options, struct thaw_error *err)
{
    if (asked && asked->arch)
        return as_asked(file, asked->arch, options, err);
    for (int i = 0; thaw_archs[i]; i++)
        if (thaw_arch_recognise(thaw_archs[i], file, options))
            return thaw_archs[i];
    char known[THAW_ARCH_NAMES];
    thaw_arch_names(known, sizeof known);
    thaw_fail(err, THAW_EINPUT, "the file holds weights only and %s; give --arch NAME, one of: %s",
              file->by_path ? "'.weights.h5' files name no layers"
                            : "its layer names fit no known network family",
              known);
    return NULL;
}

static struct thaw_graph *from_weights(const struct thaw_keras_file *file,
                                       const struct thaw_model_options *asked,
                                       struct thaw_model_notes *notes, struct thaw_error *err)
{
    struct thaw_arch_options options = {0};
    options.height = asked ? asked->height : 0;
    options.width = asked ? asked->width : 0;
    const struct thaw_arch *arch = recognise(file, asked, &options, err);
    struct thaw_graph *graph = arch ? arch->build(arch, &options, err) : NULL;
    if (!graph)
        return NULL;
    thaw_model_note(notes, "weights only, written by Keras %s",
                    file->keras_version && *file->keras_version ? file->keras_version
                                                                : "(version not given)");
    thaw_model_note(notes, "family %s%s, %s", arch->name,
                    asked && asked->arch ? " (as given)" : ", recognised by layer names and shapes",
                    options.classes ? "with its top" : "without a top");
    if (options.alpha > 0)
        thaw_model_note(notes, "width multiplier %g", (double)options.alpha);
    if (file->by_path ? thaw_bind_paths(file, NULL, graph, notes, err)
                      : thaw_bind_weights(file, graph, notes, err)) {
        thaw_error_prefix(err, "as %s", arch->name);
        thaw_graph_free(graph);
        return NULL;
    }
    return graph;
}

struct thaw_graph *thaw_model_from_keras(const struct thaw_keras_file *file,
                                         const struct thaw_model_options *options,
                                         struct thaw_model_notes *notes, struct thaw_error *err)
{
    return file->config ? from_config(file, options, notes, err)
                        : from_weights(file, options, notes, err);
}

/* --- random weights --- */

struct thaw_graph *thaw_model_random(const char *spec, const struct thaw_arch_options *options,
                                     uint64_t seed, struct thaw_error *err)
{
    struct thaw_arch_options all = {0};
    if (options)
        all = *options;
    const struct thaw_arch *arch = parse_spec(spec, &all, err);
    struct thaw_graph *graph = arch ? arch->build(arch, &all, err) : NULL;
    if (graph)
        thaw_graph_init(graph, 0, seed);
    return graph;
}
