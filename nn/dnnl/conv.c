#include "nn/dnnl/conv_internal.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/kernels/kernels.h"

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
    bool own_weights_kernel; /* depthwise gradient by our own loop */
};

static size_t md_floats(const dnnl_memory_desc_t *md)
{
    return dnnl_memory_desc_get_size(md) / sizeof(float);
}

static const dnnl_memory_desc_t *weights_md(const struct thaw_dnnl_prim *p, bool diff)
{
    return dnnl_primitive_desc_query_md(
        p->desc, diff ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
}

static int make_forward(struct thaw_conv *c, struct thaw_error *err)
{
    dnnl_primitive_attr_t attr;
    int rc = thaw_conv_attributes(&c->spec, &c->t, &attr, err) ||
             thaw_conv_make(&c->spec, &c->t, THAW_CONV_FORWARD, attr, NULL, &c->forward, err);
    dnnl_primitive_attr_destroy(attr);
    if (rc)
        return -1;
    struct thaw_dnnl_prim *p = &c->forward;
    const dnnl_memory_desc_t *kernel = weights_md(p, false);
    if (thaw_dnnl_prim_arg(p, DNNL_ARG_SRC, &c->t.in, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_WEIGHTS, kernel, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_BIAS, &c->t.bias, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_DST, &c->t.out, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1,
                           c->spec.has_addend ? &c->t.addend : NULL, err))
        return -1;
    if (c->spec.weights_of) {
        c->kernel_forward = c->spec.weights_of->kernel_forward;
        c->bias_values = c->spec.weights_of->bias_values;
        return 0;
    }
    c->kernel_forward = thaw_new_aligned(dnnl_memory_desc_get_size(kernel), 1, err);
    c->bias_values = thaw_new_aligned((size_t)c->spec.out.shape.c, sizeof(float), err);
    return !c->kernel_forward || !c->bias_values
               ? -1
               : thaw_conv_kernel_reorder(&c->spec, &c->t, kernel, &c->to_forward, err);
}

static int make_data(struct thaw_conv *c, struct thaw_error *err)
{
    struct thaw_dnnl_prim *p = &c->data;
    if (thaw_conv_make(&c->spec, &c->t, THAW_CONV_DATA, NULL, c->forward.desc, p, err))
        return -1;
    const dnnl_memory_desc_t *kernel = weights_md(p, false);
    if (thaw_dnnl_prim_arg(p, DNNL_ARG_DIFF_DST, &c->t.out, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_WEIGHTS, kernel, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_DIFF_SRC, &c->t.in, err))
        return -1;
    if (dnnl_memory_desc_equal(kernel, weights_md(&c->forward, false)))
        return 0; /* the same copy serves */
    if (c->spec.weights_of) {
        c->kernel_data = c->spec.weights_of->kernel_data;
        return 0;
    }
    c->kernel_data = thaw_new_aligned(dnnl_memory_desc_get_size(kernel), 1, err);
    return c->kernel_data ? thaw_conv_kernel_reorder(&c->spec, &c->t, kernel, &c->to_data, err)
                          : -1;
}

/* oneDNN has a fast depthwise weight gradient for small kernels only; elsewhere it falls to a
 * generic loop that is hundreds of times slower. */
static bool wants_own_kernel(const struct thaw_conv *c)
{
    const struct thaw_linear *l = &c->spec.linear;
    return l->depthwise && c->spec.out.shape.c == c->spec.in.shape.c && l->dilation_h == 1 &&
           l->dilation_w == 1 && c->spec.in.layout.block == c->spec.out.layout.block &&
           c->spec.in.layout.block > 1 && (l->kh != 3 || l->kw != 3);
}

static struct thaw_depthwise depthwise_of(const struct thaw_conv *c)
{
    const struct thaw_conv_spec *s = &c->spec;
    const struct thaw_linear *l = &s->linear;
    return (struct thaw_depthwise){.n = s->n,
                                   .blocks = s->in.layout.blocks,
                                   .block = s->in.layout.block,
                                   .ih = s->in.shape.h,
                                   .iw = s->in.shape.w,
                                   .oh = s->out.shape.h,
                                   .ow = s->out.shape.w,
                                   .kh = l->kh,
                                   .kw = l->kw,
                                   .stride_h = l->stride_h,
                                   .stride_w = l->stride_w,
                                   .pad_top = l->pad_top,
                                   .pad_left = l->pad_left};
}

enum { LINE_FLOATS = 16 }; /* of a cache line */

static size_t whole_lines(size_t floats)
{
    return (floats + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS;
}

static int make_weights(struct thaw_conv *c, struct thaw_error *err)
{
    struct thaw_dnnl_prim *p = &c->weights;
    size_t bias = (size_t)c->spec.out.shape.c;
    c->own_weights_kernel = wants_own_kernel(c);
    if (c->own_weights_kernel) {
        bias = (size_t)c->spec.in.layout.blocks * (size_t)c->spec.in.layout.block;
        c->kernel_count = (size_t)(c->spec.linear.kh * c->spec.linear.kw) * bias;
    } else {
        if (thaw_conv_make(&c->spec, &c->t, THAW_CONV_WEIGHTS, NULL, c->forward.desc, p, err))
            return -1;
        const dnnl_memory_desc_t *kernel = weights_md(p, true);
        if (thaw_dnnl_prim_arg(p, DNNL_ARG_SRC, &c->t.in, err) ||
            thaw_dnnl_prim_arg(p, DNNL_ARG_DIFF_DST, &c->t.out, err) ||
            thaw_dnnl_prim_arg(p, DNNL_ARG_DIFF_WEIGHTS, kernel, err) ||
            thaw_dnnl_prim_arg(p, DNNL_ARG_DIFF_BIAS, &c->t.bias, err) ||
            thaw_dnnl_reorder_init(&c->from_sum, kernel, &c->t.keras_kernel, NULL, "kernel reorder",
                                   err))
            return -1;
        c->kernel_count = whole_lines(md_floats(kernel));
    }
    c->sum_count = c->kernel_count + whole_lines(bias);
    c->sum = thaw_new_aligned(c->sum_count, sizeof(float), err);
    return c->sum ? 0 : -1;
}

struct thaw_conv *thaw_conv_create(const struct thaw_conv_spec *spec, struct thaw_error *err)
{
    struct thaw_conv *c = thaw_new(1, sizeof *c, err);
    if (!c)
        return NULL;
    c->spec = *spec;
    if (thaw_conv_describe(spec, &c->t, err) || make_forward(c, err) ||
        (spec->data_gradient && make_data(c, err)) ||
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
    free(c->sum);
    if (!c->spec.weights_of) {
        free(c->kernel_forward);
        free(c->kernel_data);
        free(c->bias_values);
    }
    free(c);
}

/* Floats of a bfloat16 input and output gradient, widened for our own kernel. */
static size_t wide_count(const struct thaw_conv *c)
{
    const struct thaw_conv_spec *s = &c->spec;
    return s->in.type == THAW_TYPE_BF16
               ? (size_t)s->n * (s->in.layout.sample + s->out.layout.sample)
               : 0;
}

size_t thaw_conv_scratch(const struct thaw_conv *c)
{
    size_t most = c->forward.scratch;
    if (c->data.scratch > most)
        most = c->data.scratch;
    size_t weights = c->weights.scratch + c->sum_count * sizeof(float);
    if (c->own_weights_kernel) {
        struct thaw_depthwise d = depthwise_of(c);
        weights = thaw_kernel_depthwise_scratch(&d) + sizeof(float) * wide_count(c);
    }
    return weights > most ? weights : most;
}

int thaw_conv_set_weights(struct thaw_conv *c, const float *kernel, const float *bias,
                          struct thaw_error *err)
{
    const struct thaw_conv_spec *s = &c->spec;
    bool scaled = thaw_type_is_8bit(s->in.type); /* then the bias is added before the scales */
    for (int o = 0; o < s->out.shape.c; o++)
        c->bias_values[o] = scaled ? bias[o] / (s->in.scale * s->kernel_scale[o]) : bias[o];
    void *forward[] = {(void *)kernel, c->kernel_forward};
    void *data[] = {(void *)kernel, c->kernel_data};
    if (thaw_dnnl_prim_run(&c->to_forward, forward, NULL, err))
        return -1;
    return c->kernel_data ? thaw_dnnl_prim_run(&c->to_data, data, NULL, err) : 0;
}

int thaw_conv_forward(struct thaw_conv *c, const void *in, const void *addend, void *out,
                      void *scratch, struct thaw_error *err)
{
    void *data[] = {(void *)in, c->kernel_forward, c->bias_values, out, (void *)addend};
    return thaw_dnnl_prim_run(&c->forward, data, scratch, err);
}

int thaw_conv_backward_data(struct thaw_conv *c, const void *dpre, void *din, void *scratch,
                            struct thaw_error *err)
{
    void *data[] = {(void *)dpre, c->kernel_data ? c->kernel_data : c->kernel_forward, din};
    return thaw_dnnl_prim_run(&c->data, data, scratch, err);
}

/* Our kernel reads float32. */
static void own_weights(struct thaw_conv *c, const void *in, const void *dpre, bool first,
                        float *scratch)
{
    struct thaw_depthwise d = depthwise_of(c);
    if (c->spec.in.type == THAW_TYPE_BF16) {
        size_t ins = (size_t)d.n * c->spec.in.layout.sample;
        size_t outs = (size_t)d.n * c->spec.out.layout.sample;
        thaw_kernel_widen(in, scratch, ins);
        thaw_kernel_widen(dpre, scratch + ins, outs);
        in = scratch;
        dpre = scratch + ins;
        scratch += ins + outs;
    }
    thaw_kernel_depthwise_weights(&d, in, dpre, first, c->sum, c->sum + c->kernel_count, scratch);
}

int thaw_conv_backward_weights(struct thaw_conv *c, const void *in, const void *dpre, bool first,
                               void *scratch, struct thaw_error *err)
{
    if (c->own_weights_kernel) {
        own_weights(c, in, dpre, first, scratch);
        return 0;
    }
    float *part = first ? c->sum : scratch;
    void *data[] = {(void *)in, (void *)dpre, part, part + c->kernel_count};
    if (thaw_dnnl_prim_run(&c->weights, data, (float *)scratch + c->sum_count, err))
        return -1;
    if (!first)
        thaw_kernel_add(c->sum, part, c->sum_count);
    return 0;
}

void thaw_conv_add_sums(struct thaw_conv *c, const struct thaw_conv *other)
{
    thaw_kernel_add(c->sum, other->sum, c->sum_count);
}

int thaw_conv_gradients(struct thaw_conv *c, float *dkernel, float *dbias, struct thaw_error *err)
{
    memcpy(dbias, c->sum + c->kernel_count, (size_t)c->spec.out.shape.c * sizeof *dbias);
    if (c->own_weights_kernel) {
        /* [blocks][kh][kw][block] -> [kh][kw][channels] */
        size_t taps = (size_t)(c->spec.linear.kh * c->spec.linear.kw);
        size_t block = (size_t)c->spec.in.layout.block, channels = (size_t)c->spec.in.shape.c;
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
    const struct thaw_dnnl_prim *p = direction == THAW_CONV_FORWARD ? &c->forward
                                     : direction == THAW_CONV_DATA  ? &c->data
                                                                    : &c->weights;
    const char *name = NULL;
    if (direction == THAW_CONV_WEIGHTS && c->own_weights_kernel)
        return "thaw:depthwise_weights";
    if (!p->desc || dnnl_primitive_desc_query(p->desc, dnnl_query_impl_info_str, 0, (void *)&name))
        return NULL;
    return name;
}
