/* On the last axis, whatever the rank: above rank 1 a 1x1 convolution. */
#include "nn/layer_conf.h"

struct conf {
    int units;
    bool use_bias;
    struct thaw_layer_act act;
};

#define AT(member) offsetof(struct conf, member)
static const struct thaw_field fields[] = {
    THAW_CONF_COUNT("units", AT(units), true),      THAW_CONF_ACT(AT(act)),
    THAW_CONF_BOOL("use_bias", AT(use_bias), true), THAW_CONF_OFF("lora_rank"),
    THAW_CONF_OFF("quantization_config"),           {.type = THAW_FIELD_END}};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    const struct conf *c = conf;
    if (thaw_one_input(n_in, err))
        return -1;
    *out = in[0];
    out->c = c->units;
    params[0] = thaw_kernel_param("kernel", 2, in[0].c, c->units, 0, 0);
    params[1] = thaw_vector_param("bias", c->units, THAW_INIT_ZEROS, true);
    *n_params = 1 + c->use_bias;
    return 0;
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    const struct conf *c = node->conf;
    struct thaw_linear linear = THAW_LINEAR_1X1;
    int params[] = {0, c->use_bias ? 1 : -1};
    if (thaw_emit(lowering, &thaw_op_linear, &linear, node, params, 2, in, n_in, node->shape, out,
                  err))
        return -1;
    return thaw_emit_act(lowering, node, &c->act, *out, out, err);
}

static const char *const examples[] = {
    "{\"config\": {\"units\": 4, \"activation\": \"softmax\"}, \"inputs\": [[20]]}",
    "{\"config\": {\"units\": 33, \"use_bias\": false, \"activation\": \"relu\"}, \"inputs\": "
    "[[48]]}",
    "{\"config\": {\"units\": 7, \"activation\": \"gelu\"}, \"inputs\": [[3, 4, 9]]}",
    "{\"config\": {\"units\": 6, \"activation\": {\"class_name\": \"LeakyReLU\", \"config\": "
    "{\"alpha\": 0.1}}}, \"inputs\": [[5, 10]]}",
    "{\"config\": {\"units\": 16, \"activation\": \"relu6\"}, \"inputs\": [[4, 4, 16]]}",
    "{\"config\": {\"units\": 1, \"activation\": \"sigmoid\"}, \"inputs\": [[3]]}",
    NULL};

const struct thaw_layer_kind thaw_layer_dense = {
    .name = "Dense",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
