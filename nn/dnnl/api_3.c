/* oneDNN 3: memory descriptors are opaque, primitive descriptors are made in one call, and factors
 * are arguments of an execution. */
#include <string.h>

#include "nn/dnnl/internal.h"

const bool thaw_dnnl_factors_bias = false;

int thaw_dnnl_md_create(thaw_dnnl_md **md, int rank, const int64_t *dims, dnnl_data_type_t type,
                        dnnl_format_tag_t tag, const char *what, struct thaw_error *err)
{
    *md = NULL;
    return thaw_dnnl_check(dnnl_memory_desc_create_with_tag(md, rank, dims, type, tag), what, err);
}

void thaw_dnnl_md_free(thaw_dnnl_md *md)
{
    if (md)
        dnnl_memory_desc_destroy(md);
}

static dnnl_status_t make_conv(dnnl_primitive_desc_t *desc, const struct thaw_dnnl_op *op,
                               const_dnnl_primitive_attr_t attr, const_dnnl_primitive_desc_t hint)
{
    if (op->prop == dnnl_backward_data)
        return dnnl_convolution_backward_data_primitive_desc_create(
            desc, thaw_dnnl_engine(), op->alg, op->src, op->weights, op->dst, op->strides,
            op->dilates, op->before, op->after, hint, attr);
    if (op->prop == dnnl_backward_weights)
        return dnnl_convolution_backward_weights_primitive_desc_create(
            desc, thaw_dnnl_engine(), op->alg, op->src, op->weights, op->bias, op->dst, op->strides,
            op->dilates, op->before, op->after, hint, attr);
    return dnnl_convolution_forward_primitive_desc_create(
        desc, thaw_dnnl_engine(), op->prop, op->alg, op->src, op->weights, op->bias, op->dst,
        op->strides, op->dilates, op->before, op->after, attr);
}

static dnnl_status_t make_dense(dnnl_primitive_desc_t *desc, const struct thaw_dnnl_op *op,
                                const_dnnl_primitive_attr_t attr, const_dnnl_primitive_desc_t hint)
{
    if (op->prop == dnnl_backward_data)
        return dnnl_inner_product_backward_data_primitive_desc_create(
            desc, thaw_dnnl_engine(), op->src, op->weights, op->dst, hint, attr);
    if (op->prop == dnnl_backward_weights)
        return dnnl_inner_product_backward_weights_primitive_desc_create(
            desc, thaw_dnnl_engine(), op->src, op->weights, op->bias, op->dst, hint, attr);
    return dnnl_inner_product_forward_primitive_desc_create(
        desc, thaw_dnnl_engine(), op->prop, op->src, op->weights, op->bias, op->dst, attr);
}

static dnnl_status_t make_pool(dnnl_primitive_desc_t *desc, const struct thaw_dnnl_op *op,
                               const_dnnl_primitive_attr_t attr, const_dnnl_primitive_desc_t hint)
{
    if (op->prop == dnnl_backward_data)
        return dnnl_pooling_backward_primitive_desc_create(
            desc, thaw_dnnl_engine(), op->alg, op->src, op->dst, op->strides, op->window,
            op->dilates, op->before, op->after, hint, attr);
    return dnnl_pooling_forward_primitive_desc_create(desc, thaw_dnnl_engine(), op->prop, op->alg,
                                                      op->src, op->dst, op->strides, op->window,
                                                      op->dilates, op->before, op->after, attr);
}

/* Some steps have parameters only here: log(1 + e^(alpha x)) / alpha, x min(1, max(0, alpha x +
 * beta)). */
static void set_parameters(dnnl_alg_kind_t alg, float *alpha, float *beta)
{
    if (alg == dnnl_eltwise_soft_relu)
        *alpha = 1;
    if (alg == dnnl_eltwise_hardswish) {
        *alpha = 1.0f / 6;
        *beta = 0.5f;
    }
}

static dnnl_status_t make_eltwise(dnnl_primitive_desc_t *desc, const struct thaw_dnnl_op *op,
                                  const_dnnl_primitive_attr_t attr,
                                  const_dnnl_primitive_desc_t hint)
{
    float alpha = op->alpha, beta = op->beta;
    set_parameters(op->alg, &alpha, &beta);
    if (op->prop == dnnl_backward_data)
        return dnnl_eltwise_backward_primitive_desc_create(
            desc, thaw_dnnl_engine(), op->alg, op->src, op->src, op->src, alpha, beta, hint, attr);
    return dnnl_eltwise_forward_primitive_desc_create(desc, thaw_dnnl_engine(), op->prop, op->alg,
                                                      op->src, op->src, alpha, beta, attr);
}

dnnl_status_t thaw_dnnl_desc_create(dnnl_primitive_desc_t *desc, const struct thaw_dnnl_op *op,
                                    const_dnnl_primitive_attr_t attr,
                                    const_dnnl_primitive_desc_t hint)
{
    switch (op->kind) {
    case THAW_DNNL_CONV:
        return make_conv(desc, op, attr, hint);
    case THAW_DNNL_DENSE:
        return make_dense(desc, op, attr, hint);
    case THAW_DNNL_POOL:
        return make_pool(desc, op, attr, hint);
    case THAW_DNNL_ELTWISE:
        return make_eltwise(desc, op, attr, hint);
    }
    return dnnl_invalid_arguments;
}

dnnl_status_t thaw_dnnl_append_step(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, float alpha,
                                    float beta)
{
    set_parameters(alg, &alpha, &beta);
    return dnnl_post_ops_append_eltwise(ops, alg, alpha, beta);
}

dnnl_status_t thaw_dnnl_append_sum(dnnl_post_ops_t ops, dnnl_data_type_t type)
{
    return dnnl_post_ops_append_sum(ops, 1.0f, 0, type);
}

dnnl_status_t thaw_dnnl_set_factors(dnnl_primitive_attr_t attr,
                                    const struct thaw_dnnl_factors *factors)
{
    return dnnl_primitive_attr_set_scales_mask(attr, factors->arg, factors->mask);
}

/* Its factors would be one more argument of an execution, and a primitive here has factors of one
 * argument only: pairs in 8 bits run one after the other. */
dnnl_status_t thaw_dnnl_append_depthwise(dnnl_post_ops_t ops, const struct thaw_dnnl_depthwise *d)
{
    return d->factors.values ? dnnl_unimplemented
                             : dnnl_post_ops_append_dw(ops, d->weights, dnnl_f32, d->dst, d->kernel,
                                                       d->stride, d->before);
}

int thaw_dnnl_factor_memory(const struct thaw_dnnl_factors *factors, dnnl_memory_t *memory,
                            int *arg, struct thaw_error *err)
{
    thaw_dnnl_md *md;
    dnnl_dims_t dims = {factors->count};
    void *values = NULL;
    *memory = NULL;
    *arg = DNNL_ARG_ATTR_SCALES | factors->arg;
    if (thaw_dnnl_md_create(&md, 1, dims, dnnl_f32, dnnl_a, "factors", err))
        return -1;
    int rc =
        thaw_dnnl_check(dnnl_memory_create(memory, md, thaw_dnnl_engine(), DNNL_MEMORY_ALLOCATE),
                        "factors", err) ||
        thaw_dnnl_check(dnnl_memory_get_data_handle(*memory, &values), "factors", err);
    thaw_dnnl_md_free(md);
    if (rc)
        return -1;
    memcpy(values, factors->values, (size_t)factors->count * sizeof *factors->values);
    return 0;
}
