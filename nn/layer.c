#include "nn/layer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *const thaw_layer_ignored_keys[] = {
    /* of every layer; name and trainable are the graph's */
    "name", "trainable", "dtype", "batch_input_shape", "batch_shape", "input_dtype", "autocast",
    "module", "registered_name", "build_config", "input_spec", "shared_object_id",
    /* how weights began and what held them while they trained */
    "kernel_initializer", "bias_initializer", "depthwise_initializer", "pointwise_initializer",
    "beta_initializer", "gamma_initializer", "moving_mean_initializer",
    "moving_variance_initializer", "kernel_regularizer", "bias_regularizer",
    "depthwise_regularizer", "pointwise_regularizer", "beta_regularizer", "gamma_regularizer",
    "activity_regularizer", "kernel_constraint", "bias_constraint", "depthwise_constraint",
    "pointwise_constraint", "beta_constraint", "gamma_constraint", "input_axes", "output_axes",
    /* how, not what */
    "seed", "rng_type", "sparse", "ragged", "optional", "fused", "synchronized", "renorm_clipping",
    "renorm_momentum", "lora_alpha", NULL};

static bool answers_to(const struct thaw_layer_kind *kind, const char *name)
{
    if (strcmp(kind->name, name) == 0)
        return true;
    for (const char *const *alias = kind->aliases; alias && *alias; alias++)
        if (strcmp(*alias, name) == 0)
            return true;
    return false;
}

static void fail_unknown(const char *name, struct thaw_error *err)
{
    char known[700] = "";
    for (int i = 0; thaw_layer_kinds[i]; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                 thaw_layer_kinds[i]->name);
    }
    bool code = strcmp(name, "Lambda") == 0 || strcmp(name, "TFOpLambda") == 0 ||
                strcmp(name, "SlicingOpLambda") == 0;
    thaw_fail(err, THAW_EINPUT, "layer kind %.80s %s; known are: %s", name,
              code ? "is refused: code from a model file is never run" : "is not known", known);
}

const struct thaw_layer_kind *thaw_layer_find(const char *name, struct thaw_error *err)
{
    for (int i = 0; thaw_layer_kinds[i]; i++)
        if (answers_to(thaw_layer_kinds[i], name))
            return thaw_layer_kinds[i];
    fail_unknown(name, err);
    return NULL;
}

void thaw_layer_snake(const char *class_name, char name[64])
{
    size_t n = 0;
    for (const char *c = class_name; *c && n + 2 < 64; c++) {
        if (isupper((unsigned char)*c) && c > class_name && islower((unsigned char)c[-1]))
            name[n++] = '_';
        name[n++] = (char)tolower((unsigned char)*c);
    }
    name[n] = '\0';
}
