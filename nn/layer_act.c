/* The key "activation". */
#include <math.h>
#include <string.h>

#include "nn/layer_conf.h"

static int read_name(struct thaw_layer_act *act, const char *name, struct thaw_error *err)
{
    if (strcmp(name, "softmax") == 0)
        act->softmax = THAW_SOFTMAX;
    else if (strcmp(name, "log_softmax") == 0)
        act->softmax = THAW_LOG_SOFTMAX;
    else
        return thaw_act_find(&act->act, name, err);
    return 0;
}

/* Layers that are pointwise functions and may stand where Keras wants a function. Their
 * configurations begin with the function. */
static int read_layer(struct thaw_layer_act *act, const char *class_name, const json_t *config,
                      struct thaw_error *err)
{
    static const struct {
        const char *class_name, *function;
    } layers[] = {{"ReLU", "relu"}, {"LeakyReLU", "relu"}, {"ELU", "elu"}};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        if (strcmp(class_name, layers[i].class_name) != 0)
            continue;
        const struct thaw_layer_kind *kind = thaw_layer_find(class_name, err);
        if (!kind || thaw_act_find(&act->act, layers[i].function, err))
            return -1;
        return thaw_fields_read(kind->fields, &act->act, config, thaw_layer_ignored_keys,
                                class_name, err);
    }
    return thaw_fail(err, THAW_EINPUT,
                     "class %.80s is not supported as an activation; wanted a name, ReLU, "
                     "LeakyReLU or ELU",
                     class_name);
}

int thaw_conf_read_act(void *place, const json_t *value, struct thaw_error *err)
{
    struct thaw_layer_act *act = place;
    memset(act, 0, sizeof *act);
    if (!value || json_is_null(value))
        return 0;
    if (json_is_string(value))
        return read_name(act, json_string_value(value), err);
    const char *class_name = json_string_value(json_object_get(value, "class_name"));
    const json_t *config = json_object_get(value, "config");
    if (json_is_string(config)) /* {"class_name": "function", "config": "relu", ...} */
        return read_name(act, json_string_value(config), err);
    const json_t *inner = json_object_get(config, "activation");
    if (class_name && strcmp(class_name, "Activation") == 0 && json_is_string(inner))
        return read_name(act, json_string_value(inner), err);
    if (class_name)
        return read_layer(act, class_name, config, err);
    return thaw_fail(err, THAW_EINPUT, "wanted the name of an activation, null or an object");
}

/* Numbers that the plain name does not have can only be written as a layer. */
static json_t *write_layer(const struct thaw_act *act)
{
    const char *class_name = strcmp(act->kind->name, "relu") == 0 ? "ReLU" : "ELU";
    const struct thaw_layer_kind *kind = thaw_layer_find(class_name, NULL);
    json_t *config = json_object();
    if (!config || thaw_fields_write(kind->fields, act, config, NULL)) {
        json_decref(config);
        return NULL;
    }
    return json_pack("{s:s,s:o}", "class_name", class_name, "config", config);
}

json_t *thaw_conf_write_act(const void *place)
{
    const struct thaw_layer_act *act = place;
    struct thaw_act plain;
    if (act->softmax)
        return json_string(act->softmax == THAW_LOG_SOFTMAX ? "log_softmax" : "softmax");
    const char *name = thaw_act_name(&act->act);
    if (act->act.kind && thaw_act_find(&plain, name, NULL) == 0 &&
        (plain.slope != act->act.slope || plain.max != act->act.max ||
         plain.threshold != act->act.threshold))
        return write_layer(&act->act);
    return json_string(name);
}
