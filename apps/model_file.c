#include "apps/model_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/calibration.h"
#include "apps/model_find.h"
#include "apps/text.h"
#include "io/base/mem.h"

static const char random_prefix[] = "random:";

/* --- opening the file --- */

static int note(struct thaw_model_file *m, char *line, struct thaw_error *err)
{
    struct thaw_model_notes *notes = &m->notes;
    if (!line || thaw_grow(&notes->lines, &notes->capacity, notes->n + 1, sizeof line, err)) {
        free(line);
        return -1;
    }
    notes->lines[notes->n++] = line;
    return 0;
}

int thaw_model_size(const char *text, int *height, int *width, struct thaw_error *err)
{
    int used = 0, fields = text ? sscanf(text, "%5d%n", height, &used) : 0;
    *width = *height;
    if (fields == 1 && text[used] == 'x') {
        const char *rest = text + used + 1;
        used = 0;
        fields = sscanf(rest, "%5d%n", width, &used);
        text = rest;
    }
    if (fields != 1 || text[used] || *height < 1 || *width < 1)
        return thaw_fail(err, THAW_EUSAGE,
                         "--size: needs a side such as 224, or HEIGHTxWIDTH such as 192x256");
    return 0;
}

static const json_t *member(const struct thaw_model_file *m, const char *key)
{
    return m->record ? json_object_get(m->record, key) : NULL;
}

static int read_record(struct thaw_model_file *m, struct thaw_error *err)
{
    if (!m->file->thaw)
        return 0;
    if (!json_is_object(m->file->thaw))
        return thaw_fail(err, THAW_EINPUT, "the thaw record is no JSON object");
    m->record = json_incref(m->file->thaw);
    const json_t *p = member(m, "preprocess");
    if (!p)
        return 0;
    if (thaw_preprocess_read(&m->preprocess, p, err))
        return thaw_error_prefix(err, "thaw record, preprocess");
    m->preprocess_from = "the model's record";
    return 0;
}

/* --size first; where the network leaves the size open, the record's. */
static int choose_size(const struct thaw_model_file *m, const struct thaw_model_request *r,
                       struct thaw_model_options *options, struct thaw_error *err)
{
    *options = (struct thaw_model_options){.arch = r->arch, .lean = r->lean};
    if (r->size)
        return thaw_model_size(r->size, &options->height, &options->width, err);
    if (m->preprocess_from) {
        options->height = m->preprocess.height;
        options->width = m->preprocess.width;
    }
    return 0;
}

static int build(struct thaw_model_file *m, const struct thaw_model_request *r,
                 struct thaw_error *err)
{
    struct thaw_model_options options;
    if (choose_size(m, r, &options, err))
        return -1;
    m->graph = thaw_model_from_keras(m->file, &options, &m->notes, err);
    return m->graph ? 0 : -1;
}

static int load(struct thaw_model_file *m, const struct thaw_model_request *r,
                struct thaw_error *err)
{
    if (!(m->path = thaw_model_find(r->name, r->models_dir, err)))
        return -1;
    if (!(m->file = thaw_keras_load(m->path, err)))
        return -1;
    if (read_record(m, err) || build(m, r, err))
        return thaw_error_prefix(err, "%s", m->path);
    return 0;
}

static int make_random(struct thaw_model_file *m, const struct thaw_model_request *r,
                       struct thaw_error *err)
{
    struct thaw_arch_options options = {.classes = r->classes};
    if (r->size && thaw_model_size(r->size, &options.height, &options.width, err))
        return -1;
    if (!(m->path = thaw_strdup(r->name, err)))
        return -1;
    m->graph = thaw_model_random(r->name + strlen(random_prefix), &options, r->seed, err);
    if (!m->graph)
        return thaw_error_prefix(err, "%s", r->name);
    return note(m, thaw_format(err, "random weights, seed %" PRIu64, r->seed), err);
}

/* --- preprocessing --- */

/* A network that scales its input itself wants plain 0..255. */
static const struct thaw_node *own_scaling(const struct thaw_graph *graph)
{
    for (int i = 1; i < graph->n_nodes; i++) {
        const struct thaw_node *node = &graph->nodes[i];
        if (strcmp(node->kind->name, "Rescaling") == 0 ||
            strcmp(node->kind->name, "Normalization") == 0)
            return node;
        if (node->n_params)
            break;
    }
    return NULL;
}

static int set_mode(struct thaw_model_file *m, const char *mode, const char *from,
                    struct thaw_error *err)
{
    struct thaw_shape in = m->graph->nodes[0].shape;
    if (thaw_preprocess_init(&m->preprocess, mode, in.h, in.w, err))
        return -1;
    m->preprocess.channels = in.c;
    m->preprocess_from = from;
    return thaw_preprocess_check(&m->preprocess, err);
}

static int fail_unknown_mode(const struct thaw_model_file *m, struct thaw_error *err)
{
    return thaw_fail(err, THAW_EUSAGE,
                     "%s does not say how scans become its input, and its network is of no known "
                     "family: give --preprocess MODE (tf, caffe, torch, lite, 01 or none), the one "
                     "it was trained with",
                     m->path);
}

