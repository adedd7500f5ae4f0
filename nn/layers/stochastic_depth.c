/* Dropout of whole samples: ConvNeXt's, of keras applications/convnext.py. */
#include "nn/layer_conf.h"

/* float: how often a sample is dropped */
static const struct thaw_field fields[] = {
    {.key = "drop_path_rate", .type = THAW_FIELD_FLOAT, .required = true, .max = 0.999},
    {.type = THAW_FIELD_END}};

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    struct thaw_dropout dropout = {.rate = *(const float *)node->conf, .per_sample = true};
    return thaw_emit_plain(lowering, &thaw_op_dropout, &dropout, node, in, n_in, out, err);
}

static const char *const examples[] = {
    "{\"config\": {\"drop_path_rate\": 0.2}, \"inputs\": [[3, 4, 20]]}", NULL};

const struct thaw_layer_kind thaw_layer_stochastic_depth = {
    .name = "StochasticDepth",
    .fields = fields,
    .conf_size = sizeof(float),
    .infer = thaw_infer_same,
    .lower = lower,
    .examples = examples,
};
