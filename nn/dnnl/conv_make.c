#include "nn/dnnl/conv_internal.h"

#include <stdlib.h>

#include "io/base/mem.h"

static dnnl_data_type_t kernel_type(enum thaw_type in)
{
    return in == THAW_TYPE_F32 ? dnnl_f32 : in == THAW_TYPE_BF16 ? dnnl_bf16 : dnnl_s8;
}

int thaw_conv_describe(const struct thaw_conv_spec *s, struct thaw_conv_tensors *t,
                       struct thaw_error *err)
{
    const struct thaw_linear *l = &s->linear;
    t->dense = s->in.shape.rank == 1;
    if (thaw_dnnl_desc(&t->in, &s->in, s->n, err) || thaw_dnnl_desc(&t->out, &s->out, s->n, err) ||
        (s->has_addend && thaw_dnnl_desc(&t->addend, &s->addend, s->n, err)))
        return -1;
    int g = l->groups, oc = s->out.shape.c, ic = s->in.shape.c;
    dnnl_dims_t bias = {oc}, dense = {oc, ic}, plain = {oc, ic, l->kh, l->kw},
                grouped = {g, oc / g, ic / g, l->kh, l->kw};
    const int64_t *dims = t->dense ? dense : g > 1 ? grouped : plain;
    int rank = t->dense ? 2 : g > 1 ? 5 : 4;
    dnnl_format_tag_t keras = t->dense ? dnnl_ba : g > 1 ? dnnl_hwigo : dnnl_hwio;
    return thaw_dnnl_check(dnnl_memory_desc_init_by_tag(&t->kernel, rank, dims,
                                                        kernel_type(s->in.type),
                                                        dnnl_format_tag_any),
                           "kernel descriptor", err) ||
                   thaw_dnnl_check(
                       dnnl_memory_desc_init_by_tag(&t->keras_kernel, rank, dims, dnnl_f32, keras),
                       "kernel descriptor", err) ||
                   thaw_dnnl_check(
                       dnnl_memory_desc_init_by_tag(&t->bias, 1, bias, dnnl_f32, dnnl_a),
                       "bias descriptor", err)
               ? -1
               : 0;
}

/* Operation descriptors of the three directions; the struct differs, the call site should not. */
union op_desc {
    dnnl_convolution_desc_t conv;
    dnnl_inner_product_desc_t dense;
};

static dnnl_memory_desc_t as_float(const dnnl_memory_desc_t *md)
{
    dnnl_memory_desc_t copy = *md;
    copy.data_type = dnnl_f32;
    return copy;
}

static dnnl_status_t dense_desc(const struct thaw_conv_tensors *t, enum thaw_conv_direction d,
                                union op_desc *op)
{
    dnnl_memory_desc_t gradient = as_float(&t->kernel);
    if (d == THAW_CONV_DATA)
        return dnnl_inner_product_backward_data_desc_init(&op->dense, &t->in, &t->kernel, &t->out);
    if (d == THAW_CONV_WEIGHTS)
        return dnnl_inner_product_backward_weights_desc_init(&op->dense, &t->in, &gradient,
                                                             &t->bias, &t->out);
    return dnnl_inner_product_forward_desc_init(&op->dense, dnnl_forward_training, &t->in,
                                                &t->kernel, &t->bias, &t->out);
}

static dnnl_status_t conv_desc(const struct thaw_conv_spec *s, const struct thaw_conv_tensors *t,
                               enum thaw_conv_direction d, union op_desc *op)
{
    const struct thaw_linear *l = &s->linear;
    dnnl_memory_desc_t gradient = as_float(&t->kernel);
    dnnl_dims_t strides = {l->stride_h, l->stride_w};
    dnnl_dims_t dilates = {l->dilation_h - 1, l->dilation_w - 1};
    dnnl_dims_t before = {l->pad_top, l->pad_left}, after = {l->pad_bottom, l->pad_right};
    if (d == THAW_CONV_DATA)
        return dnnl_dilated_convolution_backward_data_desc_init(&op->conv, dnnl_convolution_direct,
                                                                &t->in, &t->kernel, &t->out,
                                                                strides, dilates, before, after);
    if (d == THAW_CONV_WEIGHTS)
        return dnnl_dilated_convolution_backward_weights_desc_init(
            &op->conv, dnnl_convolution_direct, &t->in, &gradient, &t->bias, &t->out, strides,
            dilates, before, after);
    return dnnl_dilated_convolution_forward_desc_init(
        &op->conv, dnnl_forward_training, dnnl_convolution_direct, &t->in, &t->kernel, &t->bias,
        &t->out, strides, dilates, before, after);
}

int thaw_conv_make(const struct thaw_conv_spec *spec, const struct thaw_conv_tensors *t,
                   enum thaw_conv_direction d, dnnl_primitive_attr_t attr,
                   const_dnnl_primitive_desc_t hint, struct thaw_dnnl_prim *p,
                   struct thaw_error *err)
{
    static const char *const what[] = {"convolution", "convolution, data gradient",
                                       "convolution, weight gradient"};
    union op_desc op;
    if (thaw_dnnl_check(t->dense ? dense_desc(t, d, &op) : conv_desc(spec, t, d, &op), what[d],
                        err))
        return -1;
    return thaw_dnnl_prim_init(p, &op, attr, hint, what[d], err);
}