static int guess_mode(struct thaw_model_file *m, bool needed, struct thaw_error *err)
{
    struct thaw_shape in = m->graph->nodes[0].shape;
    bool picture = in.rank == 3 && (in.c == 1 || in.c == 3);
    if (!picture)
        return needed ? thaw_fail(err, THAW_EINPUT,
                                  "%s takes no pictures: its input has %d sides and %d channels; "
                                  "2 sides and 1 or 3 channels are possible",
                                  m->path, in.rank - 1, in.c)
                      : 0;
    const struct thaw_node *own = own_scaling(m->graph);
    if (own) {
        if (note(m, thaw_format(err, "layer %s scales the input itself", own->name), err))
            return -1;
        return set_mode(m, "none", "its own first layers", err);
    }
    if (m->arch && m->arch->preprocess && in.c == 3)
        return set_mode(m, m->arch->preprocess, "its network family", err);
    return needed ? fail_unknown_mode(m, err) : 0;
}

static int choose_preprocess(struct thaw_model_file *m, const struct thaw_model_request *r,
                             struct thaw_error *err)
{
    struct thaw_shape in = m->graph->nodes[0].shape;
    if (!m->preprocess_from)
        return r->preprocess ? set_mode(m, r->preprocess, "--preprocess", err)
                             : guess_mode(m, r->need_preprocess, err);
    struct thaw_preprocess *p = &m->preprocess;
    if (r->preprocess && strcmp(r->preprocess, thaw_preprocess_modes[p->mode].name) != 0)
        return thaw_fail(err, THAW_EUSAGE,
                         "--preprocess %s: %s was made with mode %s and keeps it; the option is "
                         "for models that do not say",
                         r->preprocess, m->path, thaw_preprocess_modes[p->mode].name);
    if (in.rank != 3 || in.c != p->channels)
        return thaw_fail(err, THAW_EINPUT,
                         "%s: its record speaks of %d channels, its network's input has %d",
                         m->path, p->channels, in.c);
    p->height = in.h;
    p->width = in.w;
    return thaw_preprocess_check(p, err);
}

/* --- classes --- */

const struct thaw_node *thaw_model_last_arithmetic(const struct thaw_graph *graph)
{
    const struct thaw_node *node = &graph->nodes[graph->output];
    while (node->n_inputs == 1 &&
           (strcmp(node->kind->name, "Reshape") == 0 || strcmp(node->kind->name, "Flatten") == 0))
        node = &graph->nodes[node->inputs[0]];
    return node;
}

void thaw_model_activation(const struct thaw_node *node, char *text, size_t size)
{
    json_t *config = json_object();
    bool read = config && thaw_fields_write(node->kind->fields, node->conf, config, NULL) == 0;
    const char *activation = json_string_value(json_object_get(config, "activation"));
    snprintf(text, size, "%s", read && activation ? activation : "");
    json_decref(config);
}

/* Is the output a choice among classes, or just features? */
static bool has_top(const struct thaw_graph *graph)
{
    char activation[32];
    if (graph->nodes[graph->output].shape.rank != 1)
        return false;
    const struct thaw_node *last = thaw_model_last_arithmetic(graph);
    thaw_model_activation(last, activation, sizeof activation);
    if (strcmp(last->kind->name, "Dense") == 0 || strcmp(last->kind->name, "Softmax") == 0 ||
        strcmp(activation, "softmax") == 0 || strcmp(activation, "sigmoid") == 0)
        return true;
    for (int i = thaw_model_feature_node(graph) + 1; i < graph->n_nodes; i++)
        if (graph->nodes[i].n_params)
            return true;
    return false;
}

static int read_classes(struct thaw_model_file *m, struct thaw_error *err)
{
    struct thaw_shape out = m->graph->nodes[m->graph->output].shape;
    const json_t *names = member(m, "classes");
    m->n_classes = has_top(m->graph) ? out.c : 0;
    if (!names || json_is_null(names))
        return 0;
    size_t n = json_array_size(names);
    if (!json_is_array(names) || out.rank != 1 || n != (size_t)out.c)
        return thaw_fail(err, THAW_EINPUT,
                         "%s: the record names %zu classes, the network has %d outputs", m->path, n,
                         out.c);
    if (!(m->classes = thaw_new(n + 1, sizeof *m->classes, err)))
        return -1;
    m->n_classes = (int)n;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (!name)
            return thaw_fail(err, THAW_EINPUT, "%s: class %zu of the record is no text", m->path,
                             i);
        if (!(m->classes[i] = thaw_strdup(name, err)))
            return -1;
    }
    return 0;
}

/* --- the whole --- */

int thaw_model_file_open(struct thaw_model_file *m, const struct thaw_model_request *r,
                         struct thaw_error *err)
{
    *m = (struct thaw_model_file){0};
    bool random = strncmp(r->name, random_prefix, strlen(random_prefix)) == 0;
    if (random ? make_random(m, r, err) : load(m, r, err))
        goto fail;
    m->arch = thaw_arch_of(m->graph);
    if (choose_preprocess(m, r, err) || read_classes(m, err) || thaw_calibration_read(m, err))
        goto fail;
    return 0;
fail:
    thaw_model_file_release(m);
    return -1;
}

int thaw_model_file_hash(struct thaw_model_file *m, struct thaw_error *err)
{
    return *m->hash || !m->file ? 0 : thaw_hash_file(m->path, m->hash, err);
}

void thaw_model_file_release(struct thaw_model_file *m)
{
    thaw_labels_free(m->classes, m->n_classes);
    free(m->path);
    thaw_graph_free(m->graph);
    json_decref(m->record);
    thaw_ranges_release(&m->ranges);
    thaw_model_notes_release(&m->notes);
    thaw_keras_free(m->file);
    *m = (struct thaw_model_file){0};
}
