#include "nn/layer_conf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

/* --- keys with one meaning everywhere --- */

static int fail_value(const json_t *value, const char *wanted, struct thaw_error *err)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
    thaw_fail(err, THAW_EINPUT, "%.200s is not supported; wanted %s", text ? text : "?", wanted);
    free(text);
    return -1;
}

int thaw_conf_read_axis(void *place, const json_t *value, struct thaw_error *err)
{
    int *axis = place;
    *axis = -1;
    if (!value)
        return 0;
    const json_t *one =
        json_is_array(value) && json_array_size(value) == 1 ? json_array_get(value, 0) : value;
    if (!json_is_integer(one) || llabs(json_integer_value(one)) > THAW_MAX_CHANNELS)
        return fail_value(value, "one axis, the channels' (-1)", err);
    *axis = (int)json_integer_value(one);
    return 0;
}

json_t *thaw_conf_write_axis(const void *place)
{
    int axis = *(const int *)place;
    return axis < 0 ? json_integer(axis) : json_pack("[i]", axis);
}

int thaw_conf_read_off(void *place, const json_t *value, struct thaw_error *err)
{
    (void)place;
    return !value || json_is_null(value) || json_is_false(value)
               ? 0
               : fail_value(value, "false or null", err);
}

int thaw_conf_read_one(void *place, const json_t *value, struct thaw_error *err)
{
    (void)place;
    return !value || json_is_null(value) || json_integer_value(value) == 1
               ? 0
               : fail_value(value, "1", err);
}

json_t *thaw_conf_write_none(const void *place)
{
    (void)place;
    return NULL;
}

int thaw_conf_read_flag(void *place, const json_t *value, struct thaw_error *err)
{
    *(bool *)place = json_is_true(value);
    return !value || json_is_boolean(value) ? 0 : fail_value(value, "true or false", err);
}

json_t *thaw_conf_write_flag(const void *place)
{
    return *(const bool *)place ? json_true() : NULL;
}

/* --- margins --- */

static bool read_margin(const json_t *value, int *margin)
{
    json_int_t n = json_integer_value(value);
    *margin = (int)n;
    return json_is_integer(value) && n >= 0 && n <= 1 << 16;
}

/* The margins before and after along one side: n or [before, after]. */
static bool read_side(const json_t *value, int *before, int *after)
{
    if (!json_is_array(value))
        return read_margin(value, before) && read_margin(value, after);
    return json_array_size(value) == 2 && read_margin(json_array_get(value, 0), before) &&
           read_margin(json_array_get(value, 1), after);
}

int thaw_conf_read_margins(int margins[4], const json_t *value, int preset, struct thaw_error *err)
{
    for (int i = 0; i < 4; i++)
        margins[i] = preset;
    if (!value)
        return 0;
    bool array = json_is_array(value) && json_array_size(value) == 2;
    if ((array || json_is_integer(value)) &&
        read_side(array ? json_array_get(value, 0) : value, &margins[0], &margins[1]) &&
        read_side(array ? json_array_get(value, 1) : value, &margins[2], &margins[3]))
        return 0;
    return fail_value(value, "n, [h, w] or [[top, bottom], [left, right]], from 0 to 65536", err);
}

json_t *thaw_conf_write_margins(const void *place)
{
    const int *m = place;
    return json_pack("[[ii][ii]]", m[0], m[1], m[2], m[3]);
}

/* --- numbers --- */

int thaw_numbers_read(struct thaw_numbers *numbers, const json_t *value, struct thaw_error *err)
{
    size_t n = json_is_array(value) ? json_array_size(value) : 1;
    if (n < 1 || n > THAW_MAX_CHANNELS)
        return thaw_fail(err, THAW_EINPUT, "a list of %zu numbers cannot be", n);
    numbers->values = thaw_new(n, sizeof *numbers->values, err);
    if (!numbers->values)
        return -1;
    numbers->n = (int)n;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        numbers->values[i] = (float)json_number_value(item);
        if (!json_is_number(item) || !isfinite(numbers->values[i]))
            return fail_value(item, "a number, or a list with one for each channel", err);
    }
    return 0;
}

json_t *thaw_numbers_write(const struct thaw_numbers *numbers)
{
    if (numbers->n == 0)
        return json_null();
    if (numbers->n == 1)
        return thaw_json_float(numbers->values[0]);
    json_t *list = json_array();
    for (int i = 0; list && i < numbers->n; i++)
        json_array_append_new(list, thaw_json_float(numbers->values[i]));
    return list;
}

/* --- shapes and weights --- */

int thaw_one_input(int n_in, struct thaw_error *err)
{
    return n_in == 1 ? 0 : thaw_fail(err, THAW_EINPUT, "takes one input, has %d", n_in);
}

