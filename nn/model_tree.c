#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/model_config.h"

/* --- linking --- */

static int find_layer(const struct thaw_config_model *model, const char *name)
{
    for (int i = 0; i < model->n_layers; i++)
        if (!strcmp(model->layers[i].name, name))
            return i;
    return -1;
}

/* A Sequential's references were left empty: each layer reads the one before it. */
static int resolve(struct thaw_config_model *model, struct thaw_error *err)
{
    for (int i = 0; i < model->n_layers; i++) {
        struct thaw_config_layer *l = &model->layers[i];
        bool input = !strcmp(l->class_name, "InputLayer");
        if (input && i != model->input)
            return thaw_fail(err, THAW_EINPUT,
                             "model %s has a second input, %s; only models with one are supported",
                             model->name, l->name);
        if (input != (l->n_inputs == 0))
            return thaw_fail(err, THAW_EINPUT, "model %s: layer %s (%s) %s", model->name, l->name,
                             l->class_name,
                             input ? "is an input but reads a layer" : "reads no layer");
        l->inputs = thaw_new((size_t)l->n_inputs, sizeof *l->inputs, err);
        if (!l->inputs)
            return -1;
        for (int k = 0; k < l->n_inputs; k++) {
            l->inputs[k] = l->refs[k] ? find_layer(model, l->refs[k]) : i - 1;
            if (l->inputs[k] < 0)
                return thaw_fail(err, THAW_EINPUT,
                                 "model %s: layer %s reads %s, which is none of its layers",
                                 model->name, l->name, l->refs[k]);
        }
    }
    return 0;
}

/* place[i] = position of layer i such that inputs come first; layers that are already so keep the
 * order of the file. */
static int sort_places(const struct thaw_config_model *model, int *place, struct thaw_error *err)
{
    int done = 0;
    for (int i = 0; i < model->n_layers; i++)
        place[i] = -1;
    for (int before = -1; done < model->n_layers && done > before;) {
        before = done;
        for (int i = 0; i < model->n_layers; i++) {
            bool ready = place[i] < 0;
            for (int k = 0; ready && k < model->layers[i].n_inputs; k++)
                ready = place[model->layers[i].inputs[k]] >= 0;
            if (ready)
                place[i] = done++;
        }
    }
    for (int i = 0; i < model->n_layers; i++)
        if (place[i] < 0)
            return thaw_fail(err, THAW_EINPUT,
                             "model %s: layer %s (%s) waits for its own output (a loop in "
                             "inbound_nodes)",
                             model->name, model->layers[i].name, model->layers[i].class_name);
    return 0;
}

static int sort(struct thaw_config_model *model, struct thaw_error *err)
{
    size_t n = (size_t)model->n_layers;
    int failed = -1;
    int *place = thaw_new(n, sizeof *place, err);
    struct thaw_config_layer *sorted = thaw_new(n, sizeof *sorted, err);
    if (!place || !sorted || sort_places(model, place, err) < 0)
        goto done;
    for (int i = 0; i < model->n_layers; i++) {
        struct thaw_config_layer *l = &model->layers[i];
        for (int k = 0; k < l->n_inputs; k++)
            l->inputs[k] = place[l->inputs[k]];
        sorted[place[i]] = *l;
    }
    memcpy(model->layers, sorted, n * sizeof *sorted);
    model->input = place[model->input];
    model->output = place[model->output];
    failed = 0;
done:
    free(place);
    free(sorted);
    return failed;
}

/* A layer that leads nowhere would be dropped by Keras together with its weights: then the file's
 * groups and ours would not agree. */
static int check_reached(const struct thaw_config_model *model, struct thaw_error *err)
{
    bool *reached = thaw_new((size_t)model->n_layers, sizeof *reached, err);
    if (!reached)
        return -1;
    int failed = 0;
    reached[model->output] = true;
    for (int i = model->n_layers - 1; i >= 0 && !failed; i--) {
        const struct thaw_config_layer *l = &model->layers[i];
        if (!reached[i])
            failed = thaw_fail(
                err, THAW_EINPUT, "model %s: layer %s (%s) does not lead to the output %s",
                model->name, l->name, l->class_name, model->layers[model->output].name);
        for (int k = 0; k < l->n_inputs; k++)
            reached[l->inputs[k]] = true;
    }
    free(reached);
    return failed;
}

/* The order is a matter of who feeds whom only, so a graph of bare nodes does. */
static int keras_order(struct thaw_config_model *model, struct thaw_error *err)
{
    struct thaw_graph bare = {.n_nodes = model->n_layers, .output = model->output};
    bare.nodes = thaw_new((size_t)model->n_layers, sizeof *bare.nodes, err);
    model->order = thaw_new((size_t)model->n_layers, sizeof *model->order, err);
    int failed = -1;
    if (bare.nodes && model->order) {
        for (int i = 0; i < model->n_layers; i++) {
            bare.nodes[i].inputs = model->layers[i].inputs;
            bare.nodes[i].n_inputs = model->layers[i].n_inputs;
        }
        failed = thaw_graph_keras_order(&bare, model->order, err);
    }
    free(bare.nodes);
    return failed;
}

