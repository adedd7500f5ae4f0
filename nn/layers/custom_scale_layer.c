/* first + scale * second: Inception-ResNet's, of keras applications/inception_resnet_v2.py. */
#include "nn/layer_conf.h"

struct conf {
    float scale, offset; /* offset stays 0 */
};

static const struct thaw_field fields[] = {{.key = "scale",
                                            .type = THAW_FIELD_FLOAT,
                                            .offset = offsetof(struct conf, scale),
                                            .required = true,
                                            .min = -1e6,
                                            .max = 1e6},
                                           {.type = THAW_FIELD_END}};

static const char *const aliases[] = {"Custom>CustomScaleLayer", NULL};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    if (n_in != 2)
        return thaw_fail(err, THAW_EINPUT, "takes two inputs, has %d", n_in);
    return thaw_infer_combined(conf, in, n_in, out, params, n_params, err);
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    const struct conf *c = node->conf;
    struct thaw_affine affine = {.scale = &c->scale, .offset = &c->offset, .n_constants = 1};
    struct thaw_combine combine = {.product = false};
    int both[2] = {in[0], -1};
    if (thaw_emit(lowering, &thaw_op_affine, &affine, node, NULL, 0, &in[1], 1,
                  thaw_lowering_shape(lowering, in[1]), &both[1], err))
        return -1;
    return thaw_emit_plain(lowering, &thaw_op_combine, &combine, node, both, n_in, out, err);
}

static const char *const examples[] = {
    "{\"config\": {\"scale\": 0.17}, \"inputs\": [[4, 5, 20], [4, 5, 20]]}",
    "{\"config\": {\"scale\": 1.0}, \"inputs\": [[3, 4, 3], [3, 4, 3]]}", NULL};

const struct thaw_layer_kind thaw_layer_custom_scale_layer = {
    .name = "CustomScaleLayer",
    .aliases = aliases,
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
