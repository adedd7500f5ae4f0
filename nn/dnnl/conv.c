#include "nn/dnnl/prim.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/dnnl/internal.h"
#include "nn/kernels/kernels.h"

struct thaw_conv {
    struct thaw_conv_spec spec;
    bool dense; /* vectors: inner product */
    dnnl_memory_desc_t in, out, kernel, bias, keras_kernel;
    struct thaw_dnnl_prim forward, data, weights;
    struct thaw_dnnl_prim to_forward, to_data, from_sum; /* reorders of the kernel */
    float *kernel_forward, *kernel_data, *bias_values;
    float *sum,
        *part; /* kernel gradients of the batch and of a micro-batch, in the primitive's layout */
    float *bias_sum, *bias_part;
    size_t sum_count;
    bool own_weights_kernel; /* depthwise gradient by our own loop */
};

static size_t md_floats(const dnnl_memory_desc_t *md)
{
    return dnnl_memory_desc_get_size(md) / sizeof(float);
}

static int describe(struct thaw_conv *c, struct thaw_error *err)
{
    const struct thaw_conv_spec *s = &c->spec;
    const struct thaw_linear *l = &s->linear;
    if (thaw_dnnl_desc(&c->in, s->in, s->in_layout, s->n, err) ||
        thaw_dnnl_desc(&c->out, s->out, s->out_layout, s->n, err))
        return -1;
    int g = l->groups, oc = s->out.c, ic = s->in.c;
    dnnl_dims_t bias = {oc}, dense = {oc, ic}, plain = {oc, ic, l->kh, l->kw},
                grouped = {g, oc / g, ic / g, l->kh, l->kw};
    const int64_t *dims = c->dense ? dense : g > 1 ? grouped : plain;
    int rank = c->dense ? 2 : g > 1 ? 5 : 4;
    dnnl_format_tag_t keras = c->dense ? dnnl_ba : g > 1 ? dnnl_hwigo : dnnl_hwio;
    return thaw_dnnl_check(
               dnnl_memory_desc_init_by_tag(&c->kernel, rank, dims, dnnl_f32, dnnl_format_tag_any),
               "kernel descriptor", err) ||
                   thaw_dnnl_check(
                       dnnl_memory_desc_init_by_tag(&c->keras_kernel, rank, dims, dnnl_f32, keras),
                       "kernel descriptor", err) ||
                   thaw_dnnl_check(
                       dnnl_memory_desc_init_by_tag(&c->bias, 1, bias, dnnl_f32, dnnl_a),
                       "bias descriptor", err)
               ? -1
               : 0;
}

/* Operation descriptors of the three directions; the struct differs, the call site should not. */
union op_desc {
    dnnl_convolution_desc_t conv;
    dnnl_inner_product_desc_t dense;
};

enum direction { FORWARD, DATA, WEIGHTS };

static dnnl_status_t dense_desc(const struct thaw_conv *c, enum direction d, union op_desc *op)
{
    if (d == DATA)
        return dnnl_inner_product_backward_data_desc_init(&op->dense, &c->in, &c->kernel, &c->out);
    if (d == WEIGHTS)
        return dnnl_inner_product_backward_weights_desc_init(&op->dense, &c->in, &c->kernel,
                                                             &c->bias, &c->out);
    return dnnl_inner_product_forward_desc_init(&op->dense, dnnl_forward_training, &c->in,
                                                &c->kernel, &c->bias, &c->out);
}

static dnnl_status_t conv_desc(const struct thaw_conv *c, enum direction d, union op_desc *op)
{
    const struct thaw_linear *l = &c->spec.linear;
    dnnl_dims_t strides = {l->stride_h, l->stride_w};
    dnnl_dims_t dilates = {l->dilation_h - 1, l->dilation_w - 1};
    dnnl_dims_t before = {l->pad_top, l->pad_left}, after = {l->pad_bottom, l->pad_right};
    if (d == DATA)
        return dnnl_dilated_convolution_backward_data_desc_init(&op->conv, dnnl_convolution_direct,
                                                                &c->in, &c->kernel, &c->out,
                                                                strides, dilates, before, after);
    if (d == WEIGHTS)
        return dnnl_dilated_convolution_backward_weights_desc_init(
            &op->conv, dnnl_convolution_direct, &c->in, &c->kernel, &c->bias, &c->out, strides,
            dilates, before, after);
    return dnnl_dilated_convolution_forward_desc_init(
        &op->conv, dnnl_forward_training, dnnl_convolution_direct, &c->in, &c->kernel, &c->bias,
        &c->out, strides, dilates, before, after);
}