int thaw_config_link(struct thaw_config_model *model, struct thaw_error *err)
{
    if (resolve(model, err) < 0 || sort(model, err) < 0 || check_reached(model, err) < 0)
        return -1;
    return keras_order(model, err);
}

/* --- unrolling --- */

struct unroll {
    struct thaw_graph *graph;
    struct thaw_model_notes *notes;
    struct thaw_error *err;
    int skipped;
};

/* Inner models may use a name again; Keras keeps them apart by the model, a flat graph cannot. */
static char *unique_name(const struct unroll *u, const char *name, const char *outer)
{
    if (thaw_graph_find(u->graph, name) < 0)
        return thaw_strdup(name, u->err);
    for (int i = 1;; i++) {
        char *other = i == 1 ? thaw_format(u->err, "%s_%s", outer, name)
                             : thaw_format(u->err, "%s_%s_%d", outer, name, i);
        if (!other || thaw_graph_find(u->graph, other) < 0) {
            if (other)
                thaw_model_note(u->notes,
                                "layer %s of model %s is called %s here: the name is "
                                "taken",
                                name, outer, other);
            return other;
        }
        free(other);
    }
}

static int add_leaf(struct unroll *u, struct thaw_config_layer *l, const int *inputs,
                    const char *outer)
{
    const struct thaw_layer_kind *kind = thaw_layer_find(l->class_name, u->err);
    if (!kind)
        return -1;
    if (kind->identity && l->n_inputs == 1) {
        u->skipped++;
        thaw_model_note(u->notes, "layer %s (%s) does nothing at inference: left out", l->name,
                        l->class_name);
        return inputs[0];
    }
    char *name = unique_name(u, l->name, outer);
    if (!name)
        return -1;
    int node =
        thaw_graph_add(u->graph, l->class_name, name, inputs, l->n_inputs, l->config, u->err);
    free(name);
    if (node >= 0) {
        u->graph->nodes[node].trainable = l->trainable;
        l->node = node;
    }
    return node;
}

/* Returns the node of the model's output. */
static int unroll_model(struct unroll *u, struct thaw_config_model *model, int input)
{
    int result = -1;
    int *nodes = thaw_new((size_t)model->n_layers, sizeof *nodes, u->err);
    int *inputs = thaw_new((size_t)model->n_layers, sizeof *inputs, u->err);
    if (!nodes || !inputs)
        goto done;
    for (int i = 0; i < model->n_layers; i++) {
        struct thaw_config_layer *l = &model->layers[i];
        if (l->merged)
            continue;
        if (l->n_inputs > model->n_layers) {
            thaw_fail(u->err, THAW_EINPUT, "layer %s (%s) has %d inputs in a model of %d layers",
                      l->name, l->class_name, l->n_inputs, model->n_layers);
            goto done;
        }
        for (int k = 0; k < l->n_inputs; k++)
            inputs[k] = nodes[l->inputs[k]];
        if (i == model->input) {
            nodes[i] = input;
        } else if (!l->model) {
            nodes[i] = add_leaf(u, l, inputs, model->name);
        } else if (l->n_inputs == 1) {
            nodes[i] = unroll_model(u, l->model, inputs[0]);
        } else {
            nodes[i] = thaw_fail(u->err, THAW_EINPUT, "layer %s (%s): a model with %d inputs",
                                 l->name, l->class_name, l->n_inputs);
        }
        if (nodes[i] < 0)
            goto done;
    }
    result = nodes[model->output];
done:
    free(nodes);
    free(inputs);
    return result;
}

static int add_input(struct thaw_graph *graph, const char *name, const int shape[3],
                     struct thaw_error *err)
{
    json_t *config = json_pack("{s:[niii]}", "batch_input_shape", shape[0], shape[1], shape[2]);
    if (!config)
        return thaw_fail(err, THAW_EMEMORY, "out of memory while building the graph");
    int node = thaw_graph_add(graph, "InputLayer", name, NULL, 0, config, err);
    json_decref(config);
    return node;
}

struct thaw_graph *thaw_config_unroll(struct thaw_config_model *model, const int shape[3],
                                      struct thaw_model_notes *notes, struct thaw_error *err)
{
    struct unroll u = {.notes = notes, .err = err};
    u.graph = thaw_graph_create(*model->name ? model->name : "model", err);
    if (!u.graph)
        return NULL;
    u.graph->lean = model->lean;
    int input = add_input(u.graph, model->layers[model->input].name, shape, err);
    int output = input < 0 ? -1 : unroll_model(&u, model, input);
    if (output < 0) {
        thaw_graph_free(u.graph);
        return NULL;
    }
    u.graph->output = output;
    return u.graph;
}
