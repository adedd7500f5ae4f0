/* The forward pass of a convolution by loops of our own, each where it is faster than what oneDNN
 * has. */
#include "io/base/par.h"
#include "nn/dnnl/conv_internal.h"

static bool has_gradient(const struct thaw_conv_spec *s)
{
    return s->data_gradient || s->weight_gradient;
}

/* --- Winograd's algorithm in bfloat16: not with gradients, whose kernel changes every step --- */

static bool takes_winograd(const struct thaw_conv_spec *s, union thaw_conv_shape *shape)
{
    struct thaw_winograd *w = &shape->winograd;
    const struct thaw_linear *l = &s->linear;
    *w = (struct thaw_winograd){.n = s->n,
                                .in_channels = s->in.shape.c,
                                .out_channels = s->out.shape.c,
                                .ih = s->in.shape.h,
                                .iw = s->in.shape.w,
                                .oh = s->out.shape.h,
                                .ow = s->out.shape.w,
                                .pad_top = l->pad_top,
                                .pad_left = l->pad_left,
                                .threads = thaw_par_threads()};
    return s->in.type == THAW_TYPE_BF16 && s->out.type == THAW_TYPE_BF16 && !s->in.channels_last &&
           (!s->has_addend || s->addend.type == THAW_TYPE_BF16) && thaw_linear_is_plain_3x3(l) &&
           !has_gradient(s) && thaw_gate_of(&s->act, &w->gate) && thaw_winograd_takes(w);
}

static size_t winograd_kernel(const struct thaw_conv *c)
{
    return thaw_winograd_kernel_bytes(&c->shape.winograd);
}

static void pack_winograd(struct thaw_conv *c, const float *kernel)
{
    thaw_winograd_transform_kernel(&c->shape.winograd, kernel, c->kernel_forward);
}

static size_t winograd_scratch(const struct thaw_conv *c)
{
    return thaw_winograd_scratch(&c->shape.winograd);
}

static void run_winograd(const struct thaw_conv *c, const void *in, const void *addend, void *out,
                         void *scratch)
{
    struct thaw_winograd_pass pass = {in, c->kernel_forward, c->bias_values, addend, out, scratch};
    thaw_winograd_forward(&c->shape.winograd, &pass);
}

const struct thaw_conv_loop thaw_conv_winograd = {.name = "thaw:winograd",
                                                  .takes = takes_winograd,
                                                  .kernel_bytes = winograd_kernel,
                                                  .pack = pack_winograd,
                                                  .scratch = winograd_scratch,
                                                  .run = run_winograd};

/* --- depthwise in bfloat16: the processor's own products of these are slower than float32's where
 * oneDNN uses them, and depthwise kernels have no use for matrix tiles --- */

