/* The calls in inbound_nodes: who feeds a layer, and arithmetic on outputs of layers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/model_config.h"

const char *thaw_config_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Short JSON for an error text. */
static int fail_value(struct thaw_error *err, const struct thaw_config_layer *l, const char *key,
                      const json_t *value, const char *why)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    thaw_fail(err, THAW_EINPUT, "layer %s (%s): %s = %.120s: %s", l->name, l->class_name, key,
              text ? text : "?", why);
    free(text);
    return -1;
}

static int add_ref(struct thaw_config_layer *l, const json_t *name, const json_t *node,
                   const json_t *tensor, struct thaw_error *err)
{
    if (!json_is_string(name) || !json_is_integer(node) || !json_is_integer(tensor))
        return thaw_fail(err, THAW_EINPUT,
                         "layer %s (%s): an entry of inbound_nodes is not [name, node, tensor]",
                         l->name, l->class_name);
    if (json_integer_value(tensor) != 0)
        return thaw_fail(err, THAW_EINPUT,
                         "layer %s (%s) reads output %lld of layer %s; only layers with one output "
                         "are known",
                         l->name, l->class_name, (long long)json_integer_value(tensor),
                         json_string_value(name));
    /* A nested model's calls count from 1 in Keras 2, where 0 is its own construction. */
    if (json_integer_value(node) > 1)
        return thaw_fail(err, THAW_EINPUT,
                         "layer %s (%s) reads call number %lld of layer %s: layers that are used "
                         "more than once (shared layers) are not supported",
                         l->name, l->class_name, (long long)json_integer_value(node),
                         json_string_value(name));
    size_t need = (size_t)l->n_inputs + 1;
    if (thaw_grow(&l->refs, &l->refs_capacity, need, sizeof *l->refs, err) < 0)
        return -1;
    l->refs[l->n_inputs++] = json_string_value(name);
    return 0;
}

/* A number, or a list of numbers in any number of lists of one; NULL: something else. Keras 3 wraps
 * arrays. */
static const json_t *constant_in(const json_t *arg)
{
    const char *class_name = thaw_config_text(arg, "class_name");
    if (!strcmp(class_name, "__numpy__") || !strcmp(class_name, "__tensor__"))
        arg = json_object_get(json_object_get(arg, "config"), "value");
    while (json_array_size(arg) == 1 && json_is_array(json_array_get(arg, 0)))
        arg = json_array_get(arg, 0);
    bool numbers = json_array_size(arg) > 0;
    for (size_t i = 0; i < json_array_size(arg) && numbers; i++)
        numbers = json_is_number(json_array_get(arg, i));
    return json_is_number(arg) || numbers ? arg : NULL;
}

static int add_constant(struct thaw_config_layer *l, const json_t *value)
{
    l->constant = value;
    l->constant_first = l->n_inputs == 0;
    l->n_constants++;
    return 0;
}

static int add_argument(struct thaw_config_layer *l, const json_t *arg, int depth,
                        struct thaw_error *err);

/* Keras 2 gives the second argument of an operation by its name. */
static int check_kwargs(struct thaw_config_layer *l, const json_t *kwargs, int depth,
                        struct thaw_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)kwargs, key, value)
    {
        if (l->operation && (!strcmp(key, "y") || !strcmp(key, "bias"))) {
            if (add_argument(l, value, depth + 1, err) < 0)
                return -1;
            continue;
        }
        if (json_is_null(value) || (!strcmp(key, "training") && json_is_false(value)) ||
            (!strcmp(key, "data_format") && json_string_value(value) &&
             !strcmp(json_string_value(value), "NHWC")))
            continue;
        return fail_value(err, l, key, value, "this argument of the layer's call is not supported");
    }
    return 0;
}