int thaw_one_map(const struct thaw_shape *in, int n_in, struct thaw_error *err)
{
    if (thaw_one_input(n_in, err))
        return -1;
    return in[0].rank == 3
               ? 0
               : thaw_fail(err, THAW_EINPUT, "wants an input [H,W,C], has one of %d dimensions",
                           in[0].rank);
}

int thaw_last_axis(int axis, struct thaw_shape in, struct thaw_error *err)
{
    return axis == -1 || axis == in.rank
               ? 0
               : thaw_fail(err, THAW_EINPUT, "axis %d is not the channels: wanted -1 or %d", axis,
                           in.rank);
}

struct thaw_param thaw_kernel_param(const char *role, int rank, long a, long b, long c, long d)
{
    return (struct thaw_param){.role = role,
                               .rank = rank,
                               .dims = {a, b, c, d},
                               .trainable = true,
                               .decay = true,
                               .init = THAW_INIT_GLOROT};
}

struct thaw_param thaw_vector_param(const char *role, long n, enum thaw_init init, bool trainable)
{
    return (struct thaw_param){
        .role = role, .rank = 1, .dims = {n}, .trainable = trainable, .init = init};
}

int thaw_infer_same(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                    struct thaw_param params[THAW_MAX_PARAMS], int *n_params,
                    struct thaw_error *err)
{
    (void)conf;
    (void)params;
    *n_params = 0;
    if (thaw_one_input(n_in, err))
        return -1;
    *out = in[0];
    return 0;
}

static bool broadcast_side(int *side, int other)
{
    bool good = *side == other || *side == 1 || other == 1;
    *side = other > *side ? other : *side;
    return good;
}

int thaw_infer_combined(const void *conf, const struct thaw_shape *in, int n_in,
                        struct thaw_shape *out, struct thaw_param params[THAW_MAX_PARAMS],
                        int *n_params, struct thaw_error *err)
{
    (void)conf;
    (void)params;
    *n_params = 0;
    if (n_in < 2)
        return thaw_fail(err, THAW_EINPUT, "takes two or more inputs, has %d", n_in);
    *out = in[0];
    for (int i = 1; i < n_in; i++) {
        struct thaw_shape before = *out;
        if (in[i].rank != out->rank || !broadcast_side(&out->h, in[i].h) ||
            !broadcast_side(&out->w, in[i].w) || !broadcast_side(&out->c, in[i].c))
            return thaw_fail(err, THAW_EINPUT,
                             "input %d is [%d,%d,%d] of rank %d, those before it [%d,%d,%d] of "
                             "rank %d: they cannot be combined",
                             i, in[i].h, in[i].w, in[i].c, in[i].rank, before.h, before.w, before.c,
                             before.rank);
    }
    return 0;
}

int thaw_multiply_channels(int channels, int multiplier, int *out, struct thaw_error *err)
{
    long product = (long)channels * multiplier;
    if (product > THAW_MAX_CHANNELS)
        return thaw_fail(err, THAW_EINPUT, "%d channels x depth_multiplier %d are too many",
                         channels, multiplier);
    *out = (int)product;
    return 0;
}

/* --- operations --- */

int thaw_window_linear(const struct thaw_window *window, struct thaw_shape in,
                       struct thaw_linear *linear, struct thaw_error *err)
{
    struct thaw_shape out;
    struct thaw_pads pads;
    if (thaw_window_apply(window, in, &out, &pads, err))
        return -1;
    *linear = (struct thaw_linear){.kh = window->kernel[0],
                                   .kw = window->kernel[1],
                                   .stride_h = window->strides[0],
                                   .stride_w = window->strides[1],
                                   .dilation_h = window->dilation[0],
                                   .dilation_w = window->dilation[1],
                                   .pad_top = pads.top,
                                   .pad_left = pads.left,
                                   .pad_bottom = pads.bottom,
                                   .pad_right = pads.right,
                                   .groups = 1};
    return 0;
}

int thaw_emit_plain(struct thaw_lowering *lowering, const struct thaw_op_kind *kind,
                    const void *conf, const struct thaw_node *node, const int *in, int n_in,
                    int *out, struct thaw_error *err)
{
    return thaw_emit(lowering, kind, conf, node, NULL, 0, in, n_in, node->shape, out, err);
}

int thaw_emit_act(struct thaw_lowering *lowering, const struct thaw_node *node,
                  const struct thaw_layer_act *act, int in, int *out, struct thaw_error *err)
{
    struct thaw_softmax softmax = {.log = act->softmax == THAW_LOG_SOFTMAX};
    struct thaw_activation pointwise = {act->act};
    if (act->softmax)
        return thaw_emit_plain(lowering, &thaw_op_softmax, &softmax, node, &in, 1, out, err);
    if (act->act.kind)
        return thaw_emit_plain(lowering, &thaw_op_activation, &pointwise, node, &in, 1, out, err);
    *out = in;
    return 0;
}