static bool takes_depthwise(const struct thaw_conv_spec *s, union thaw_conv_shape *shape)
{
    struct thaw_depthwise_forward *d = &shape->depthwise;
    const struct thaw_linear *l = &s->linear;
    *d = (struct thaw_depthwise_forward){.n = s->n,
                                         .channels = s->in.shape.c,
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
    return s->in.type == THAW_TYPE_BF16 && s->in.channels_last && !s->has_addend &&
           thaw_conv_in_one_pass(l, &s->in, &s->out) && thaw_gate_of(&s->act, &d->gate) &&
           thaw_depthwise_forward_takes(d);
}

static size_t depthwise_kernel(const struct thaw_conv *c)
{
    return thaw_depthwise_forward_kernel_bytes(&c->shape.depthwise);
}

static void pack_depthwise(struct thaw_conv *c, const float *kernel)
{
    thaw_depthwise_forward_pack(&c->shape.depthwise, kernel, c->kernel_forward);
}

static void run_depthwise(const struct thaw_conv *c, const void *in, const void *addend, void *out,
                          void *scratch)
{
    (void)addend, (void)scratch;
    thaw_depthwise_forward_run(&c->shape.depthwise, in, c->kernel_forward, c->bias_values, out);
}

static const struct thaw_conv_loop depthwise = {.name = "thaw:depthwise",
                                                .takes = takes_depthwise,
                                                .kernel_bytes = depthwise_kernel,
                                                .pack = pack_depthwise,
                                                .run = run_depthwise};

/* --- 1x1 and 3x3 in matrix tiles: oneDNN reads a kernel once a sample, from far where it is large.
 * Not with gradients, whose kernel changes every step --- */

static bool is_for_tiles(const struct thaw_linear *l)
{
    int pad = l->kh / 2;
    bool square = l->kh == l->kw && l->stride_h == l->stride_w && l->pad_top == pad &&
                  l->pad_left == pad && l->pad_bottom == pad && l->pad_right == pad;
    return square && l->dilation_h == 1 && l->dilation_w == 1 && l->groups == 1 &&
           (l->kh == 1 || (l->kh == 3 && l->stride_h == 1));
}

static bool takes_tiles(const struct thaw_conv_spec *s, union thaw_conv_shape *shape)
{
    struct thaw_conv_tiles *t = &shape->tiles;
    const struct thaw_linear *l = &s->linear;
    *t = (struct thaw_conv_tiles){.n = s->n,
                                  .in_channels = s->in.shape.c,
                                  .out_channels = s->out.shape.c,
                                  .side = l->kh,
                                  .stride = l->stride_h,
                                  .ih = s->in.shape.h,
                                  .iw = s->in.shape.w,
                                  .oh = s->out.shape.h,
                                  .ow = s->out.shape.w,
                                  .in = s->in.type,
                                  .out = s->out.type,
                                  .has_addend = s->has_addend,
                                  .addend = s->addend.type,
                                  .in_scale = s->in.scale,
                                  .out_scale = s->out.scale,
                                  .addend_scale = s->addend.scale,
                                  .threads = thaw_par_threads()};
    return s->in.channels_last && s->out.channels_last && thaw_dnnl_has_tiles() &&
           s->in.shape.rank == 3 && !has_gradient(s) && is_for_tiles(l) &&
           thaw_gate_of(&s->act, &t->gate) && thaw_conv_tiles_takes(t);
}

static size_t tiles_kernel(const struct thaw_conv *c)
{
    return thaw_conv_tiles_kernel_bytes(&c->shape.tiles);
}

static void pack_tiles(struct thaw_conv *c, const float *kernel)
{
    const struct thaw_conv_spec *s = &c->spec;
    bool in_8bit = thaw_type_is_8bit(s->in.type);
    thaw_conv_tiles_pack(&c->shape.tiles, kernel, in_8bit ? s->kernel_scale : NULL,
                         c->kernel_forward);
    for (int o = 0; in_8bit && o < s->out.shape.c; o++)
        c->bias_values[o] /= s->out.scale;
}

static size_t tiles_scratch(const struct thaw_conv *c)
{
    return thaw_conv_tiles_scratch(&c->shape.tiles);
}

static void run_tiles(const struct thaw_conv *c, const void *in, const void *addend, void *out,
                      void *scratch)
{
    struct thaw_conv_tiles_pass pass = {in,     c->kernel_forward, c->bias_values, addend, out,
                                        scratch};
    thaw_conv_tiles_forward(&c->shape.tiles, &pass);
}

static const struct thaw_conv_loop tiles = {.name = "thaw:tiles",
                                            .takes = takes_tiles,
                                            .kernel_bytes = tiles_kernel,
                                            .pack = pack_tiles,
                                            .scratch = tiles_scratch,
                                            .run = run_tiles};

const struct thaw_conv_loop *thaw_conv_loop_of(const struct thaw_conv_spec *spec,
                                               union thaw_conv_shape *shape)
{
    static const struct thaw_conv_loop *const loops[] = {&thaw_conv_winograd, &depthwise, &tiles};
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++)
        if (loops[i]->takes(spec, shape))
            return loops[i];
    return NULL;
}
