#include "nn/layer_conf.h"

static const struct thaw_field fields[] = {
    {.key = "axis", .type = THAW_FIELD_INT, .preset = -1, .min = -8, .max = 8},
    {.type = THAW_FIELD_END}};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    (void)params;
    *n_params = 0;
    if (n_in < 2)
        return thaw_fail(err, THAW_EINPUT, "takes two or more inputs, has %d", n_in);
    if (thaw_last_axis(*(const int *)conf, in[0], err))
        return -1;
    *out = in[0];
    for (int i = 1; i < n_in; i++) {
        if (in[i].rank != out->rank || in[i].h != out->h || in[i].w != out->w)
            return thaw_fail(err, THAW_EINPUT,
                             "input %d is [%d,%d,%d], the first one [%d,%d,%d]: only the channels "
                             "may differ",
                             i, in[i].h, in[i].w, in[i].c, in[0].h, in[0].w, in[0].c);
        if (in[i].c > THAW_MAX_CHANNELS - out->c)
            return thaw_fail(err, THAW_EINPUT, "the inputs together have too many channels");
        out->c += in[i].c;
    }
    return 0;
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    return thaw_emit_plain(lowering, &thaw_op_concat, NULL, node, in, n_in, out, err);
}

static const char *const examples[] = {
    "{\"config\": {\"axis\": -1}, \"inputs\": [[4, 5, 20], [4, 5, 12]]}",
    "{\"config\": {\"axis\": 3}, \"inputs\": [[3, 4, 16], [3, 4, 32]]}",
    "{\"config\": {}, \"inputs\": [[5], [9], [2]]}",
    "{\"config\": {\"axis\": -1}, \"inputs\": [[4, 4, 3], [4, 4, 3], [4, 4, 7]]}", NULL};

const struct thaw_layer_kind thaw_layer_concatenate = {
    .name = "Concatenate",
    .fields = fields,
    .conf_size = sizeof(int),
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
