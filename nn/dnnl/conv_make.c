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
    dnnl_format_tag_t any = dnnl_format_tag_any;
    dnnl_format_tag_t keras = t->dense ? dnnl_ba : g > 1 ? dnnl_hwigo : dnnl_hwio;
    const char *what = "kernel descriptor";
    return thaw_dnnl_md_create(&t->kernel, rank, dims, kernel_type(s->in.type), any, what, err) ||
                   thaw_dnnl_md_create(&t->kernel_gradient, rank, dims, dnnl_f32, any, what, err) ||
                   thaw_dnnl_md_create(&t->keras_kernel, rank, dims, dnnl_f32, keras, what, err) ||
                   thaw_dnnl_md_create(&t->bias, 1, bias, dnnl_f32, dnnl_a, "bias descriptor", err)
               ? -1
               : 0;
}

void thaw_conv_tensors_release(struct thaw_conv_tensors *t)
{
    thaw_dnnl_md *mds[] = {t->in,   t->out,         t->addend, t->kernel, t->kernel_gradient,
                           t->bias, t->keras_kernel};
    for (size_t i = 0; i < sizeof mds / sizeof *mds; i++)
        thaw_dnnl_md_free(mds[i]);
    *t = (struct thaw_conv_tensors){0};
}

/* It multiplies matrices with a row for each tile of 4 x 4 outputs; with few rows the kernels, four
 * times as large as else, take longer to read than they save. */
static bool is_for_winograd(const struct thaw_conv_spec *s)
{
    enum { TILE = 4, LEAST = 64 };
    int rows = (s->out.shape.h + TILE - 1) / TILE, columns = (s->out.shape.w + TILE - 1) / TILE;
    return s->winograd && s->n >= (LEAST + rows * columns - 1) / (rows * columns);
}

int thaw_conv_make(const struct thaw_conv_spec *s, const struct thaw_conv_tensors *t,
                   enum thaw_conv_direction d, const struct thaw_dnnl_extra *extra,
                   const_dnnl_primitive_desc_t hint, struct thaw_dnnl_prim *p,
                   struct thaw_error *err)
{
    static const char *const what[] = {"convolution", "convolution, data gradient",
                                       "convolution, weight gradient"};
    static const dnnl_prop_kind_t prop[] = {dnnl_forward_training, dnnl_backward_data,
                                            dnnl_backward_weights};
    const struct thaw_linear *l = &s->linear;
    struct thaw_dnnl_op op = {.kind = t->dense ? THAW_DNNL_DENSE : THAW_DNNL_CONV,
                              .prop = prop[d],
                              .alg = dnnl_convolution_direct,
                              .src = t->in,
                              .weights = d == THAW_CONV_WEIGHTS ? t->kernel_gradient : t->kernel,
                              .bias = t->bias,
                              .dst = t->out,
                              .strides = {l->stride_h, l->stride_w},
                              .dilates = {l->dilation_h - 1, l->dilation_w - 1},
                              .before = {l->pad_top, l->pad_left},
                              .after = {l->pad_bottom, l->pad_right}};
    if (d == THAW_CONV_FORWARD && is_for_winograd(s)) {
        op.alg = dnnl_convolution_winograd;
        if (thaw_dnnl_prim_init(p, &op, extra, hint, what[d], NULL) == 0)
            return 0;
        op.alg = dnnl_convolution_direct;
    }
    return thaw_dnnl_prim_init(p, &op, extra, hint, what[d], err);
}

/* --- what is fused, and 8-bit types --- */

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

/* The axes of output channels in a kernel: the first, or with groups the first two together. */
static int channel_axes(const struct thaw_conv_spec *s)
{
    return s->linear.groups > 1 ? 1 << 0 | 1 << 1 : 1 << 0;
}

static float sum_unit(const struct thaw_conv_spec *s, int o)
{
    return s->in.scale * s->kernel_scale[o];
}

float thaw_conv_bias_unit(const struct thaw_conv_spec *s, int o)
{
    struct thaw_eltwise chain[2];
    if (!thaw_type_is_8bit(s->in.type))
        return 1;
    return thaw_dnnl_factors_bias ? sum_unit(s, o)
                                  : unit_of(s, chain, thaw_act_chain(&s->act, chain));
}