/* One argument of a call: a reference of either dialect, a list of them, or a number. */
static int add_argument(struct thaw_config_layer *l, const json_t *arg, int depth,
                        struct thaw_error *err)
{
    if (depth > 3)
        return thaw_fail(err, THAW_EINPUT, "layer %s (%s): inbound_nodes is nested too deeply",
                         l->name, l->class_name);
    if (json_is_array(arg) && json_is_string(json_array_get(arg, 0))) {
        const char *name = json_string_value(json_array_get(arg, 0));
        const json_t *third = json_array_get(arg, 2);
        const json_t *constant =
            l->operation && !strcmp(name, "_CONSTANT_VALUE") ? constant_in(third) : NULL;
        int failed = constant
                         ? add_constant(l, constant)
                         : add_ref(l, json_array_get(arg, 0), json_array_get(arg, 1), third, err);
        return failed < 0 ? -1 : check_kwargs(l, json_array_get(arg, 3), depth, err);
    }
    if (l->operation && constant_in(arg))
        return add_constant(l, constant_in(arg));
    if (json_is_array(arg)) {
        size_t i;
        json_t *item;
        json_array_foreach((json_t *)arg, i, item)
        {
            if (add_argument(l, item, depth + 1, err) < 0)
                return -1;
        }
        return 0;
    }
    if (!strcmp(thaw_config_text(arg, "class_name"), "__keras_tensor__")) {
        const json_t *history = json_object_get(json_object_get(arg, "config"), "keras_history");
        return add_ref(l, json_array_get(history, 0), json_array_get(history, 1),
                       json_array_get(history, 2), err);
    }
    if (json_is_null(arg))
        return 0;
    return fail_value(err, l, "argument", arg,
                      "the layer is called with something that is no layer's output");
}

int thaw_config_calls(struct thaw_config_layer *l, const json_t *calls, struct thaw_error *err)
{
    size_t n = json_array_size(calls);
    if (n > 1)
        return thaw_fail(err, THAW_EINPUT,
                         "layer %s (%s) is used %zu times; layers that are used more than once "
                         "(shared layers) are not supported",
                         l->name, l->class_name, n);
    const json_t *call = json_array_get(calls, 0);
    if (!call)
        return 0;
    if (!json_is_object(call))
        return add_argument(l, call, 0, err);
    if (check_kwargs(l, json_object_get(call, "kwargs"), 0, err) < 0)
        return -1;
    return add_argument(l, json_object_get(call, "args"), 0, err);
}

/* --- arithmetic --- */

enum arithmetic { ADD, SUBTRACT, MULTIPLY, DIVIDE };

/* Keras 3's class, and TensorFlow's functions of that meaning. */
static const struct operation {
    const char *class_name, *functions[3];
    enum arithmetic what;
    const char *layer; /* on two tensors; NULL: no such layer is known */
} operations[] = {
    {"Add", {"__operators__.add", "math.add", "nn.bias_add"}, ADD, "Add"},
    {"Subtract", {"math.subtract", NULL}, SUBTRACT, NULL},
    {"Multiply", {"math.multiply", NULL}, MULTIPLY, "Multiply"},
    {"TrueDivide", {"math.truediv", "math.divide"}, DIVIDE, NULL},
    {"Divide", {NULL, NULL}, DIVIDE, NULL},
};

static const struct operation *find_class(const char *class_name)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (!strcmp(operations[i].class_name, class_name))
            return &operations[i];
    return NULL;
}

static const struct operation *find_function(const char *function)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        for (int k = 0; k < 3 && operations[i].functions[k]; k++)
            if (!strcmp(operations[i].functions[k], function))
                return &operations[i];
    return NULL;
}

bool thaw_config_is_operation(const struct thaw_config_layer *l, const json_t *config)
{
    if (!strcmp(l->class_name, "TFOpLambda") || !strcmp(l->class_name, "Lambda"))
        return true;
    return find_class(l->class_name) && json_is_object(config) &&
           !json_object_get(config, "trainable") && !json_object_get(config, "dtype");
}

static int become(struct thaw_config_layer *l, const char *class_name, json_t *config,
                  struct thaw_error *err)
{
    l->class_name = class_name;
    l->config = config;
    return config ? 0
                  : thaw_fail(err, THAW_EMEMORY, "out of memory while reading layer %s", l->name);
}

