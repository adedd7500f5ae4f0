/* Keras spells hard swish, x relu6(x + 3) / 6, as four layers: in its MobileNetV3 of all versions,
 * and wherever one version lacks the activation. As one it is faster, and keeps the chain of layers
 * with one input whole that a head is looked for on. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/model_config.h"

static double number(const struct thaw_config_layer *l, const char *key, double preset)
{
    const json_t *value = json_object_get(l->config, key);
    return json_is_number(value) ? json_number_value(value) : preset;
}

static bool rescales(const struct thaw_config_layer *l, double scale, double offset)
{
    return !strcmp(l->class_name, "Rescaling") && fabs(number(l, "scale", 0) - scale) < 1e-6 &&
           fabs(number(l, "offset", 0) - offset) < 1e-6;
}

static bool is_relu6(const struct thaw_config_layer *l)
{
    return !strcmp(l->class_name, "ReLU") && number(l, "max_value", 0) == 6 &&
           number(l, "negative_slope", 0) == 0 && number(l, "threshold", 0) == 0;
}

static int become(struct thaw_config_layer *l, const char *activation, int input,
                  struct thaw_error *err)
{
    json_t *config = json_pack("{s:s}", "activation", activation);
    if (!config)
        return thaw_fail(err, THAW_EMEMORY, "out of memory while reading layer %s", l->name);
    json_decref(l->config);
    l->config = config;
    l->class_name = "Activation";
    l->inputs[0] = input;
    l->n_inputs = 1;
    return 0;
}

/* The layer that feeds `l`, if it feeds nothing else. */
static struct thaw_config_layer *feeder(struct thaw_config_model *model,
                                        const struct thaw_config_layer *l, const int *uses)
{
    int i = l->inputs[0];
    return l->n_inputs == 1 && uses[i] == 1 && i != model->output && !model->layers[i].model
               ? &model->layers[i]
               : NULL;
}

/* relu6(x + 3) / 6 */
static int fuse_gate(struct thaw_config_model *model, struct thaw_config_layer *l, const int *uses,
                     struct thaw_error *err)
{
    if (!rescales(l, 1 / 6.0, 0))
        return 0;
    struct thaw_config_layer *relu = feeder(model, l, uses);
    struct thaw_config_layer *shift = relu && is_relu6(relu) ? feeder(model, relu, uses) : NULL;
    if (!shift || !rescales(shift, 1, 3) || shift->n_inputs != 1)
        return 0;
    relu->merged = shift->merged = true;
    return become(l, "hard_sigmoid_3", shift->inputs[0], err);
}

/* x times that. */
static int fuse_product(struct thaw_config_model *model, struct thaw_config_layer *l,
                        const int *uses, struct thaw_error *err)
{
    if (strcmp(l->class_name, "Multiply") || l->n_inputs != 2)
        return 0;
    for (int k = 0; k < 2; k++) {
        int i = l->inputs[k];
        struct thaw_config_layer *gate = &model->layers[i];
        if (strcmp(gate->class_name, "Activation") || uses[i] != 1 ||
            strcmp(thaw_config_text(gate->config, "activation"), "hard_sigmoid_3") ||
            gate->inputs[0] != l->inputs[1 - k])
            continue;
        gate->merged = true;
        return become(l, "hard_swish", l->inputs[1 - k], err);
    }
    return 0;
}

int thaw_config_fuse(struct thaw_config_model *model, struct thaw_error *err)
{
    int failed = 0;
    int *uses = thaw_new((size_t)model->n_layers, sizeof *uses, err);
    if (!uses)
        return -1;
    for (int i = 0; i < model->n_layers; i++)
        for (int k = 0; k < model->layers[i].n_inputs; k++)
            uses[model->layers[i].inputs[k]]++;
    for (int i = 0; !failed && i < model->n_layers; i++) {
        failed = fuse_gate(model, &model->layers[i], uses, err);
        if (!failed)
            failed = fuse_product(model, &model->layers[i], uses, err);
    }
    free(uses);
    return failed;
}
