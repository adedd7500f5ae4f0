/* A factor for each channel: ConvNeXt's, of keras applications/convnext.py. */
#include "nn/layer_conf.h"

struct conf {
    float init;
    int channels;
};

#define AT(member) offsetof(struct conf, member)
static const struct thaw_field fields[] = {
    {.key = "init_values", .type = THAW_FIELD_FLOAT, .offset = AT(init), .required = true},
    THAW_CONF_COUNT("projection_dim", AT(channels), true),
    {.type = THAW_FIELD_END}};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    const struct conf *c = conf;
    if (thaw_one_input(n_in, err))
        return -1;
    if (c->channels != in[0].c)
        return thaw_fail(err, THAW_EINPUT, "projection_dim is %d, the input has %d channels",
                         c->channels, in[0].c);
    *out = in[0];
    params[0] = thaw_vector_param("gamma", c->channels, THAW_INIT_CONSTANT, true);
    params[0].constant = c->init;
    *n_params = 1;
    return 0;
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    struct thaw_affine affine = {0};
    int params[] = {0, -1, -1, -1};
    return thaw_emit(lowering, &thaw_op_affine, &affine, node, params, 4, in, n_in, node->shape,
                     out, err);
}

static const char *const examples[] = {
    "{\"config\": {\"init_values\": 1e-06, \"projection_dim\": 20}, \"inputs\": [[4, 5, 20]]}",
    "{\"config\": {\"init_values\": 0.5, \"projection_dim\": 7}, \"inputs\": [[7]]}", NULL};

const struct thaw_layer_kind thaw_layer_layer_scale = {
    .name = "LayerScale",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
