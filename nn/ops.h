/* The operations that exist, with their configurations. One file each in ops/. */
#ifndef THAW_NN_OPS_H
#define THAW_NN_OPS_H

#include "nn/op.h"

/* Convolution, depthwise convolution and dense: one linear map with a kernel [kh, kw, in/groups,
 * out] or, depthwise, [kh, kw, in, multiplier]. params: kernel, bias. Hosts norm, act and addend.
 */
struct thaw_linear {
    int kh, kw, stride_h, stride_w, dilation_h, dilation_w;
    int pad_top, pad_left, pad_bottom, pad_right;
    int groups; /* depthwise: number of input channels */
    bool depthwise;
};
extern const struct thaw_op_kind thaw_op_linear;
/* What Winograd's algorithm is for: 3x3, one group, every cell in steps of one. */
static inline bool thaw_linear_is_plain_3x3(const struct thaw_linear *l)
{
    return l->kh == 3 && l->kw == 3 && l->stride_h == 1 && l->stride_w == 1 && l->dilation_h == 1 &&
           l->dilation_w == 1 && l->groups == 1;
}

/* y = k x + b per channel, then act. Batch norm on moving statistics: params gamma, beta,
 * moving_mean, moving_variance (k = gamma / sqrt(variance + epsilon), b = beta - mean k). Constants
 * (Rescaling, Normalization): scale and offset, [channels] or [1], owned by the layer's
 * configuration, no params. */
struct thaw_affine {
    float epsilon;
    const float *scale, *offset;
    int n_constants; /* 0: params */
};
extern const struct thaw_op_kind thaw_op_affine;

/* Batch norm on batch statistics while run->training, else on moving ones. params as thaw_affine's.
 * Moving statistics are updated in forward: m = m momentum + batch (1 - momentum), variance biased.
 */
struct thaw_batch_norm {
    float epsilon, momentum;
};
extern const struct thaw_op_kind thaw_op_batch_norm;

struct thaw_activation {
    struct thaw_act act;
};
extern const struct thaw_op_kind thaw_op_activation;

/* Over the last axis. */
struct thaw_softmax {
    bool log;
};
extern const struct thaw_op_kind thaw_op_softmax;

/* Over the last axis; biased variance. params: gamma, beta. */
struct thaw_layer_norm {
    float epsilon;
};
extern const struct thaw_op_kind thaw_op_layer_norm;

/* Max pads with minus infinity; average divides by the cells inside the picture. Global: kernel =
 * sides, output rank 1 (or 3 with keepdims: the out shape says). */
struct thaw_pool {
    bool max;
    int kh, kw, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right;
};
extern const struct thaw_op_kind thaw_op_pool;

/* Zero padding; negative numbers crop. */
struct thaw_pad {
    int top, bottom, left, right;
};
extern const struct thaw_op_kind thaw_op_pad;

/* Sum or product of two or more inputs; sides of 1 are broadcast (h, w and c together or apart). */
struct thaw_combine {
    bool product;
};
extern const struct thaw_op_kind thaw_op_combine;

/* Along the channels. No configuration. */
extern const struct thaw_op_kind thaw_op_concat;

/* Another shape of the same elements in [H,W,C] order: Flatten, Reshape. No configuration. */
extern const struct thaw_op_kind thaw_op_reshape;

/* Inverted dropout; per_sample drops whole samples. */
struct thaw_dropout {
    float rate;
    bool per_sample;
};
extern const struct thaw_op_kind thaw_op_dropout;

/* The same values in the type, scale and layout of the output: between parts of a plan that compute
 * in different precisions. No configuration. */
extern const struct thaw_op_kind thaw_op_convert;

#endif
