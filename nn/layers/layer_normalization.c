#include "nn/layer_conf.h"

struct conf {
    int axis;
    float epsilon;
    bool center, scale;
};

#define AT(member) offsetof(struct conf, member)
static const struct thaw_field fields[] = {
    {.key = "axis",
     .type = THAW_FIELD_CUSTOM,
     .offset = AT(axis),
     .read = thaw_conf_read_axis,
     .write = thaw_conf_write_axis},
    {.key = "epsilon", .type = THAW_FIELD_FLOAT, .offset = AT(epsilon), .preset = 1e-3, .max = 1},
    THAW_CONF_BOOL("center", AT(center), true),
    THAW_CONF_BOOL("scale", AT(scale), true),
    THAW_CONF_OFF("rms_scaling"),
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
    *n_params = n;
    return 0;
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    const struct conf *c = node->conf;
    struct thaw_layer_norm norm = {.epsilon = c->epsilon};
    int params[] = {c->scale ? 0 : -1, c->center ? c->scale : -1};
    return thaw_emit(lowering, &thaw_op_layer_norm, &norm, node, params, 2, in, n_in, node->shape,
                     out, err);
}

static const char *const examples[] = {
    "{\"config\": {\"axis\": [3], \"epsilon\": 1e-06}, \"inputs\": [[4, 3, 20]]}",
    "{\"config\": {\"scale\": false}, \"inputs\": [[9]]}",
    "{\"config\": {\"center\": false, \"axis\": -1}, \"inputs\": [[3, 3, 32]]}", NULL};

const struct thaw_layer_kind thaw_layer_layer_normalization = {
    .name = "LayerNormalization",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
