#include "nn/layer_pool.h"

const struct thaw_field thaw_pool_fields[] = {
    {.key = "pool_size",
     .type = THAW_FIELD_PAIR,
     .offset = offsetof(struct thaw_pool_conf, pool),
     .preset = 2,
     .min = 1,
     .max = THAW_MAX_KERNEL},
    {.key = "strides",
     .type = THAW_FIELD_PAIR,
     .offset = offsetof(struct thaw_pool_conf, strides),
     .preset = -1,
     .nullable = true,
     .min = 1,
     .max = THAW_MAX_KERNEL},
    THAW_CONF_PADDING(offsetof(struct thaw_pool_conf, same)),
    THAW_CONF_DATA_FORMAT,
    {.type = THAW_FIELD_END}};

static struct thaw_window window_of(const struct thaw_pool_conf *c)
{
    const int *strides = c->strides[0] < 0 ? c->pool : c->strides;
    return (struct thaw_window){.kernel = {c->pool[0], c->pool[1]},
                                .strides = {strides[0], strides[1]},
                                .dilation = {1, 1},
                                .same = c->same};
}

int thaw_pool_infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                    struct thaw_param params[THAW_MAX_PARAMS], int *n_params,
                    struct thaw_error *err)
{
    struct thaw_window window = window_of(conf);
    struct thaw_pads pads;
    (void)params;
    *n_params = 0;
    return thaw_one_input(n_in, err) || thaw_window_apply(&window, in[0], out, &pads, err) ? -1 : 0;
}

int thaw_pool_lower(struct thaw_lowering *lowering, const struct thaw_node *node, bool max,
                    const int *in, int n_in, int *out, struct thaw_error *err)
{
    struct thaw_window w = window_of(node->conf);
    struct thaw_shape shape;
    struct thaw_pads pads;
    if (thaw_window_apply(&w, thaw_lowering_shape(lowering, in[0]), &shape, &pads, err))
        return -1;
    struct thaw_pool pool = {.max = max,
                             .kh = w.kernel[0],
                             .kw = w.kernel[1],
                             .stride_h = w.strides[0],
                             .stride_w = w.strides[1],
                             .pad_top = pads.top,
                             .pad_left = pads.left,
                             .pad_bottom = pads.bottom,
                             .pad_right = pads.right};
    return thaw_emit_plain(lowering, &thaw_op_pool, &pool, node, in, n_in, out, err);
}

const struct thaw_field thaw_global_pool_fields[] = {THAW_CONF_DATA_FORMAT,
                                                     {.key = "keepdims",
                                                      .type = THAW_FIELD_CUSTOM,
                                                      .read = thaw_conf_read_flag,
                                                      .write = thaw_conf_write_flag},
                                                     {.type = THAW_FIELD_END}};

int thaw_global_pool_infer(const void *conf, const struct thaw_shape *in, int n_in,
                           struct thaw_shape *out, struct thaw_param params[THAW_MAX_PARAMS],
                           int *n_params, struct thaw_error *err)
{
    (void)params;
    *n_params = 0;
    if (thaw_one_map(in, n_in, err))
        return -1;
    *out = (struct thaw_shape){.rank = *(const bool *)conf ? 3 : 1, .h = 1, .w = 1, .c = in[0].c};
    return 0;
}

int thaw_global_pool_lower(struct thaw_lowering *lowering, const struct thaw_node *node, bool max,
                           const int *in, int n_in, int *out, struct thaw_error *err)
{
    struct thaw_shape shape = thaw_lowering_shape(lowering, in[0]);
    struct thaw_pool pool = {
        .max = max, .kh = shape.h, .kw = shape.w, .stride_h = shape.h, .stride_w = shape.w};
    return thaw_emit_plain(lowering, &thaw_op_pool, &pool, node, in, n_in, out, err);
}
