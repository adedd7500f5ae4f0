#include "nn/layer_conf.h"

struct conf {
    int axis;
    float momentum, epsilon;
    bool center, scale;
};

#define AT(member) offsetof(struct conf, member)
static const struct thaw_field fields[] = {
    {.key = "axis",
     .type = THAW_FIELD_CUSTOM,
     .offset = AT(axis),
     .read = thaw_conf_read_axis,
     .write = thaw_conf_write_axis},
    {.key = "momentum", .type = THAW_FIELD_FLOAT, .offset = AT(momentum), .preset = 0.99, .max = 1},
    {.key = "epsilon", .type = THAW_FIELD_FLOAT, .offset = AT(epsilon), .preset = 1e-3, .max = 1},
    THAW_CONF_BOOL("center", AT(center), true),
    THAW_CONF_BOOL("scale", AT(scale), true),
    THAW_CONF_OFF("renorm"),
    THAW_CONF_OFF("virtual_batch_size"),
    THAW_CONF_OFF("adjustment"),
    {.type = THAW_FIELD_END}};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    const struct conf *c = conf;
    if (thaw_one_input(n_in, err) || thaw_last_axis(c->axis, in[0], err))
        return -1;
    *out = in[0];
    int n = 0;
    if (c->scale)
        params[n++] = thaw_vector_param("gamma", in[0].c, THAW_INIT_ONES, true);
    if (c->center)
        params[n++] = thaw_vector_param("beta", in[0].c, THAW_INIT_ZEROS, true);
    params[n++] = thaw_vector_param("moving_mean", in[0].c, THAW_INIT_ZEROS, false);
    params[n++] = thaw_vector_param("moving_variance", in[0].c, THAW_INIT_ONES, false);
    *n_params = n;
    return 0;
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    const struct conf *c = node->conf;
    struct thaw_batch_norm batch = {.epsilon = c->epsilon, .momentum = c->momentum};
    struct thaw_affine moving = {.epsilon = c->epsilon};
    int gamma = c->scale ? 0 : -1, beta = c->center ? c->scale : -1, mean = c->scale + c->center;
    int params[] = {gamma, beta, mean, mean + 1};
    bool live = node->trainable && thaw_lowering_batch_statistics(lowering);
    return live ? thaw_emit(lowering, &thaw_op_batch_norm, &batch, node, params, 4, in, n_in,
                            node->shape, out, err)
                : thaw_emit(lowering, &thaw_op_affine, &moving, node, params, 4, in, n_in,
                            node->shape, out, err);
}

static const char *const aliases[] = {"BatchNormalizationV1", "BatchNormalizationV2",
                                      "SyncBatchNormalization", NULL};

static const char *const examples[] = {
    "{\"config\": {}, \"inputs\": [[4, 3, 20]]}",
    "{\"config\": {\"axis\": [3], \"momentum\": 0.9, \"epsilon\": 0.01, \"scale\": false}, "
    "\"inputs\": [[5, 5, 3]]}",
    "{\"config\": {\"axis\": -1, \"center\": false}, \"inputs\": [[7]]}",
    "{\"config\": {\"axis\": 3}, \"inputs\": [[3, 4, 32]]}", NULL};

const struct thaw_layer_kind thaw_layer_batch_normalization = {
    .name = "BatchNormalization",
    .aliases = aliases,
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