/* For 8-bit inputs the factors of the sums, which the caller frees; else factors without values. */
static int find_factors(const struct thaw_conv_spec *s, float unit,
                        struct thaw_dnnl_factors *factors, float **values, struct thaw_error *err)
{
    int oc = s->out.shape.c;
    *values = NULL;
    *factors = (struct thaw_dnnl_factors){0};
    if (!thaw_type_is_8bit(s->in.type))
        return 0;
    if (!(*values = thaw_new((size_t)oc, sizeof **values, err)))
        return -1;
    for (int o = 0; o < oc; o++)
        (*values)[o] = sum_unit(s, o) / unit;
    *factors = (struct thaw_dnnl_factors){*values, oc, DNNL_ARG_WEIGHTS, channel_axes(s)};
    return 0;
}

/* Appends a depthwise convolution with its activation. */
static int append_depthwise(dnnl_post_ops_t ops, const struct thaw_conv_spec *s,
                            struct thaw_error *err)
{
    struct thaw_dnnl_depthwise depthwise = {.weights = kernel_type(s->in.type),
                                            .dst = thaw_dnnl_type(s->out.type),
                                            .kernel = s->linear.kh,
                                            .stride = s->linear.stride_h,
                                            .before = s->linear.pad_top};
    struct thaw_eltwise chain[2];
    int n = thaw_act_chain(&s->act, chain);
    float *values, unit = thaw_type_is_8bit(s->in.type) ? unit_of(s, chain, n) : 1;
    int rc =
        find_factors(s, unit, &depthwise.factors, &values, err) ||
        thaw_dnnl_check(thaw_dnnl_append_depthwise(ops, &depthwise), "depthwise post-op", err) ||
        append_activation(ops, s, chain, n, unit, err);
    free(values);
    return rc ? -1 : 0;
}

static int append_addend(dnnl_post_ops_t ops, const struct thaw_conv_spec *s,
                         const struct thaw_conv_tensors *t, struct thaw_error *err)
{
    dnnl_status_t status = thaw_conv_adds_in_place(&s->addend, &s->out)
                               ? thaw_dnnl_append_sum(ops, thaw_dnnl_type(s->addend.type))
                               : dnnl_post_ops_append_binary(ops, dnnl_binary_add, t->addend);
    return thaw_dnnl_check(status, "residual post-op", err);
}

int thaw_conv_make_forward(const struct thaw_conv_spec *s, const struct thaw_conv_tensors *t,
                           const struct thaw_conv_spec *then, struct thaw_dnnl_prim *p,
                           struct thaw_error *err)
{
    struct thaw_dnnl_extra extra = {.no_reference = then != NULL};
    struct thaw_eltwise chain[2];
    int rc = -1, n = thaw_act_chain(&s->act, chain);
    float *values, unit = thaw_type_is_8bit(s->in.type) ? unit_of(s, chain, n) : 1;
    if (find_factors(s, unit, &extra.factors, &values, err) ||
        thaw_dnnl_check(dnnl_post_ops_create(&extra.post_ops), "post-ops", err) ||
        (s->has_addend && append_addend(extra.post_ops, s, t, err)) ||
        append_activation(extra.post_ops, s, chain, n, unit, err) ||
        (then && append_depthwise(extra.post_ops, then, err)))
        goto done;
    rc = thaw_conv_make(s, t, THAW_CONV_FORWARD, &extra, NULL, p, err);
done:
    dnnl_post_ops_destroy(extra.post_ops);
    free(values);
    return rc;
}

int thaw_conv_kernel_reorder(const struct thaw_conv_spec *s, const struct thaw_conv_tensors *t,
                             const thaw_dnnl_md *to, struct thaw_dnnl_prim *p,
                             struct thaw_error *err)
{
    int oc = s->out.shape.c;
    if (!thaw_type_is_8bit(s->in.type))
        return thaw_dnnl_reorder_init(p, t->keras_kernel, to, NULL, "kernel reorder", err);
    float *values = thaw_new((size_t)oc, sizeof *values, err);
    if (!values)
        return -1;
    for (int o = 0; o < oc; o++)
        values[o] = 1 / s->kernel_scale[o];
    struct thaw_dnnl_factors factors = {values, oc, DNNL_ARG_FROM, channel_axes(s)};
    int rc = thaw_dnnl_reorder_init(p, t->keras_kernel, to, &factors, "kernel reorder", err);
    free(values);
    return rc;
}
