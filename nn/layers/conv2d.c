#include "nn/layer_conf.h"

struct conf {
    struct thaw_window window;
    int filters, groups;
    bool use_bias;
    struct thaw_layer_act act;
};

static int read_groups(void *place, const json_t *value, struct thaw_error *err)
{
    json_int_t n = value ? json_integer_value(value) : 1;
    *(int *)place = (int)n;
    return n >= 1 && n <= THAW_MAX_CHANNELS
               ? 0
               : thaw_fail(err, THAW_EINPUT, "wanted a whole number above 0");
}

/* Versions before Keras 2.4 do not know the key. */
static json_t *write_groups(const void *place)
{
    int groups = *(const int *)place;
    return groups > 1 ? json_integer(groups) : NULL;
}

#define AT(member) offsetof(struct conf, member)
static const struct thaw_field fields[] = {THAW_CONF_COUNT("filters", AT(filters), true),
                                           THAW_CONF_KERNEL(AT(window.kernel)),
                                           THAW_CONF_WINDOW("strides", AT(window.strides)),
                                           THAW_CONF_PADDING(AT(window.same)),
                                           THAW_CONF_DATA_FORMAT,
                                           THAW_CONF_WINDOW("dilation_rate", AT(window.dilation)),
                                           {.key = "groups",
                                            .type = THAW_FIELD_CUSTOM,
                                            .offset = AT(groups),
                                            .read = read_groups,
                                            .write = write_groups},
                                           THAW_CONF_ACT(AT(act)),
                                           THAW_CONF_BOOL("use_bias", AT(use_bias), true),
                                           THAW_CONF_OFF("lora_rank"),
                                           THAW_CONF_OFF("quantization_config"),
                                           {.type = THAW_FIELD_END}};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    const struct conf *c = conf;
    struct thaw_pads pads;
    if (thaw_one_input(n_in, err) || thaw_window_apply(&c->window, in[0], out, &pads, err))
        return -1;
    if (in[0].c % c->groups || c->filters % c->groups)
        return thaw_fail(err, THAW_EINPUT,
                         "%d input channels and %d filters cannot be divided into %d groups",
                         in[0].c, c->filters, c->groups);
    out->c = c->filters;
    params[0] = thaw_kernel_param("kernel", 4, c->window.kernel[0], c->window.kernel[1],
                                  in[0].c / c->groups, c->filters);
    params[1] = thaw_vector_param("bias", c->filters, THAW_INIT_ZEROS, true);
    *n_params = 1 + c->use_bias;
    return 0;
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    const struct conf *c = node->conf;
    struct thaw_linear linear;
    int params[] = {0, c->use_bias ? 1 : -1};
    if (thaw_window_linear(&c->window, thaw_lowering_shape(lowering, in[0]), &linear, err))
        return -1;
    linear.groups = c->groups;
    if (thaw_emit(lowering, &thaw_op_linear, &linear, node, params, 2, in, n_in, node->shape, out,
                  err))
        return -1;
    return thaw_emit_act(lowering, node, &c->act, *out, out, err);
}

static const char *const examples[] = {
    "{\"config\": {\"filters\": 5, \"kernel_size\": [3, 3], \"padding\": \"same\", \"strides\": "
    "[2, 2], \"activation\": \"relu\"}, \"inputs\": [[8, 7, 3]]}",
    "{\"config\": {\"filters\": 20, \"kernel_size\": [3, 2], \"dilation_rate\": [2, 1], "
    "\"use_bias\": false}, \"inputs\": [[9, 8, 12]]}",
    "{\"config\": {\"filters\": 12, \"kernel_size\": 3, \"groups\": 4, \"padding\": \"same\", "
    "\"activation\": \"swish\"}, \"inputs\": [[5, 6, 8]]}",
    "{\"config\": {\"filters\": 32, \"kernel_size\": [1, 1], \"activation\": \"sigmoid\"}, "
    "\"inputs\": [[4, 5, 36]]}",
    "{\"config\": {\"filters\": 16, \"kernel_size\": [5, 5], \"strides\": [2, 1], \"padding\": "
    "\"same\", \"activation\": \"softmax\"}, \"inputs\": [[7, 6, 16]]}",
    "{\"config\": {\"filters\": 40, \"kernel_size\": [7, 7], \"strides\": [2, 2], \"padding\": "
    "\"same\", \"activation\": \"relu6\"}, \"inputs\": [[9, 9, 3]]}",
    "{\"config\": {\"filters\": 24, \"kernel_size\": [1, 1], \"strides\": [2, 2], \"padding\": "
    "\"same\", \"activation\": \"elu\"}, \"inputs\": [[7, 8, 20]]}",
    "{\"config\": {\"filters\": 1, \"kernel_size\": [3, 3], \"activation\": \"softplus\"}, "
    "\"inputs\": [[5, 5, 1]]}",
    "{\"config\": {\"filters\": 32, \"kernel_size\": [3, 3], \"groups\": 2, \"padding\": \"same\", "
    "\"dilation_rate\": 2, \"activation\": \"hard_swish\"}, \"inputs\": [[6, 6, 32]]}",
    NULL};

const struct thaw_layer_kind thaw_layer_conv2d = {
    .name = "Conv2D",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