static int init_prim(struct thaw_conv *c, enum direction d, dnnl_primitive_attr_t attr,
                     struct thaw_dnnl_prim *p, struct thaw_error *err)
{
    static const char *const what[] = {"convolution", "convolution, data gradient",
                                       "convolution, weight gradient"};
    union op_desc op;
    if (thaw_dnnl_check(c->dense ? dense_desc(c, d, &op) : conv_desc(c, d, &op), what[d], err))
        return -1;
    return thaw_dnnl_prim_init(p, &op, attr, d == FORWARD ? NULL : c->forward.desc, what[d], err);
}

static int post_ops(const struct thaw_conv *c, dnnl_primitive_attr_t *attr, struct thaw_error *err)
{
    dnnl_post_ops_t ops = NULL;
    struct thaw_eltwise chain[2];
    int rc = -1;
    *attr = NULL;
    if (thaw_dnnl_check(dnnl_primitive_attr_create(attr), "attributes", err) ||
        thaw_dnnl_check(dnnl_post_ops_create(&ops), "post-ops", err))
        goto done;
    if (c->spec.addend &&
        thaw_dnnl_check(dnnl_post_ops_append_binary(ops, dnnl_binary_add, &c->out),
                        "residual post-op", err))
        goto done;
    if (thaw_dnnl_append_eltwise(ops, chain, thaw_act_chain(&c->spec.act, chain), err))
        goto done;
    rc = thaw_dnnl_check(dnnl_primitive_attr_set_post_ops(*attr, ops), "post-ops", err);
done:
    dnnl_post_ops_destroy(ops);
    return rc;
}

