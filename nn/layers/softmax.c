#include "nn/layer_conf.h"

/* The key is written as a plain number: Keras 2 takes a list for more than one axis only. */
static json_t *write_axis(const void *place)
{
    return json_integer(*(const int *)place);
}

static const struct thaw_field fields[] = {
    {.key = "axis", .type = THAW_FIELD_CUSTOM, .read = thaw_conf_read_axis, .write = write_axis},
    {.type = THAW_FIELD_END}};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    (void)params;
    *n_params = 0;
    if (thaw_one_input(n_in, err) || thaw_last_axis(*(const int *)conf, in[0], err))
        return -1;
    *out = in[0];
    return 0;
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    struct thaw_softmax softmax = {.log = false};
    return thaw_emit_plain(lowering, &thaw_op_softmax, &softmax, node, in, n_in, out, err);
}

static const char *const examples[] = {"{\"config\": {}, \"inputs\": [[9]]}",
                                       "{\"config\": {\"axis\": 3}, \"inputs\": [[3, 2, 20]]}",
                                       "{\"config\": {\"axis\": -1}, \"inputs\": [[4, 33]]}", NULL};

const struct thaw_layer_kind thaw_layer_softmax = {
    .name = "Softmax",
    .fields = fields,
    .conf_size = sizeof(int),
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
