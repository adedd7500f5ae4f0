/* A depthwise convolution without bias, then a 1x1 convolution; the activation only at the end. */
#include "nn/layer_conf.h"

struct conf {
    struct thaw_window window;
    int filters, multiplier;
    bool use_bias;
    struct thaw_layer_act act;
};

#define AT(member) offsetof(struct conf, member)
static const struct thaw_field fields[] = {
    THAW_CONF_COUNT("filters", AT(filters), true),
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
    int middle;
    if (thaw_one_input(n_in, err) || thaw_window_apply(&c->window, in[0], out, &pads, err) ||
        thaw_multiply_channels(in[0].c, c->multiplier, &middle, err))
        return -1;
    out->c = c->filters;
    params[0] = thaw_kernel_param("depthwise_kernel", 4, c->window.kernel[0], c->window.kernel[1],
                                  in[0].c, c->multiplier);
    params[1] = thaw_kernel_param("pointwise_kernel", 4, 1, 1, middle, c->filters);
    params[2] = thaw_vector_param("bias", c->filters, THAW_INIT_ZEROS, true);
    *n_params = 2 + c->use_bias;
    return 0;
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    const struct conf *c = node->conf;
    struct thaw_linear depthwise, pointwise = THAW_LINEAR_1X1;
    struct thaw_shape shape = thaw_lowering_shape(lowering, in[0]), middle = node->shape;
    int first[] = {0, -1}, second[] = {1, c->use_bias ? 2 : -1};
    if (thaw_window_linear(&c->window, shape, &depthwise, err))
        return -1;
    depthwise.groups = shape.c;
    depthwise.depthwise = true;
    middle.c = shape.c * c->multiplier;
    if (thaw_emit(lowering, &thaw_op_linear, &depthwise, node, first, 2, in, n_in, middle, out,
                  err))
        return -1;
    int between = *out;
    if (thaw_emit(lowering, &thaw_op_linear, &pointwise, node, second, 2, &between, 1, node->shape,
                  out, err))
        return -1;
    return thaw_emit_act(lowering, node, &c->act, *out, out, err);
}

static const char *const examples[] = {
    "{\"config\": {\"filters\": 10, \"kernel_size\": [3, 3], \"padding\": \"same\", \"strides\": "
    "[2, 2], \"activation\": \"relu\"}, \"inputs\": [[7, 8, 6]]}",
    "{\"config\": {\"filters\": 18, \"kernel_size\": 3, \"depth_multiplier\": 2, \"use_bias\": "
    "false, \"activation\": \"elu\"}, \"inputs\": [[6, 5, 9]]}",
    "{\"config\": {\"filters\": 32, \"kernel_size\": [3, 3], \"padding\": \"same\"}, \"inputs\": "
    "[[5, 5, 16]]}",
    "{\"config\": {\"filters\": 5, \"kernel_size\": [5, 5], \"padding\": \"same\", "
    "\"depth_multiplier\": 1, \"activation\": \"softmax\"}, \"inputs\": [[5, 4, 3]]}",
    NULL};

const struct thaw_layer_kind thaw_layer_separable_conv2d = {
    .name = "SeparableConv2D",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
