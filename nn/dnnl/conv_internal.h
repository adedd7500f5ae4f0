/* Shared by conv*.c only. */
#ifndef THAW_NN_DNNL_CONV_INTERNAL_H
#define THAW_NN_DNNL_CONV_INTERNAL_H

#include "nn/dnnl/internal.h"
#include "nn/dnnl/prim.h"
#include "nn/kernels/conv.h"

/* Descriptors of a convolution's tensors. The kernel's layout is left to each primitive;
 * keras_kernel is the float32 one that weights come in. */
struct thaw_conv_tensors {
    bool dense; /* vectors: inner product */
    dnnl_memory_desc_t in, out, addend, kernel, bias, keras_kernel;
};
int thaw_conv_describe(const struct thaw_conv_spec *spec, struct thaw_conv_tensors *t,
                       struct thaw_error *err);

enum thaw_conv_direction { THAW_CONV_FORWARD, THAW_CONV_DATA, THAW_CONV_WEIGHTS };

/* Makes the primitive of a direction; `hint` is the forward one for the other two. */
int thaw_conv_make(const struct thaw_conv_spec *spec, const struct thaw_conv_tensors *t,
                   enum thaw_conv_direction direction, dnnl_primitive_attr_t attr,
                   const_dnnl_primitive_desc_t hint, struct thaw_dnnl_prim *p,
                   struct thaw_error *err);

/* Attributes of the forward primitive: scales of 8-bit types, residual addend, activation. The
 * caller destroys them. */
int thaw_conv_attributes(const struct thaw_conv_spec *spec, const struct thaw_conv_tensors *t,
                         dnnl_primitive_attr_t *attr, struct thaw_error *err);

/* The reorder that brings weights from Keras' layout to a primitive's, rounding them to its type.
 */
int thaw_conv_kernel_reorder(const struct thaw_conv_spec *spec, const struct thaw_conv_tensors *t,
                             const dnnl_memory_desc_t *to, struct thaw_dnnl_prim *p,
                             struct thaw_error *err);

struct thaw_conv {
    struct thaw_conv_spec spec;
    struct thaw_conv_tensors t;
    struct thaw_dnnl_prim forward, data, weights;
    struct thaw_dnnl_prim to_forward, to_data, from_sum; /* reorders of the kernel */
    void *kernel_forward, *kernel_data;                  /* in the type of the input */
    float *bias_values;
    /* Gradients of the batch: of the kernel, in the primitive's layout, and behind it of the bias.
     * Those of a later micro-batch go to scratch first. */
    float *sum;
    size_t kernel_count, sum_count;
    bool one_pass;                      /* both gradients by our own loop; kernel_data is float32 */
    bool pointwise;                     /* the kernel's gradient by our own loop */
    bool gates;                         /* which takes out_gate for the gradient of spec.act */
    struct thaw_gate in_gate, out_gate; /* of spec.in_act, spec.act */
};

/* The layout of the kernel, or of its gradient, that a primitive chose. */
const dnnl_memory_desc_t *thaw_conv_kernel_md(const struct thaw_dnnl_prim *p, bool diff);

/* What the gradients in the spec need; and its part of the scratch, and the kernel for it. */
int thaw_conv_make_backward(struct thaw_conv *c, struct thaw_error *err);
size_t thaw_conv_backward_scratch(const struct thaw_conv *c);
int thaw_conv_set_backward(struct thaw_conv *c, const float *kernel, struct thaw_error *err);

#endif