static const dnnl_memory_desc_t *weights_md(const struct thaw_dnnl_prim *p, bool diff)
{
    return dnnl_primitive_desc_query_md(
        p->desc, diff ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
}

static int make_reorder(struct thaw_dnnl_prim *p, const dnnl_memory_desc_t *from,
                        const dnnl_memory_desc_t *to, struct thaw_error *err)
{
    return thaw_dnnl_reorder_init(p, from, to, "kernel reorder", err);
}

static int make_forward(struct thaw_conv *c, struct thaw_error *err)
{
    dnnl_primitive_attr_t attr;
    int rc = post_ops(c, &attr, err) || init_prim(c, FORWARD, attr, &c->forward, err);
    dnnl_primitive_attr_destroy(attr);
    if (rc)
        return -1;
    struct thaw_dnnl_prim *p = &c->forward;
    const dnnl_memory_desc_t *kernel = weights_md(p, false);
    if (thaw_dnnl_prim_arg(p, DNNL_ARG_SRC, &c->in, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_WEIGHTS, kernel, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_BIAS, &c->bias, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_DST, &c->out, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1,
                           c->spec.addend ? &c->out : NULL, err))
        return -1;
    c->kernel_forward = thaw_new_aligned(md_floats(kernel), sizeof(float), err);
    c->bias_values = thaw_new_aligned((size_t)c->spec.out.c, sizeof(float), err);
    return !c->kernel_forward || !c->bias_values
               ? -1
               : make_reorder(&c->to_forward, &c->keras_kernel, kernel, err);
}

static int make_data(struct thaw_conv *c, struct thaw_error *err)
{
    struct thaw_dnnl_prim *p = &c->data;
    if (init_prim(c, DATA, NULL, p, err))
        return -1;
    const dnnl_memory_desc_t *kernel = weights_md(p, false);
    if (thaw_dnnl_prim_arg(p, DNNL_ARG_DIFF_DST, &c->out, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_WEIGHTS, kernel, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_DIFF_SRC, &c->in, err))
        return -1;
    if (dnnl_memory_desc_equal(kernel, weights_md(&c->forward, false)))
        return 0; /* the same copy serves */
    c->kernel_data = thaw_new_aligned(md_floats(kernel), sizeof(float), err);
    return c->kernel_data ? make_reorder(&c->to_data, &c->keras_kernel, kernel, err) : -1;
}

/* oneDNN has a fast depthwise weight gradient for small kernels only; elsewhere it falls to a
 * generic loop that is hundreds of times slower. */
static bool wants_own_kernel(const struct thaw_conv *c)
{
    const struct thaw_linear *l = &c->spec.linear;
    return l->depthwise && c->spec.out.c == c->spec.in.c && l->dilation_h == 1 &&
           l->dilation_w == 1 && c->spec.in_layout.block == c->spec.out_layout.block &&
           c->spec.in_layout.block > 1 && (l->kh != 3 || l->kw != 3);
}

static struct thaw_depthwise depthwise_of(const struct thaw_conv *c)
{
    const struct thaw_conv_spec *s = &c->spec;
    const struct thaw_linear *l = &s->linear;
    return (struct thaw_depthwise){.n = s->n,
                                   .blocks = s->in_layout.blocks,
                                   .block = s->in_layout.block,
                                   .ih = s->in.h,
                                   .iw = s->in.w,
                                   .oh = s->out.h,
                                   .ow = s->out.w,
                                   .kh = l->kh,
                                   .kw = l->kw,
                                   .stride_h = l->stride_h,
                                   .stride_w = l->stride_w,
                                   .pad_top = l->pad_top,
                                   .pad_left = l->pad_left};
}

static int make_weights(struct thaw_conv *c, struct thaw_error *err)
{
    struct thaw_dnnl_prim *p = &c->weights;
    size_t bias = (size_t)c->spec.out.c;
    c->own_weights_kernel = wants_own_kernel(c);
    if (c->own_weights_kernel) {
        c->sum_count = (size_t)(c->spec.linear.kh * c->spec.linear.kw) *
                       (size_t)c->spec.in_layout.blocks * (size_t)c->spec.in_layout.block;
        bias = (size_t)c->spec.in_layout.blocks * (size_t)c->spec.in_layout.block;
    } else {
        if (init_prim(c, WEIGHTS, NULL, p, err))
            return -1;
        const dnnl_memory_desc_t *kernel = weights_md(p, true);
        if (thaw_dnnl_prim_arg(p, DNNL_ARG_SRC, &c->in, err) ||
            thaw_dnnl_prim_arg(p, DNNL_ARG_DIFF_DST, &c->out, err) ||
            thaw_dnnl_prim_arg(p, DNNL_ARG_DIFF_WEIGHTS, kernel, err) ||
            thaw_dnnl_prim_arg(p, DNNL_ARG_DIFF_BIAS, &c->bias, err) ||
            make_reorder(&c->from_sum, kernel, &c->keras_kernel, err))
            return -1;
        c->sum_count = md_floats(kernel);
    }
    c->sum = thaw_new_aligned(c->sum_count, sizeof(float), err);
    c->part = thaw_new_aligned(c->sum_count, sizeof(float), err);
    c->bias_sum = thaw_new_aligned(bias, sizeof(float), err);
    c->bias_part = thaw_new_aligned(bias, sizeof(float), err);
    return c->sum && c->part && c->bias_sum && c->bias_part ? 0 : -1;
}

struct thaw_conv *thaw_conv_create(const struct thaw_conv_spec *spec, struct thaw_error *err)
{
    struct thaw_conv *c = thaw_new(1, sizeof *c, err);
    if (!c)
        return NULL;
    c->spec = *spec;
    c->dense = spec->in.rank == 1;
    if (describe(c, err) || make_forward(c, err) || (spec->data_gradient && make_data(c, err)) ||
        (spec->weight_gradient && make_weights(c, err))) {
        thaw_conv_free(c);
        return NULL;
    }
    return c;
}

void thaw_conv_free(struct thaw_conv *c)
{
    if (!c)
        return;
    struct thaw_dnnl_prim *prims[] = {&c->forward,    &c->data,    &c->weights,
                                      &c->to_forward, &c->to_data, &c->from_sum};
    for (size_t i = 0; i < sizeof prims / sizeof *prims; i++)
        thaw_dnnl_prim_release(prims[i]);
    float *blocks[] = {c->kernel_forward, c->kernel_data, c->bias_values, c->sum,
                       c->part,           c->bias_sum,    c->bias_part};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
    free(c);
}

size_t thaw_conv_scratch(const struct thaw_conv *c)
{
    size_t most = c->forward.scratch;
    if (c->data.scratch > most)
        most = c->data.scratch;
    size_t weights = c->weights.scratch;
    if (c->own_weights_kernel) {
        struct thaw_depthwise d = depthwise_of(c);
        weights = thaw_kernel_depthwise_scratch(&d);
    }
    return weights > most ? weights : most;
}

int thaw_conv_set_weights(struct thaw_conv *c, const float *kernel, const float *bias,
                          struct thaw_error *err)
{
    memcpy(c->bias_values, bias, (size_t)c->spec.out.c * sizeof *bias);
    void *forward[] = {(void *)kernel, c->kernel_forward};
    void *data[] = {(void *)kernel, c->kernel_data};
    if (thaw_dnnl_prim_run(&c->to_forward, forward, NULL, err))
        return -1;
    return c->kernel_data ? thaw_dnnl_prim_run(&c->to_data, data, NULL, err) : 0;
}

int thaw_conv_forward(struct thaw_conv *c, const float *in, const float *addend, float *out,
                      void *scratch, struct thaw_error *err)
{
    void *data[] = {(void *)in, c->kernel_forward, c->bias_values, out, (void *)addend};
    return thaw_dnnl_prim_run(&c->forward, data, scratch, err);
}

int thaw_conv_backward_data(struct thaw_conv *c, const float *dpre, float *din, void *scratch,
                            struct thaw_error *err)
{
    void *data[] = {(void *)dpre, c->kernel_data ? c->kernel_data : c->kernel_forward, din};
    return thaw_dnnl_prim_run(&c->data, data, scratch, err);
}

int thaw_conv_backward_weights(struct thaw_conv *c, const float *in, const float *dpre, bool first,
                               void *scratch, struct thaw_error *err)
{
    float *kernel = first ? c->sum : c->part, *bias = first ? c->bias_sum : c->bias_part;
    void *data[] = {(void *)in, (void *)dpre, kernel, bias};
    if (c->own_weights_kernel) {
        struct thaw_depthwise d = depthwise_of(c);
        thaw_kernel_depthwise_weights(&d, in, dpre, first, c->sum, c->bias_sum, scratch);
        return 0;
    }
    if (thaw_dnnl_prim_run(&c->weights, data, scratch, err))
        return -1;
    if (!first) {
        thaw_kernel_add(c->sum, c->part, c->sum_count);
        thaw_kernel_add(c->bias_sum, c->bias_part, (size_t)c->spec.out.c);
    }
    return 0;
}

int thaw_conv_gradients(struct thaw_conv *c, float *dkernel, float *dbias, struct thaw_error *err)
{
    memcpy(dbias, c->bias_sum, (size_t)c->spec.out.c * sizeof *dbias);
    if (c->own_weights_kernel) {
        /* [blocks][kh][kw][block] -> [kh][kw][channels] */
        size_t taps = (size_t)(c->spec.linear.kh * c->spec.linear.kw);
        size_t block = (size_t)c->spec.in_layout.block, channels = (size_t)c->spec.in.c;
        for (size_t t = 0; t < taps; t++)
            for (size_t ch = 0; ch < channels; ch++)
                dkernel[t * channels + ch] = c->sum[(ch / block * taps + t) * block + ch % block];
        return 0;
    }
    void *data[] = {c->sum, dkernel};
    return thaw_dnnl_prim_run(&c->from_sum, data, NULL, err);
}

const char *thaw_conv_implementation(const struct thaw_conv *c, int direction)
{
    const struct thaw_dnnl_prim *p = direction == FORWARD ? &c->forward
                                     : direction == DATA  ? &c->data
                                                          : &c->weights;
    const char *name = NULL;
    if (direction == WEIGHTS && c->own_weights_kernel)
        return "thaw:depthwise_weights";
    if (!p->desc || dnnl_primitive_desc_query(p->desc, dnnl_query_impl_info_str, 0, (void *)&name))
        return NULL;
    return name;
}
