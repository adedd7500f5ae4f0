#include "nn/model_config.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

enum { MAX_DEPTH = 16, MAX_LAYERS = 10000, MAX_SIDE = 65536 };

static struct thaw_config_model *read_model(const json_t *entry, int major, int depth,
                                            struct thaw_error *err);

void thaw_config_free(struct thaw_config_model *model)
{
    if (!model)
        return;
    for (int i = 0; i < model->n_layers; i++) {
        struct thaw_config_layer *l = &model->layers[i];
        json_decref(l->config);
        free(l->inputs);
        free(l->refs);
        thaw_config_free(l->model);
    }
    free(model->layers);
    free(model->order);
    free(model);
}

static bool is_model(const char *class_name)
{
    return !strcmp(class_name, "Functional") || !strcmp(class_name, "Model") ||
           !strcmp(class_name, "Sequential");
}

/* --- layers --- */

static struct thaw_config_layer *add_layer(struct thaw_config_model *model, const char *name,
                                           const char *class_name, struct thaw_error *err)
{
    if (model->n_layers >= MAX_LAYERS) {
        thaw_fail(err, THAW_EINPUT, "model %s has more than %d layers", model->name, MAX_LAYERS);
        return NULL;
    }
    if (thaw_grow(&model->layers, &model->capacity, (size_t)model->n_layers + 1,
                  sizeof *model->layers, err) < 0)
        return NULL;
    struct thaw_config_layer *l = &model->layers[model->n_layers++];
    *l = (struct thaw_config_layer){
        .name = name, .class_name = class_name, .trainable = true, .node = -1};
    return l;
}

/* The layer's own configuration: without the input shape that a first layer may carry, and with
 * the meaning of hard_sigmoid told apart, which Keras 3 changed without changing the name. */
static json_t *clean_config(const json_t *config, int major, struct thaw_error *err)
{
    json_t *copy = json_is_object(config) ? json_copy((json_t *)config) : json_object();
    if (!copy) {
        thaw_fail(err, THAW_EMEMORY, "out of memory while reading model_config");
        return NULL;
    }
    json_object_del(copy, "batch_input_shape");
    json_object_del(copy, "batch_shape");
    const json_t *activation = json_object_get(copy, "activation");
    if (json_is_object(activation))
        activation = json_object_get(activation, "config");
    if (json_is_object(activation)) /* an Activation layer used as a function */
        activation = json_object_get(activation, "activation");
    const char *name = json_string_value(activation);
    if (major >= 3 && name && !strcmp(name, "hard_sigmoid") &&
        json_object_set_new(copy, "activation", json_string("hard_sigmoid_3")) < 0) {
        json_decref(copy);
        thaw_fail(err, THAW_EMEMORY, "out of memory while reading model_config");
        return NULL;
    }
    return copy;
}

static int read_leaf(struct thaw_config_layer *l, const json_t *config, int major,
                     struct thaw_error *err)
{
    if (strcmp(l->class_name, "InputLayer") && !thaw_layer_find(l->class_name, err))
        return thaw_error_prefix(err, "layer %s", l->name);
    const json_t *trainable = json_object_get(config, "trainable");
    l->trainable = !trainable || json_is_true(trainable);
    l->config = clean_config(config, major, err);
    return l->config ? 0 : -1;
}

static int read_layer(struct thaw_config_model *model, const json_t *entry, int major, int depth,
                      struct thaw_error *err)
{
    const json_t *config = json_object_get(entry, "config");
    const char *name = thaw_config_text(entry, "name");
    if (!*name)
        name = thaw_config_text(config, "name");
    const char *class_name = thaw_config_text(entry, "class_name");
    if (!*class_name)
        return thaw_fail(err, THAW_EINPUT,
                         "model_config: layer %d of model %s (%s) has no class_name",
                         model->n_layers, model->name, *name ? name : "without a name");
    if (!*name)
        name = class_name;
    struct thaw_config_layer *l = add_layer(model, name, class_name, err);
    if (!l)
        return -1;
    if (thaw_config_is_operation(l, config))
        return thaw_config_operation(l, config, json_object_get(entry, "inbound_nodes"), err);
    if (is_model(class_name)) {
        l->model = read_model(entry, major, depth + 1, err);
        if (!l->model)
            return -1;
        l->trainable = l->model->trainable;
    } else if (read_leaf(l, config, major, err) < 0) {
        return -1;
    }
    return thaw_config_calls(l, json_object_get(entry, "inbound_nodes"), err);
}

/* --- input shape --- */

/* [batch, height, width, channels]. Others are remembered for the error text only: models used as
 * layers may well start from vectors. */
static void read_shape(struct thaw_config_model *model, const json_t *shape)
{
    if (!json_is_array(shape))
        return;
    bool right = json_array_size(shape) == 4;
    int sides[3] = {0, 0, 0};
    for (size_t i = 0; right && i < 3; i++) {
        const json_t *side = json_array_get(shape, i + 1);
        json_int_t n = json_integer_value(side);
        if (json_is_integer(side) && n > 0 && n <= MAX_SIDE)
            sides[i] = (int)n;
        else if (!json_is_null(side))
            right = false;
    }
    model->bad_shape = right ? NULL : shape;
    model->has_shape = right;
    if (right)
        memcpy(model->shape, sides, sizeof sides);
}

/* Where a layer's dictionary says the input shape, in any dialect. */
static void shape_of_entry(struct thaw_config_model *model, const json_t *entry)
{
    const json_t *config = json_object_get(entry, "config");
    const json_t *shape = json_object_get(config, "batch_input_shape");
    read_shape(model, shape ? shape : json_object_get(config, "batch_shape"));
}

