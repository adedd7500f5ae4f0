#include "nn/layer_conf.h"

struct conf {
    struct thaw_window window;
    int multiplier;
    bool use_bias;
    struct thaw_layer_act act;
};

#define AT(member) offsetof(struct conf, member)
static const struct thaw_field fields[] = {
    THAW_CONF_KERNEL(AT(window.kernel)),
    THAW_CONF_WINDOW("strides", AT(window.strides)),
    THAW_CONF_PADDING(AT(window.same)),
    THAW_CONF_DATA_FORMAT,
    THAW_CONF_WINDOW("dilation_rate", AT(window.dilation)),
    THAW_CONF_ONE("groups"),
    THAW_CONF_COUNT("depth_multiplier", AT(multiplier), false),
    THAW_CONF_ACT(AT(act)),
    THAW_CONF_BOOL("use_bias", AT(use_bias), true),
    {.type = THAW_FIELD_END}};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    const struct conf *c = conf;
    struct thaw_pads pads;
    if (thaw_one_input(n_in, err) || thaw_window_apply(&c->window, in[0], out, &pads, err) ||
        thaw_multiply_channels(in[0].c, c->multiplier, &out->c, err))
        return -1;
    params[0] = thaw_kernel_param("depthwise_kernel", 4, c->window.kernel[0], c->window.kernel[1],
                                  in[0].c, c->multiplier);
    params[1] = thaw_vector_param("bias", out->c, THAW_INIT_ZEROS, true);
    *n_params = 1 + c->use_bias;
    return 0;
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    const struct conf *c = node->conf;
    struct thaw_linear linear;
    int params[] = {0, c->use_bias ? 1 : -1};
    struct thaw_shape shape = thaw_lowering_shape(lowering, in[0]);
    if (thaw_window_linear(&c->window, shape, &linear, err))
        return -1;
    linear.groups = shape.c;
    linear.depthwise = true;
    if (thaw_emit(lowering, &thaw_op_linear, &linear, node, params, 2, in, n_in, node->shape, out,
                  err))
        return -1;
    return thaw_emit_act(lowering, node, &c->act, *out, out, err);
}

static const char *const examples[] = {
    "{\"config\": {\"kernel_size\": [3, 3], \"padding\": \"same\", \"strides\": [2, 2], "
    "\"activation\": \"relu6\"}, \"inputs\": [[8, 7, 20]]}",
    "{\"config\": {\"kernel_size\": 3, \"padding\": \"same\", \"use_bias\": false}, "
    "\"inputs\": [[6, 5, 32]]}",
    "{\"config\": {\"kernel_size\": [5, 5], \"padding\": \"same\", \"strides\": [2, 2]}, "
    "\"inputs\": [[9, 8, 17]]}",
    "{\"config\": {\"kernel_size\": [3, 2], \"depth_multiplier\": 3, \"activation\": \"tanh\"}, "
    "\"inputs\": [[5, 6, 6]]}",
    "{\"config\": {\"kernel_size\": [3, 3], \"dilation_rate\": [2, 2], \"padding\": \"same\"}, "
    "\"inputs\": [[7, 7, 8]]}",
    "{\"config\": {\"kernel_size\": [3, 3], \"strides\": [2, 2], \"padding\": \"valid\", "
    "\"activation\": \"swish\"}, \"inputs\": [[7, 6, 3]]}",
    "{\"config\": {\"kernel_size\": [5, 5], \"padding\": \"same\", \"activation\": "
    "\"hard_sigmoid\"}, \"inputs\": [[4, 4, 48]]}",
    "{\"config\": {\"kernel_size\": [3, 3], \"depth_multiplier\": 2, \"strides\": [2, 2], "
    "\"padding\": \"same\"}, \"inputs\": [[6, 6, 16]]}",
    NULL};

const struct thaw_layer_kind thaw_layer_depthwise_conv2d = {
    .name = "DepthwiseConv2D",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
