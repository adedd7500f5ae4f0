/* oneDNN 2: memory descriptors are plain structs, an operation has a descriptor of its own before
 * it has a primitive descriptor, and factors are part of a primitive. */
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/dnnl/internal.h"

const bool thaw_dnnl_factors_bias = true;

int thaw_dnnl_md_create(thaw_dnnl_md **md, int rank, const int64_t *dims, dnnl_data_type_t type,
                        dnnl_format_tag_t tag, const char *what, struct thaw_error *err)
{
    *md = thaw_new(1, sizeof **md, err);
    if (!*md)
        return -1;
    if (!thaw_dnnl_check(dnnl_memory_desc_init_by_tag(*md, rank, dims, type, tag), what, err))
        return 0;
    free(*md);
    *md = NULL;
    return -1;
}

void thaw_dnnl_md_free(thaw_dnnl_md *md)
{
    free(md);
}

union op_desc {
    dnnl_convolution_desc_t conv;
    dnnl_inner_product_desc_t dense;
    dnnl_pooling_desc_t pool;
    dnnl_eltwise_desc_t eltwise;
};

static dnnl_status_t init_conv(union op_desc *d, const struct thaw_dnnl_op *op)
{
    if (op->prop == dnnl_backward_data)
        return dnnl_dilated_convolution_backward_data_desc_init(&d->conv, op->alg, op->src,
                                                                op->weights, op->dst, op->strides,
                                                                op->dilates, op->before, op->after);
    if (op->prop == dnnl_backward_weights)
        return dnnl_dilated_convolution_backward_weights_desc_init(
            &d->conv, op->alg, op->src, op->weights, op->bias, op->dst, op->strides, op->dilates,
            op->before, op->after);
    return dnnl_dilated_convolution_forward_desc_init(&d->conv, op->prop, op->alg, op->src,
                                                      op->weights, op->bias, op->dst, op->strides,
                                                      op->dilates, op->before, op->after);
}

static dnnl_status_t init_dense(union op_desc *d, const struct thaw_dnnl_op *op)
{
    if (op->prop == dnnl_backward_data)
        return dnnl_inner_product_backward_data_desc_init(&d->dense, op->src, op->weights, op->dst);
    if (op->prop == dnnl_backward_weights)
        return dnnl_inner_product_backward_weights_desc_init(&d->dense, op->src, op->weights,
                                                             op->bias, op->dst);
    return dnnl_inner_product_forward_desc_init(&d->dense, op->prop, op->src, op->weights, op->bias,
                                                op->dst);
}

static dnnl_status_t init_pool(union op_desc *d, const struct thaw_dnnl_op *op)
{
    if (op->prop == dnnl_backward_data)
        return dnnl_pooling_backward_desc_init(&d->pool, op->alg, op->src, op->dst, op->strides,
                                               op->window, op->before, op->after);
    return dnnl_pooling_forward_desc_init(&d->pool, op->prop, op->alg, op->src, op->dst,
                                          op->strides, op->window, op->before, op->after);
}

static dnnl_status_t init_eltwise(union op_desc *d, const struct thaw_dnnl_op *op)
{
    if (op->prop == dnnl_backward_data)
        return dnnl_eltwise_backward_desc_init(&d->eltwise, op->alg, op->src, op->src, op->alpha,
                                               op->beta);
    return dnnl_eltwise_forward_desc_init(&d->eltwise, op->prop, op->alg, op->src, op->alpha,
                                          op->beta);
}

/* These convolutions look up what lies behind a list's end while oneDNN 2.6 generates their code
 * (jit_brgemm_amx_uker, skipped_bd_mask): by what stands there, that crashes. The next ones of its
 * list multiply in tiles as well. */
static bool may_crash(const_dnnl_primitive_desc_t desc)
{
    static const char name[] = "brgconv:avx512_core_amx";
    const char *found = "";
    dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, (void *)&found);
    return strncmp(found, name, sizeof name - 1) == 0;
}

/* The first implementation that may be taken. */
static dnnl_status_t take_first(dnnl_primitive_desc_t *desc, dnnl_primitive_desc_iterator_t it)
{
    dnnl_status_t status = dnnl_success;
    for (; status == dnnl_success; status = dnnl_primitive_desc_iterator_next(it)) {
        if (!(*desc = dnnl_primitive_desc_iterator_fetch(it)))
            return dnnl_out_of_memory;
        if (!may_crash(*desc))
            return dnnl_success;
        dnnl_primitive_desc_destroy(*desc);
        *desc = NULL;
    }
    return status == dnnl_iterator_ends ? dnnl_unimplemented : status;
}

dnnl_status_t thaw_dnnl_desc_create(dnnl_primitive_desc_t *desc, const struct thaw_dnnl_op *op,
                                    const_dnnl_primitive_attr_t attr,
                                    const_dnnl_primitive_desc_t hint)
{
    static dnnl_status_t (*const init[])(union op_desc *, const struct thaw_dnnl_op *) = {
        [THAW_DNNL_CONV] = init_conv,
        [THAW_DNNL_DENSE] = init_dense,
        [THAW_DNNL_POOL] = init_pool,
        [THAW_DNNL_ELTWISE] = init_eltwise};
    union op_desc d;
    dnnl_primitive_desc_iterator_t it;
    dnnl_status_t status = init[op->kind](&d, op);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_iterator_create(&it, &d, attr, thaw_dnnl_engine(), hint);
    if (status != dnnl_success)
        return status;
    status = take_first(desc, it);
    dnnl_primitive_desc_iterator_destroy(it);
    return status;
}

dnnl_status_t thaw_dnnl_append_step(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, float alpha,
                                    float beta)
{
    return dnnl_post_ops_append_eltwise(ops, 1.0f, alg, alpha, beta);
}

dnnl_status_t thaw_dnnl_append_sum(dnnl_post_ops_t ops, dnnl_data_type_t type)
{
    return dnnl_post_ops_append_sum_v2(ops, 1.0f, type);
}

/* The mask is of the result's axes: as those of what a reorder reads, and of [N,C,...] else. */
dnnl_status_t thaw_dnnl_set_factors(dnnl_primitive_attr_t attr,
                                    const struct thaw_dnnl_factors *factors)
{
    int mask = factors->arg == DNNL_ARG_WEIGHTS && factors->mask ? 1 << 1 : factors->mask;
    return dnnl_primitive_attr_set_output_scales(attr, factors->count, mask, factors->values);
}

dnnl_status_t thaw_dnnl_append_depthwise(dnnl_post_ops_t ops, const struct thaw_dnnl_depthwise *d)
{
    int count = d->factors.values ? d->factors.count : 0, mask = count ? 1 << 1 : 0;
    return dnnl_post_ops_append_dw(ops, d->weights, dnnl_f32, d->dst, d->kernel, d->stride,
                                   d->before, count, mask, d->factors.values);
}

int thaw_dnnl_factor_memory(const struct thaw_dnnl_factors *factors, dnnl_memory_t *memory,
                            int *arg, struct thaw_error *err)
{
    (void)factors, (void)arg, (void)err;
    *memory = NULL;
    return 0;
}
