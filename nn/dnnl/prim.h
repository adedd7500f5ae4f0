/* oneDNN behind our own terms: the header the rest of nn/ includes. Primitives are made once for n
 * samples and run with raw pointers; tensors are in their values' layouts (nn/shape.h). */
#ifndef THAW_NN_DNNL_PRIM_H
#define THAW_NN_DNNL_PRIM_H

#include "nn/ops.h"

int thaw_dnnl_block(void);           /* channels a block: 16 with AVX-512, else 8 */
const char *thaw_dnnl_version(void); /* "2.6.3" */
const char *
thaw_dnnl_isa(void); /* the instruction set in use, as text that differs when it differs */

/* What a fast path needs that this machine, or the instruction set oneDNN may use, lacks. */
bool thaw_dnnl_has_bf16(void); /* AVX-512 with bf16 products */
/* ... which are faster than float32's: measured once, in milliseconds. */
bool thaw_dnnl_has_fast_bf16(void);
/* Matrix tiles (AMX) of bf16 and of 8 bits: oneDNN's convolutions use them where channels come
 * last. */
bool thaw_dnnl_has_tiles(void);
bool thaw_dnnl_has_int8(void); /* VNNI: without it products of 8 bits saturate */

/* A convolution, depthwise convolution or dense map with bias, residual addend and activation
 * fused. */
struct thaw_conv;
struct thaw_conv_spec {
    struct thaw_linear linear;
    struct thaw_value in, out; /* shape, layout, type, scale. Input float32 or bfloat16: output
                                  either; input of 8 bits: output of 8 bits or float32 */
    int n;
    struct thaw_act act; /* fused; must have a chain */
    bool has_addend;     /* out = act(conv + bias + addend) */
    struct thaw_value addend;
    const float *kernel_scale; /* [out], > 0, for an input of 8 bits: the kernel is rounded to whole
                                  multiples of it. Borrowed while thaw_conv_set_weights may come */
    bool data_gradient, weight_gradient; /* not with 8 bits */
    bool winograd; /* float32: by Winograd's algorithm where oneDNN has it for this one and n is
                      large */
    /* NULL, or one of the same spec, which must outlive this one and whose weights serve both. The
     * two may run at the same time. */
    const struct thaw_conv *weights_of;
    /* Of one in one pass: the activation that made the input, when din is to be the gradient before
     * it; a gate (thaw_gate_of). */
    struct thaw_act in_act;
    bool act_passed; /* dout is the gradient before act already */
    /* NULL, or a depthwise convolution of this one's result, which then is never kept: `out` of
     * thaw_conv_forward is the result of that one. Neither has an addend or gradients; its own
     * `then` and `weights_of` are not looked at. Borrowed during thaw_conv_create. */
    const struct thaw_conv_spec *then;
};
struct thaw_conv *thaw_conv_create(const struct thaw_conv_spec *spec, struct thaw_error *err);
void thaw_conv_free(struct thaw_conv *conv);
/* The one of spec.then, to be given its weights; it belongs to `conv`. Or NULL. */
struct thaw_conv *thaw_conv_then(const struct thaw_conv *conv);
size_t thaw_conv_scratch(const struct thaw_conv *conv);
/* With matrix tiles oneDNN adds fast only what stands where the result goes: `addend` is best `out`
 * itself, and is copied there first where it is not. */
bool thaw_conv_adds_in_place(const struct thaw_value *addend, const struct thaw_value *out);
/* Weights from Keras' layout ([kh,kw,in/groups,out] or [kh,kw,in,m]) and bias [out] (always
 * present). */
int thaw_conv_set_weights(struct thaw_conv *conv, const float *kernel, const float *bias,
                          struct thaw_error *err);
/* Forward by Winograd's algorithm in a loop of our own (nn/kernels/winograd.h)? For a bfloat16 3x3
 * convolution without gradients oneDNN has direct sums only. */
bool thaw_conv_by_winograd(const struct thaw_conv *conv);
int thaw_conv_forward(struct thaw_conv *conv, const void *in, const void *addend, void *out,
                      void *scratch, struct thaw_error *err);
struct thaw_conv_gradient {
    const void *in, *out; /* in: for the weights or in_act; out: for act */
    void *dout;           /* ends, where there is an addend, as the gradient of that */
    void *din;            /* written; NULL: not wanted */
    bool first;           /* starts the sums of the batch afresh */
    void *scratch;
};
int thaw_conv_backward(struct thaw_conv *conv, const struct thaw_conv_gradient *gradient,
                       struct thaw_error *err);
/* Depthwise: one loop of our own for both gradients and those of the activations on either side.
 * Memory is what such layers wait for; and oneDNN has a fast weight gradient for 3x3 only. */
bool thaw_conv_in_one_pass(const struct thaw_linear *linear, const struct thaw_value *in,
                           const struct thaw_value *out);
/* Adds the sums of one that was made with weights_of. */
void thaw_conv_add_sums(struct thaw_conv *conv, const struct thaw_conv *other);
/* The sums in Keras' layout. */
int thaw_conv_gradients(struct thaw_conv *conv, float *dkernel, float *dbias,
                        struct thaw_error *err);
/* A change of type, scale and layout; shapes are equal. */
struct thaw_reorder;
struct thaw_reorder *thaw_reorder_create(const struct thaw_value *from, const struct thaw_value *to,
                                         int n, struct thaw_error *err);
void thaw_reorder_free(struct thaw_reorder *reorder);
int thaw_reorder_run(struct thaw_reorder *reorder, const void *from, void *to,
                     struct thaw_error *err);

/* Names of the implementations chosen, e.g. "jit:avx512_core": direction 0 forward, 1 data, 2
 * weights. */
const char *thaw_conv_implementation(const struct thaw_conv *conv, int direction);

#endif
