/* The gradients of a convolution. */
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "nn/dnnl/conv_internal.h"
#include "nn/kernels/pointwise_tiles.h"

enum { LINE_FLOATS = 16 }; /* of a cache line */

static size_t whole_lines(size_t floats)
{
    return (floats + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS;
}

static size_t md_floats(const thaw_dnnl_md *md)
{
    return dnnl_memory_desc_get_size(md) / sizeof(float);
}

const thaw_dnnl_md *thaw_conv_kernel_md(const struct thaw_dnnl_prim *p, bool diff)
{
    return dnnl_primitive_desc_query_md(
        p->desc, diff ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
}

static int make_data(struct thaw_conv *c, struct thaw_error *err)
{
    struct thaw_dnnl_prim *p = &c->data;
    if (thaw_conv_make(&c->spec, &c->t, THAW_CONV_DATA, NULL, c->forward.desc, p, err))
        return -1;
    const thaw_dnnl_md *kernel = thaw_conv_kernel_md(p, false);
    if (thaw_dnnl_prim_arg(p, DNNL_ARG_DIFF_DST, c->t.out, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_WEIGHTS, kernel, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_DIFF_SRC, c->t.in, err))
        return -1;
    if (dnnl_memory_desc_equal(kernel, thaw_conv_kernel_md(&c->forward, false)))
        return 0; /* the same copy serves */
    if (c->spec.weights_of) {
        c->kernel_data = c->spec.weights_of->kernel_data;
        return 0;
    }
    c->kernel_data = thaw_new_aligned(dnnl_memory_desc_get_size(kernel), 1, err);
    return c->kernel_data ? thaw_conv_kernel_reorder(&c->spec, &c->t, kernel, &c->to_data, err)
                          : -1;
}

/* Where our loop is no faster than the primitives, these at least have a fast weight gradient. */
static bool is_served(const struct thaw_linear *l)
{
    return l->kh == 3 && l->kw == 3 && l->stride_w > 2;
}

/* In blocks, or in bfloat16 with channels last. */
static bool has_form(const struct thaw_value *in, const struct thaw_value *out)
{
    return in->type == out->type && in->channels_last == out->channels_last &&
           in->layout.block == out->layout.block && in->layout.block > 1 &&
           (in->type == THAW_TYPE_BF16 || (in->type == THAW_TYPE_F32 && !in->channels_last));
}

bool thaw_conv_in_one_pass(const struct thaw_linear *l, const struct thaw_value *in,
                           const struct thaw_value *out)
{
    return l->depthwise && out->shape.c == in->shape.c && l->dilation_h == 1 &&
           l->dilation_w == 1 && has_form(in, out) && !is_served(l);
}

static struct thaw_depthwise depthwise_of(const struct thaw_conv *c)
{
    const struct thaw_conv_spec *s = &c->spec;
    const struct thaw_linear *l = &s->linear;
    struct thaw_layout blocked = thaw_layout_of(s->in.shape, thaw_dnnl_block());
    return (struct thaw_depthwise){.bf16 = s->in.type == THAW_TYPE_BF16,
                                   .channels = s->in.channels_last ? s->in.shape.c : 0,
                                   .n = s->n,
                                   .blocks = blocked.blocks,
                                   .block = blocked.block,
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

/* Our own loop: one pass for both gradients. */
static int make_one_pass(struct thaw_conv *c, struct thaw_error *err)
{
    struct thaw_depthwise d = depthwise_of(c);
    c->kernel_count = (size_t)(d.kh * d.kw) * (size_t)(d.blocks * d.block);
    c->gates = !c->spec.has_addend && thaw_gate_of(&c->spec.act, &c->out_gate);
    if (!thaw_gate_of(&c->spec.in_act, &c->in_gate))
        return thaw_fail(err, THAW_EUSAGE, "the gradient cannot pass %s here",
                         thaw_act_name(&c->spec.in_act));
    if (c->spec.weights_of)
        c->kernel_data = c->spec.weights_of->kernel_data;
    else
        c->kernel_data = thaw_new_aligned(c->kernel_count, sizeof(float), err);
    return c->kernel_data ? 0 : -1;
}

static bool is_plain_1x1(const struct thaw_conv_spec *s)
{
    const struct thaw_linear *l = &s->linear;
    return s->in.shape.rank == 3 && l->groups == 1 && l->kh == 1 && l->kw == 1 &&
           l->stride_h == 1 && l->stride_w == 1 && s->in.shape.h == s->out.shape.h &&
           s->in.shape.w == s->out.shape.w;
}

/* 1x1, float32: our loop for the kernel's gradient, which adds to the sums as it goes. */
static bool is_pointwise(const struct thaw_conv_spec *s)
{
    return is_plain_1x1(s) && s->in.type == THAW_TYPE_F32 && s->out.type == THAW_TYPE_F32 &&
           s->in.layout.block == THAW_POINTWISE_BLOCK &&
           s->out.layout.block == THAW_POINTWISE_BLOCK && thaw_cpu_has_avx512();
}

/* 1x1, bfloat16 with channels last: the same in matrix tiles. */
static bool is_tiled(const struct thaw_conv_spec *s)
{
    return is_plain_1x1(s) && s->in.type == THAW_TYPE_BF16 && s->out.type == THAW_TYPE_BF16 &&
           s->in.channels_last && s->out.channels_last && thaw_dnnl_has_tiles();
}

static struct thaw_pointwise_tiles tiles_of(const struct thaw_conv *c)
{
    const struct thaw_conv_spec *s = &c->spec;
    return (struct thaw_pointwise_tiles){.cells =
                                             (size_t)s->n * (size_t)(s->in.shape.h * s->in.shape.w),
                                         .in_channels = (size_t)s->in.shape.c,
                                         .out_channels = (size_t)s->out.shape.c};
}

static struct thaw_pointwise pointwise_of(const struct thaw_conv *c)
{
    const struct thaw_conv_spec *s = &c->spec;
    return (struct thaw_pointwise){.n = (size_t)s->n,
                                   .cells = (size_t)(s->in.shape.h * s->in.shape.w),
                                   .in_channels = (size_t)s->in.shape.c,
                                   .out_channels = (size_t)s->out.shape.c};
}

static int make_pointwise(struct thaw_conv *c, struct thaw_error *err)
{
    struct thaw_pointwise p = pointwise_of(c);
    dnnl_dims_t dims = {c->spec.out.shape.c, c->spec.in.shape.c, 1, 1};
    dnnl_format_tag_t tag = thaw_pointwise_by_input(&p) ? dnnl_IOhw16o16i : dnnl_OIhw16i16o;
    thaw_dnnl_md *kernel;
    if (thaw_dnnl_md_create(&kernel, 4, dims, dnnl_f32, tag, "kernel descriptor", err))
        return -1;
    c->kernel_count = md_floats(kernel);
    int rc = thaw_dnnl_reorder_init(&c->from_sum, kernel, c->t.keras_kernel, NULL, "kernel reorder",
                                    err);
    thaw_dnnl_md_free(kernel);
    return rc;
}

static int make_weights(struct thaw_conv *c, struct thaw_error *err)
{
    struct thaw_dnnl_prim *p = &c->weights;
    c->pointwise = is_pointwise(&c->spec);
    c->tiled = is_tiled(&c->spec);
    if (c->pointwise)
        return make_pointwise(c, err);
    if (c->tiled) {
        struct thaw_pointwise_tiles t = tiles_of(c);
        c->kernel_count = t.in_channels * t.out_channels;
        return 0;
    }
    if (thaw_conv_make(&c->spec, &c->t, THAW_CONV_WEIGHTS, NULL, c->forward.desc, p, err))
        return -1;
    const thaw_dnnl_md *kernel = thaw_conv_kernel_md(p, true);
    if (thaw_dnnl_prim_arg(p, DNNL_ARG_SRC, c->t.in, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_DIFF_DST, c->t.out, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_DIFF_WEIGHTS, kernel, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_DIFF_BIAS, c->t.bias, err) ||
        thaw_dnnl_reorder_init(&c->from_sum, kernel, c->t.keras_kernel, NULL, "kernel reorder",
                               err))
        return -1;
    c->kernel_count = md_floats(kernel);
    return 0;
}

int thaw_conv_make_backward(struct thaw_conv *c, struct thaw_error *err)
{
    const struct thaw_conv_spec *s = &c->spec;
    c->one_pass = (s->data_gradient || s->weight_gradient) &&
                  thaw_conv_in_one_pass(&s->linear, &s->in, &s->out);
    if (c->one_pass && make_one_pass(c, err))
        return -1;
    if (!c->one_pass && s->data_gradient && make_data(c, err))
        return -1;
    if (!c->one_pass && s->weight_gradient && make_weights(c, err))
        return -1;
    if (!s->weight_gradient)
        return 0;
    c->kernel_count = whole_lines(c->kernel_count);
    c->sum_count = c->kernel_count + whole_lines((size_t)s->out.shape.c);
    c->sum = thaw_new_aligned(c->sum_count, sizeof(float), err);
    return c->sum ? 0 : -1;
}

size_t thaw_conv_backward_scratch(const struct thaw_conv *c)
{
    struct thaw_depthwise d = depthwise_of(c);
    if (c->one_pass)
        return thaw_kernel_depthwise_scratch(&d);
    struct thaw_pointwise_tiles t = tiles_of(c);
    size_t weights = c->pointwise ? 0
                     : c->tiled   ? thaw_pointwise_tiles_scratch(&t, thaw_par_threads())
                                  : c->sum_count * sizeof(float) + c->weights.scratch;
    return c->data.scratch > weights ? c->data.scratch : weights;
}

/* Between [kh][kw][channels] and [blocks][kh][kw][block]: where a weight lies. */
static size_t place_of(const struct thaw_depthwise *d, size_t tap, size_t channel)
{
    size_t taps = (size_t)(d->kh * d->kw), block = (size_t)d->block;
    return (channel / block * taps + tap) * block + channel % block;
}

static void pack_depthwise(struct thaw_conv *c, const float *kernel)
{
    struct thaw_depthwise d = depthwise_of(c);
    size_t taps = (size_t)(d.kh * d.kw), channels = (size_t)c->spec.in.shape.c;
    for (size_t t = 0; t < taps; t++)
        for (size_t ch = 0; ch < channels; ch++)
            ((float *)c->kernel_data)[place_of(&d, t, ch)] = kernel[t * channels + ch];
}

int thaw_conv_set_backward(struct thaw_conv *c, const float *kernel, struct thaw_error *err)
{
    void *data[] = {(void *)kernel, c->kernel_data};
    if (c->one_pass)
        pack_depthwise(c, kernel);
    else if (c->kernel_data)
        return thaw_dnnl_prim_run(&c->to_data, data, NULL, err);
    return 0;
}

static int backward_data(struct thaw_conv *c, const struct thaw_conv_gradient *g,
                         struct thaw_error *err)
{
    void *data[] = {g->dout, c->kernel_data ? c->kernel_data : c->kernel_forward, g->din};
    return thaw_dnnl_prim_run(&c->data, data, g->scratch, err);
}

static int backward_weights(struct thaw_conv *c, const struct thaw_conv_gradient *g,
                            struct thaw_error *err)
{
    if (c->pointwise) {
        struct thaw_pointwise p = pointwise_of(c);
        thaw_kernel_pointwise_weights(&p, g->in, g->dout, g->first, c->sum,
                                      c->sum + c->kernel_count);
        return 0;
    }
    if (c->tiled) {
        struct thaw_pointwise_tiles t = tiles_of(c);
        thaw_pointwise_tiles_weights(&t, g->in, g->dout, g->first, c->sum, c->sum + c->kernel_count,
                                     g->scratch);
        return 0;
    }
    float *part = g->first ? c->sum : g->scratch;
    void *data[] = {(void *)g->in, g->dout, part, part + c->kernel_count};
    if (thaw_dnnl_prim_run(&c->weights, data, (float *)g->scratch + c->sum_count, err))
        return -1;
    if (!g->first)
        thaw_kernel_add(c->sum, part, c->sum_count);
    return 0;
}

static void backward_in_one_pass(struct thaw_conv *c, const struct thaw_conv_gradient *g)
{
    struct thaw_depthwise d = depthwise_of(c);
    struct thaw_depthwise_pass pass = {.in = g->in,
                                       .out = g->out,
                                       .dout = g->dout,
                                       .kernel = c->kernel_data,
                                       .in_gate = c->in_gate,
                                       .din = g->din,
                                       .dkernel = c->sum,
                                       .dbias = c->sum ? c->sum + c->kernel_count : NULL};
    if (c->gates && !c->spec.act_passed)
        pass.out_gate = c->out_gate;
    thaw_kernel_depthwise_backward(&d, &pass, g->first, g->scratch);
}

int thaw_conv_backward(struct thaw_conv *c, const struct thaw_conv_gradient *g,
                       struct thaw_error *err)
{
    const struct thaw_conv_spec *s = &c->spec;
    if (s->act.kind && !s->act_passed && !(c->one_pass && c->gates)) {
        size_t count = (size_t)s->n * s->out.layout.sample;
        if (s->out.type == THAW_TYPE_BF16)
            thaw_act_backward_bf16(&s->act, g->out, g->dout, count);
        else
            thaw_act_backward(&s->act, g->out, g->dout, count);
    }
    if (c->one_pass) {
        backward_in_one_pass(c, g);
        return 0;
    }
    if (s->weight_gradient && backward_weights(c, g, err))
        return -1;
    return g->din ? backward_data(c, g, err) : 0;
}

void thaw_conv_add_sums(struct thaw_conv *c, const struct thaw_conv *other)
{
    thaw_kernel_add(c->sum, other->sum, c->sum_count);
}

int thaw_conv_gradients(struct thaw_conv *c, float *dkernel, float *dbias, struct thaw_error *err)
{
    memcpy(dbias, c->sum + c->kernel_count, (size_t)c->spec.out.shape.c * sizeof *dbias);
    if (c->one_pass) {
        struct thaw_depthwise d = depthwise_of(c);
        size_t taps = (size_t)(d.kh * d.kw), channels = (size_t)c->spec.in.shape.c;
        for (size_t t = 0; t < taps; t++)
            for (size_t ch = 0; ch < channels; ch++)
                dkernel[t * channels + ch] = c->sum[place_of(&d, t, ch)];
        return 0;
    }
    if (c->tiled) {
        struct thaw_pointwise_tiles t = tiles_of(c);
        memcpy(dkernel, c->sum, t.in_channels * t.out_channels * sizeof *dkernel);
        return 0;
    }
    void *data[] = {c->sum, dkernel};
    return thaw_dnnl_prim_run(&c->from_sum, data, NULL, err);
}