/* --- models --- */

static int sequential(struct thaw_config_model *model, const json_t *config, int major, int depth,
                      struct thaw_error *err)
{
    const json_t *list = json_is_array(config) ? config : json_object_get(config, "layers");
    const json_t *first = json_array_get(list, 0);
    if (!first)
        return thaw_fail(err, THAW_EINPUT, "Sequential model %s has no layers", model->name);
    if (strcmp(thaw_config_text(first, "class_name"), "InputLayer") &&
        !add_layer(model, "input", "InputLayer", err))
        return -1;
    size_t i;
    json_t *entry;
    json_array_foreach((json_t *)list, i, entry)
    {
        if (read_layer(model, entry, major, depth, err) < 0)
            return -1;
    }
    for (int k = 1; k < model->n_layers; k++) {
        struct thaw_config_layer *l = &model->layers[k];
        if (!strcmp(l->class_name, "InputLayer"))
            return thaw_fail(err, THAW_EINPUT, "Sequential model %s: layer %s is a second input",
                             model->name, l->name);
        l->n_inputs = 0;
        if (thaw_grow(&l->refs, &l->refs_capacity, 1, sizeof *l->refs, err) < 0)
            return -1;
        l->n_inputs = 1;
    }
    model->output = model->n_layers - 1;
    shape_of_entry(model, first);
    const struct thaw_config_model *inner = model->layers[model->n_layers > 1 ? 1 : 0].model;
    if (!model->has_shape && inner && inner->has_shape) {
        memcpy(model->shape, inner->shape, sizeof model->shape);
        model->has_shape = true;
    }
    if (!model->has_shape)
        read_shape(model, json_object_get(config, "build_input_shape"));
    return 0;
}

/* The one layer that input_layers or output_layers names: ["x",0,0] or [["x",0,0]]. */
static const char *one_end(const struct thaw_config_model *model, const json_t *ends,
                           const char *what, struct thaw_error *err)
{
    const json_t *end = ends;
    while (json_is_array(end) && json_is_array(json_array_get(end, 0)) && json_array_size(end) == 1)
        end = json_array_get(end, 0);
    if (json_is_string(json_array_get(end, 0)))
        return json_string_value(json_array_get(end, 0));
    const char *a = json_string_value(json_array_get(json_array_get(end, 0), 0));
    const char *b = json_string_value(json_array_get(json_array_get(end, 1), 0));
    if (a && b)
        thaw_fail(
            err, THAW_EINPUT, "model %s has %zu %ss (%s, %s%s); only models with one are supported",
            model->name, json_array_size(end), what, a, b, json_array_size(end) > 2 ? ", ..." : "");
    else
        thaw_fail(err, THAW_EINPUT, "model %s: %s_layers names no layer", model->name, what);
    return NULL;
}

static int find_layer(const struct thaw_config_model *model, const char *name)
{
    for (int i = 0; i < model->n_layers; i++)
        if (!strcmp(model->layers[i].name, name))
            return i;
    return -1;
}

static int functional(struct thaw_config_model *model, const json_t *config, int major, int depth,
                      struct thaw_error *err)
{
    const char *in = one_end(model, json_object_get(config, "input_layers"), "input", err);
    const char *out =
        in ? one_end(model, json_object_get(config, "output_layers"), "output", err) : NULL;
    if (!out)
        return -1;
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(config, "layers"), i, entry)
    {
        if (read_layer(model, entry, major, depth, err) < 0)
            return -1;
        const struct thaw_config_layer *l = &model->layers[model->n_layers - 1];
        if (find_layer(model, l->name) != model->n_layers - 1)
            return thaw_fail(err, THAW_EINPUT, "model %s has two layers called %s", model->name,
                             l->name);
        if (!strcmp(l->name, in))
            shape_of_entry(model, entry);
    }
    model->input = find_layer(model, in);
    model->output = find_layer(model, out);
    if (model->input < 0 || model->output < 0)
        return thaw_fail(err, THAW_EINPUT,
                         "model %s names %s as its %s, which is none of its layers", model->name,
                         model->input < 0 ? in : out, model->input < 0 ? "input" : "output");
    return 0;
}

static struct thaw_config_model *read_model(const json_t *entry, int major, int depth,
                                            struct thaw_error *err)
{
    const json_t *config = json_object_get(entry, "config");
    const char *class_name = thaw_config_text(entry, "class_name");
    if (depth > MAX_DEPTH) {
        thaw_fail(err, THAW_EINPUT, "model_config: models are nested more than %d deep", MAX_DEPTH);
        return NULL;
    }
    if (!is_model(class_name) || (!json_is_object(config) && !json_is_array(config))) {
        thaw_fail(err, THAW_EINPUT,
                  "model_config: class_name \"%s\"; Functional, Model and Sequential are known",
                  class_name);
        return NULL;
    }
    struct thaw_config_model *model = thaw_new(1, sizeof *model, err);
    if (!model)
        return NULL;
    const json_t *flag = json_object_get(config, "trainable");
    model->name = thaw_config_text(config, "name");
    model->trainable = !flag || json_is_true(flag);
    int failed = !strcmp(class_name, "Sequential") ? sequential(model, config, major, depth, err)
                                                   : functional(model, config, major, depth, err);
    if (failed < 0 || thaw_config_link(model, err) < 0 || thaw_config_fuse(model, err) < 0) {
        thaw_config_free(model);
        return NULL;
    }
    return model;
}

struct thaw_config_model *thaw_config_read(const json_t *config, int major, struct thaw_error *err)
{
    return read_model(config, major, 0, err);
}
