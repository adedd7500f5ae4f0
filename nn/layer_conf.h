/* What the configurations of layer kinds share: fields of layer tables, checks, activations. */
#ifndef THAW_NN_LAYER_CONF_H
#define THAW_NN_LAYER_CONF_H

#include "nn/ops.h"
#include "nn/window.h"

/* The key "activation": a name, null, or an object (a function, or one of the layers ReLU,
 * LeakyReLU and ELU used as a function). */
enum thaw_softmax_use { THAW_NO_SOFTMAX, THAW_SOFTMAX, THAW_LOG_SOFTMAX };
struct thaw_layer_act {
    struct thaw_act act;
    enum thaw_softmax_use softmax; /* no pointwise function: an operation of its own */
};

int thaw_conf_read_act(void *place, const json_t *value, struct thaw_error *err);
json_t *thaw_conf_write_act(const void *place);

/* An axis: a number, or a list of one. Positive ones are written as a list, as Keras 2 has them. */
int thaw_conf_read_axis(void *place, const json_t *value, struct thaw_error *err);
json_t *thaw_conf_write_axis(const void *place);

/* Keys that must keep the layer as it is: absent, null or false, or (one) the number 1. No storage,
 * never written: other versions of Keras refuse them. */
int thaw_conf_read_off(void *place, const json_t *value, struct thaw_error *err);
int thaw_conf_read_one(void *place, const json_t *value, struct thaw_error *err);
json_t *thaw_conf_write_none(const void *place);

/* A bool that is written only when true. */
int thaw_conf_read_flag(void *place, const json_t *value, struct thaw_error *err);
json_t *thaw_conf_write_flag(const void *place);

/* Margins of ZeroPadding2D and Cropping2D, top, bottom, left, right in an int[4]: n, [h, w] or
 * [[top, bottom], [left, right]], written as the last. `preset` holds for an absent key. */
int thaw_conf_read_margins(int margins[4], const json_t *value, int preset, struct thaw_error *err);
json_t *thaw_conf_write_margins(const void *place);

/* A number, or one for each channel. Start zeroed; n == 0: not given. */
struct thaw_numbers {
    float *values;
    int n;
};
int thaw_numbers_read(struct thaw_numbers *numbers, const json_t *value, struct thaw_error *err);
json_t *thaw_numbers_write(const struct thaw_numbers *numbers); /* null when n == 0 */

#define THAW_CONF_OFF(name) THAW_CONF_NOTHING(name, thaw_conf_read_off)
#define THAW_CONF_ONE(name) THAW_CONF_NOTHING(name, thaw_conf_read_one)
#define THAW_CONF_NOTHING(name, reader)                                                            \
    {                                                                                              \
        .key = name, .type = THAW_FIELD_CUSTOM, .read = (reader), .write = thaw_conf_write_none    \
    }
#define THAW_CONF_DATA_FORMAT                                                                      \
    {                                                                                              \
        .key = "data_format", .type = THAW_FIELD_ONLY, .only = "\"channels_last\""                 \
    }
#define THAW_CONF_ACT(place)                                                                       \
    {                                                                                              \
        .key = "activation", .type = THAW_FIELD_CUSTOM, .offset = (place),                         \
        .read = thaw_conf_read_act, .write = thaw_conf_write_act                                   \
    }
#define THAW_CONF_BOOL(name, place, value)                                                         \
    {                                                                                              \
        .key = name, .type = THAW_FIELD_BOOL, .offset = (place), .preset = (value)                 \
    }
#define THAW_CONF_WINDOW(name, place)                                                              \
    {                                                                                              \
        .key = name, .type = THAW_FIELD_PAIR, .offset = (place), .preset = 1, .min = 1,            \
        .max = THAW_MAX_KERNEL                                                                     \
    }
#define THAW_CONF_KERNEL(place)                                                                    \
    {                                                                                              \
        .key = "kernel_size", .type = THAW_FIELD_PAIR, .offset = (place), .required = true,        \
        .min = 1, .max = THAW_MAX_KERNEL                                                           \
    }
#define THAW_CONF_PADDING(place)                                                                   \
    {                                                                                              \
        .key = "padding", .type = THAW_FIELD_CHOICE, .offset = (place), .choices = thaw_paddings   \
    }
#define THAW_CONF_COUNT(name, place, must)                                                         \
    {                                                                                              \
        .key = name, .type = THAW_FIELD_INT, .offset = (place), .preset = 1, .required = (must),   \
        .min = 1, .max = THAW_MAX_CHANNELS                                                         \
    }

/* For infer(): exactly one input; the axis is the last one (-1, or the rank, as Keras counts the
 * batch as axis 0). */
int thaw_one_input(int n_in, struct thaw_error *err);
int thaw_one_map(const struct thaw_shape *in, int n_in, struct thaw_error *err); /* [H,W,C] */
int thaw_last_axis(int axis, struct thaw_shape in, struct thaw_error *err);

/* A weight tensor of these dimensions; kernels are initialised by Glorot's rule and decay. */
struct thaw_param thaw_kernel_param(const char *role, int rank, long a, long b, long c, long d);
struct thaw_param thaw_vector_param(const char *role, long n, enum thaw_init init, bool trainable);

/* infer() of layers without weights: the shape of their one input; or of two or more that are
 * combined element by element, where sides of 1 take the others' length. */
int thaw_infer_same(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                    struct thaw_param params[THAW_MAX_PARAMS], int *n_params,
                    struct thaw_error *err);
int thaw_infer_combined(const void *conf, const struct thaw_shape *in, int n_in,
                        struct thaw_shape *out, struct thaw_param params[THAW_MAX_PARAMS],
                        int *n_params, struct thaw_error *err);

/* Channels after a depthwise convolution. */
int thaw_multiply_channels(int channels, int multiplier, int *out, struct thaw_error *err);

/* For lower(): the linear map of a window on this input (one group, not depthwise), and of a single
 * cell. */
int thaw_window_linear(const struct thaw_window *window, struct thaw_shape in,
                       struct thaw_linear *linear, struct thaw_error *err);
#define THAW_LINEAR_1X1                                                                            \
    {                                                                                              \
        .kh = 1, .kw = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1,          \
        .groups = 1                                                                                \
    }

/* For lower(): one operation without weights; the activation of a layer (nothing for "linear"). */
int thaw_emit_plain(struct thaw_lowering *lowering, const struct thaw_op_kind *kind,
                    const void *conf, const struct thaw_node *node, const int *in, int n_in,
                    int *out, struct thaw_error *err);
int thaw_emit_act(struct thaw_lowering *lowering, const struct thaw_node *node,
                  const struct thaw_layer_act *act, int in, int *out, struct thaw_error *err);

#endif
