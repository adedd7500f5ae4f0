/* All that oneDNN 2 and oneDNN 3 do differently. api_2.c and api_3.c each define every function of
 * this header; CMake takes the one for the version it found, and the rest of the folder serves
 * both. */
#ifndef THAW_NN_DNNL_API_H
#define THAW_NN_DNNL_API_H

#include <stdbool.h>

#include <oneapi/dnnl/dnnl.h>

#include "io/base/error.h"

/* Shape, type and layout of a tensor; held by pointer. What a primitive descriptor answers about
 * its tensors is such a pointer too, which the primitive descriptor owns. */
#if DNNL_VERSION_MAJOR < 3
typedef dnnl_memory_desc_t thaw_dnnl_md;
#else
typedef struct dnnl_memory_desc thaw_dnnl_md;
#endif

/* *md is for thaw_dnnl_md_free. `what` names it in errors. */
int thaw_dnnl_md_create(thaw_dnnl_md **md, int rank, const int64_t *dims, dnnl_data_type_t type,
                        dnnl_format_tag_t tag, const char *what, struct thaw_error *err);
void thaw_dnnl_md_free(thaw_dnnl_md *md); /* NULL is fine */

/* An operation. Each tensor stands for its gradient too, where `prop` takes or makes that. */
struct thaw_dnnl_op {
    enum {
        THAW_DNNL_CONV,    /* alg, src, weights, bias, dst, strides ... after */
        THAW_DNNL_DENSE,   /* src, weights, bias, dst */
        THAW_DNNL_POOL,    /* alg, src, dst, window ... after; no dilation */
        THAW_DNNL_ELTWISE, /* alg, src, which is dst as well, alpha, beta */
    } kind;
    dnnl_prop_kind_t prop; /* forward_..., backward_data, backward_weights */
    dnnl_alg_kind_t alg;
    const thaw_dnnl_md *src, *weights, *bias, *dst;
    dnnl_dims_t window, strides, before, after; /* vertical, horizontal */
    dnnl_dims_t dilates;                        /* 0: neighbours */
    float alpha, beta;                          /* ignored by steps that have none */
};
/* `hint` is the forward one for a gradient, else NULL. */
dnnl_status_t thaw_dnnl_desc_create(dnnl_primitive_desc_t *desc, const struct thaw_dnnl_op *op,
                                    const_dnnl_primitive_attr_t attr,
                                    const_dnnl_primitive_desc_t hint);

/* A step on the result of another primitive; alpha and beta as above. */
dnnl_status_t thaw_dnnl_append_step(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, float alpha,
                                    float beta);

/* Adds what stands in the result's memory before, of a type as wide as the result's. */
dnnl_status_t thaw_dnnl_append_sum(dnnl_post_ops_t ops, dnnl_data_type_t type);

/* What the elements of an argument are multiplied by: one value, or one for each index along the
 * axes in `mask`. */
struct thaw_dnnl_factors {
    const float *values; /* NULL: none */
    int count;
    int arg;  /* DNNL_ARG_FROM of a reorder; DNNL_ARG_WEIGHTS */
    int mask; /* bit i: axis i of that argument; of weights: the axes of output channels */
};
dnnl_status_t thaw_dnnl_set_factors(dnnl_primitive_attr_t attr,
                                    const struct thaw_dnnl_factors *factors);
/* A depthwise convolution of the result of a 1x1 convolution: kernel x kernel taps, `before` rows
 * and columns of padding at top and left, as many at bottom and right as make one output for every
 * `stride` inputs begun; its bias is float32. Steps after it work on its result. */
struct thaw_dnnl_depthwise {
    dnnl_data_type_t weights, dst;
    dnnl_dim_t kernel, stride, before;
    struct thaw_dnnl_factors factors; /* of its weights */
};
dnnl_status_t thaw_dnnl_append_depthwise(dnnl_post_ops_t ops,
                                         const struct thaw_dnnl_depthwise *depthwise);
/* A copy of the factors as argument `*arg` of every execution; *memory is NULL where the primitive
 * itself keeps them. The caller destroys it. */
int thaw_dnnl_factor_memory(const struct thaw_dnnl_factors *factors, dnnl_memory_t *memory,
                            int *arg, struct thaw_error *err);
/* The bias of a primitive is multiplied by the factors of the weights, as the sums of products are;
 * else it is added after that. */
extern const bool thaw_dnnl_factors_bias;

#endif