enum form { SAME, MINUS, INVERSE };

static double formed(const json_t *number, enum form form)
{
    double x = json_number_value(number);
    return form == SAME ? x : form == MINUS ? -x : 1 / x;
}

/* The constant in that form; a new reference. */
static json_t *each(const json_t *constant, enum form form)
{
    if (json_is_number(constant))
        return json_real(formed(constant, form));
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(constant); i++)
        json_array_append_new(list, json_real(formed(json_array_get(constant, i), form)));
    return list;
}

static bool can_divide(const json_t *constant)
{
    bool can = json_is_array(constant) || isfinite(formed(constant, INVERSE));
    for (size_t i = 0; i < json_array_size(constant); i++)
        can &= isfinite(formed(json_array_get(constant, i), INVERSE));
    return can;
}

/* y = scale x + offset. */
static int with_constant(struct thaw_config_layer *l, const struct operation *how,
                         struct thaw_error *err)
{
    const json_t *c = l->constant;
    json_t *config;
    if (l->n_constants > 1 || l->n_inputs != 1 ||
        (how->what == DIVIDE && (l->constant_first || !can_divide(c))))
        return fail_value(err, l, "arithmetic with", c,
                          "a layer's output plus, minus, times or divided by one number, or by one "
                          "for each channel, is supported, and numbers minus it; this is something "
                          "else");
    if (how->what == MULTIPLY || how->what == DIVIDE)
        config = json_pack("{s:o, s:f}", "scale", each(c, how->what == DIVIDE ? INVERSE : SAME),
                           "offset", 0.0);
    else if (how->what == SUBTRACT && l->constant_first)
        config = json_pack("{s:f, s:o}", "scale", -1.0, "offset", each(c, SAME));
    else
        config = json_pack("{s:f, s:o}", "scale", 1.0, "offset",
                           each(c, how->what == SUBTRACT ? MINUS : SAME));
    return become(l, "Rescaling", config, err);
}

/* x + scale y: until 2022 the sum at the end of a block of Inception-ResNet v2. Its code is not
 * looked at, only its name and argument. */
static int lambda(struct thaw_config_layer *l, const json_t *config, const json_t *calls,
                  struct thaw_error *err)
{
    const json_t *arguments = json_object_get(config, "arguments");
    const json_t *scale = json_object_get(arguments, "scale");
    bool known = !strncmp(l->name, "block35_", 8) || !strncmp(l->name, "block17_", 8) ||
                 !strncmp(l->name, "block8_", 7);
    if (!known || !json_is_number(scale) || json_object_size(arguments) != 1)
        return thaw_layer_find(l->class_name, err) ? -1
                                                   : thaw_error_prefix(err, "layer %s", l->name);
    l->class_name = "CustomScaleLayer";
    if (thaw_config_calls(l, calls, err) < 0)
        return -1;
    return become(l, l->class_name, json_pack("{s:f}", "scale", json_number_value(scale)), err);
}

int thaw_config_operation(struct thaw_config_layer *l, const json_t *config, const json_t *calls,
                          struct thaw_error *err)
{
    bool tensorflow = !strcmp(l->class_name, "TFOpLambda");
    const char *function = thaw_config_text(config, "function");
    if (!strcmp(l->class_name, "Lambda"))
        return lambda(l, config, calls, err);
    const struct operation *how = tensorflow ? find_function(function) : find_class(l->class_name);
    if (!how)
        return thaw_fail(err, THAW_EINPUT,
                         "layer %s (TFOpLambda): function %.60s is not known; of TensorFlow's "
                         "functions add, subtract, multiply and divide are",
                         l->name, function);
    l->operation = true;
    if (thaw_config_calls(l, calls, err) < 0)
        return -1;
    if (l->n_constants)
        return with_constant(l, how, err);
    if (!how->layer)
        return thaw_fail(err, THAW_EINPUT,
                         "layer %s (%s): of outputs of layers, sums and products are supported",
                         l->name, l->class_name);
    return become(l, how->layer, json_object(), err);
}
