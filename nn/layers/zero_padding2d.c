#include "nn/layer_conf.h"

static int read_margins(void *place, const json_t *value, struct thaw_error *err)
{
    return thaw_conf_read_margins(place, value, 1, err);
}

/* int[4]: top, bottom, left, right. */
static const struct thaw_field fields[] = {{.key = "padding",
                                            .type = THAW_FIELD_CUSTOM,
                                            .read = read_margins,
                                            .write = thaw_conf_write_margins},
                                           THAW_CONF_DATA_FORMAT,
                                           {.type = THAW_FIELD_END}};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    const int *m = conf;
    (void)params;
    *n_params = 0;
    if (thaw_one_map(in, n_in, err))
        return -1;
    *out = in[0];
    out->h += m[0] + m[1];
    out->w += m[2] + m[3];
    return 0;
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    const int *m = node->conf;
    struct thaw_pad pad = {.top = m[0], .bottom = m[1], .left = m[2], .right = m[3]};
    return thaw_emit_plain(lowering, &thaw_op_pad, &pad, node, in, n_in, out, err);
}

static const char *const examples[] = {
    "{\"config\": {\"padding\": [[0, 1], [2, 0]]}, \"inputs\": [[5, 6, 20]]}",
    "{\"config\": {\"padding\": 1}, \"inputs\": [[4, 5, 3]]}",
    "{\"config\": {\"padding\": [1, 2]}, \"inputs\": [[7, 6, 32]]}", NULL};

const struct thaw_layer_kind thaw_layer_zero_padding2d = {
    .name = "ZeroPadding2D",
    .fields = fields,
    .conf_size = 4 * sizeof(int),
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
