#include "nn/layer_conf.h"

static const struct thaw_field fields[] = {THAW_CONF_DATA_FORMAT, {.type = THAW_FIELD_END}};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    (void)conf;
    (void)params;
    *n_params = 0;
    if (thaw_one_input(n_in, err))
        return -1;
    *out = (struct thaw_shape){.rank = 1, .h = 1, .w = 1, .c = (int)thaw_shape_count(in[0])};
    return 0;
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    return thaw_emit_plain(lowering, &thaw_op_reshape, NULL, node, in, n_in, out, err);
}

static const char *const examples[] = {
    "{\"config\": {}, \"inputs\": [[3, 4, 20]]}",
    "{\"config\": {\"data_format\": \"channels_last\"}, \"inputs\": [[2, 3, 3]]}",
    "{\"config\": {}, \"inputs\": [[6]]}", NULL};

const struct thaw_layer_kind thaw_layer_flatten = {
    .name = "Flatten",
    .fields = fields,
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
