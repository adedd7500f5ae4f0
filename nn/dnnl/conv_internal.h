/* Shared by conv*.c only. */
#ifndef THAW_NN_DNNL_CONV_INTERNAL_H
#define THAW_NN_DNNL_CONV_INTERNAL_H

#include "nn/dnnl/internal.h"
#include "nn/dnnl/prim.h"
#include "nn/kernels/conv.h"
#include "nn/kernels/conv_tiles.h"
#include "nn/kernels/depthwise_forward.h"
#include "nn/kernels/winograd.h"

/* Descriptors of a convolution's tensors. The layouts of the kernel and of its float32 gradient are
 * left to each primitive; keras_kernel is the float32 one that weights come in. */
struct thaw_conv_tensors {
    bool dense; /* vectors: inner product */
    thaw_dnnl_md *in, *out, *addend, *kernel, *kernel_gradient, *bias, *keras_kernel;
};
/* *t is zeroed before, and for thaw_conv_tensors_release even after an error. */
int thaw_conv_describe(const struct thaw_conv_spec *spec, struct thaw_conv_tensors *t,
                       struct thaw_error *err);
void thaw_conv_tensors_release(struct thaw_conv_tensors *t);

enum thaw_conv_direction { THAW_CONV_FORWARD, THAW_CONV_DATA, THAW_CONV_WEIGHTS };

/* Makes the primitive of a direction; `hint` is the forward one for the other two, which have no
 * `extra`. */
int thaw_conv_make(const struct thaw_conv_spec *spec, const struct thaw_conv_tensors *t,
                   enum thaw_conv_direction direction, const struct thaw_dnnl_extra *extra,
                   const_dnnl_primitive_desc_t hint, struct thaw_dnnl_prim *p,
                   struct thaw_error *err);

/* Makes the forward primitive, with scales of 8-bit types, residual addend and activation; and with
 * a depthwise convolution behind it, where `then` is not NULL: fails where oneDNN has no kernel for
 * both. */
int thaw_conv_make_forward(const struct thaw_conv_spec *spec, const struct thaw_conv_tensors *t,
                           const struct thaw_conv_spec *then, struct thaw_dnnl_prim *p,
                           struct thaw_error *err);

/* What the bias of output channel o is divided by to be added by that. */
float thaw_conv_bias_unit(const struct thaw_conv_spec *spec, int o);

/* The reorder that brings weights from Keras' layout to a primitive's, rounding them to its type.
 */
int thaw_conv_kernel_reorder(const struct thaw_conv_spec *spec, const struct thaw_conv_tensors *t,
                             const thaw_dnnl_md *to, struct thaw_dnnl_prim *p,
                             struct thaw_error *err);

/* What one of our own loops is to do. */
union thaw_conv_shape {
    struct thaw_winograd winograd;
    struct thaw_depthwise_forward depthwise;
    struct thaw_conv_tiles tiles;
};

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
    bool pointwise, tiled;              /* the kernel's gradient by a loop of our own */
    bool gates;                         /* which takes out_gate for the gradient of spec.act */
    struct thaw_gate in_gate, out_gate; /* of spec.in_act, spec.act */
    bool in_place;                      /* see thaw_conv_adds_in_place */
    const struct thaw_conv_loop *own; /* NULL: forward by oneDNN; else kernel_forward is for that */
    union thaw_conv_shape shape;
    struct thaw_conv *then; /* of spec.then, or NULL */
    bool fused;             /* `forward` is that of both; else scratch lies between */
};

/* conv_own.c: a loop of our own for the forward pass. */
struct thaw_conv_loop {
    const char *name;
    bool (*takes)(const struct thaw_conv_spec *spec, union thaw_conv_shape *shape);
    size_t (*kernel_bytes)(const struct thaw_conv *c);
    void (*pack)(struct thaw_conv *c, const float *kernel); /* bias_values are there */
    size_t (*scratch)(const struct thaw_conv *c);           /* NULL: none */
    void (*run)(const struct thaw_conv *c, const void *in, const void *addend, void *out,
                void *scratch);
};
extern const struct thaw_conv_loop thaw_conv_winograd;
/* The one for this convolution, with its shape, or NULL. */
const struct thaw_conv_loop *thaw_conv_loop_of(const struct thaw_conv_spec *spec,
                                               union thaw_conv_shape *shape);

/* The forward primitive of one convolution, and room for its weights. */
int thaw_conv_init_forward(struct thaw_conv *c, struct thaw_error *err);
/* Room for a kernel of so many bytes and the bias, or those of spec.weights_of. */
int thaw_conv_room_for_weights(struct thaw_conv *c, size_t bytes, struct thaw_error *err);
/* The same for a kernel of this layout, and the reorder that fills it. */
int thaw_conv_init_weights(struct thaw_conv *c, const thaw_dnnl_md *kernel, struct thaw_error *err);

size_t thaw_conv_forward_scratch(const struct thaw_conv *c);
int thaw_conv_forward_alone(struct thaw_conv *c, const void *in, const void *addend, void *out,
                            void *scratch, struct thaw_error *err);

/* conv_pair.c: the same for a convolution and `then`. */
int thaw_conv_init_pair(struct thaw_conv *c, const struct thaw_conv_spec *then,
                        struct thaw_error *err);
int thaw_conv_forward_pair(struct thaw_conv *c, const void *in, void *out, void *scratch,
                           struct thaw_error *err);
size_t thaw_conv_scratch_of_pair(const struct thaw_conv *c);

/* The layout of the kernel, or of its gradient, that a primitive chose. */
const thaw_dnnl_md *thaw_conv_kernel_md(const struct thaw_dnnl_prim *p, bool diff);

/* What the gradients in the spec need; and its part of the scratch, and the kernel for it. */
int thaw_conv_make_backward(struct thaw_conv *c, struct thaw_error *err);
size_t thaw_conv_backward_scratch(const struct thaw_conv *c);
int thaw_conv_set_backward(struct thaw_conv *c, const float *kernel, struct thaw_error *err);

#endif