/* --- attributes --- */

/* An 8-bit convolution computes in numbers that stand for `unit` times themselves: the sum of
 * products is brought there, post-ops work there, and the result is stored in units of its own
 * scale. The addend's scale is taken as the unit, because a post-op adds it as stored; else the
 * output's, where the activation commutes with a positive factor and nothing is left to do. */
static float unit_of(const struct thaw_conv_spec *s, const struct thaw_eltwise *chain, int n)
{
    if (s->has_addend)
        return thaw_type_is_8bit(s->addend.type) ? s->addend.scale : 1;
    for (int i = 0; i < n; i++)
        if (chain[i].kind != THAW_ELTWISE_RELU && chain[i].kind != THAW_ELTWISE_CLIP)
            return 1;
    return thaw_type_is_8bit(s->out.type) ? s->out.scale : 1;
}

static int append_factor(dnnl_post_ops_t ops, float factor, struct thaw_error *err)
{
    struct thaw_eltwise multiply = {THAW_ELTWISE_LINEAR, factor, 0};
    return factor == 1 ? 0 : thaw_dnnl_append_eltwise(ops, &multiply, 1, err);
}

static int append_activation(dnnl_post_ops_t ops, const struct thaw_conv_spec *s,
                             struct thaw_eltwise *chain, int n, float unit, struct thaw_error *err)
{
    for (int i = 0; i < n; i++) {
        if (chain[i].kind == THAW_ELTWISE_CLIP) {
            chain[i].alpha /= unit;
            chain[i].beta /= unit;
        } else if (chain[i].kind != THAW_ELTWISE_RELU) {
            if (append_factor(ops, unit, err))
                return -1;
            unit = 1;
        }
        if (thaw_dnnl_append_eltwise(ops, &chain[i], 1, err))
            return -1;
    }
    return append_factor(ops, thaw_type_is_8bit(s->out.type) ? unit / s->out.scale : unit, err);
}

static int set_scales(dnnl_primitive_attr_t attr, const struct thaw_conv_spec *s, float unit,
                      struct thaw_error *err)
{
    enum { BY_OUTPUT_CHANNEL = 1 << 1 };
    float *scales = thaw_new((size_t)s->out.shape.c, sizeof *scales, err);
    if (!scales)
        return -1;
    for (int o = 0; o < s->out.shape.c; o++)
        scales[o] = s->in.scale * s->kernel_scale[o] / unit;
    int rc = thaw_dnnl_check(
        dnnl_primitive_attr_set_output_scales(attr, s->out.shape.c, BY_OUTPUT_CHANNEL, scales),
        "scales", err);
    free(scales);
    return rc;
}

int thaw_conv_attributes(const struct thaw_conv_spec *s, const struct thaw_conv_tensors *t,
                         dnnl_primitive_attr_t *attr, struct thaw_error *err)
{
    dnnl_post_ops_t ops = NULL;
    struct thaw_eltwise chain[2];
    int rc = -1, n = thaw_act_chain(&s->act, chain);
    float unit = thaw_type_is_8bit(s->in.type) ? unit_of(s, chain, n) : 1;
    *attr = NULL;
    if (thaw_dnnl_check(dnnl_primitive_attr_create(attr), "attributes", err) ||
        thaw_dnnl_check(dnnl_post_ops_create(&ops), "post-ops", err) ||
        (thaw_type_is_8bit(s->in.type) && set_scales(*attr, s, unit, err)))
        goto done;
    if (s->has_addend &&
        thaw_dnnl_check(dnnl_post_ops_append_binary(ops, dnnl_binary_add, &t->addend),
                        "residual post-op", err))
        goto done;
    if (append_activation(ops, s, chain, n, unit, err))
        goto done;
    rc = thaw_dnnl_check(dnnl_primitive_attr_set_post_ops(*attr, ops), "post-ops", err);
done:
    dnnl_post_ops_destroy(ops);
    return rc;
}

int thaw_conv_kernel_reorder(const struct thaw_conv_spec *s, const struct thaw_conv_tensors *t,
                             const dnnl_memory_desc_t *to, struct thaw_dnnl_prim *p,
                             struct thaw_error *err)
{
    dnnl_primitive_attr_t attr = NULL;
    float *factors = NULL;
    int rc = -1, oc = s->out.shape.c;
    if (thaw_type_is_8bit(s->in.type)) {
        if (!(factors = thaw_new((size_t)oc, sizeof *factors, err)) ||
            thaw_dnnl_check(dnnl_primitive_attr_create(&attr), "attributes", err))
            goto done;
        for (int o = 0; o < oc; o++)
            factors[o] = 1 / s->kernel_scale[o];
        /* Output channels are the first axis, or with groups the first two together. */
        int mask = s->linear.groups > 1 ? 1 << 0 | 1 << 1 : 1 << 0;
        if (thaw_dnnl_check(dnnl_primitive_attr_set_output_scales(attr, oc, mask, factors),
                            "kernel scales", err))
            goto done;
    }
    rc = thaw_dnnl_reorder_init(p, &t->keras_kernel, to, attr, "kernel reorder", err);
done:
    dnnl_primitive_attr_destroy(attr);
    free(factors);
    return rc;
}
