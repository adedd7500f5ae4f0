#include "nn/dnnl/conv_internal.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"

int thaw_conv_room_for_weights(struct thaw_conv *c, size_t bytes, struct thaw_error *err)
{
    if (c->spec.weights_of) {
        c->kernel_forward = c->spec.weights_of->kernel_forward;
        c->bias_values = c->spec.weights_of->bias_values;
        return 0;
    }
    c->kernel_forward = thaw_new_aligned(bytes, 1, err);
    c->bias_values = thaw_new_aligned((size_t)c->spec.out.shape.c, sizeof(float), err);
    return c->kernel_forward && c->bias_values ? 0 : -1;
}

int thaw_conv_init_weights(struct thaw_conv *c, const thaw_dnnl_md *kernel, struct thaw_error *err)
{
    if (thaw_conv_room_for_weights(c, dnnl_memory_desc_get_size(kernel), err))
        return -1;
    return c->spec.weights_of
               ? 0
               : thaw_conv_kernel_reorder(&c->spec, &c->t, kernel, &c->to_forward, err);
}

/* Our own loop takes bfloat16 and what it can do at the end: not where gradients are wanted, whose
 * kernel changes with every step. */
static bool takes_winograd(const struct thaw_conv_spec *s, struct thaw_winograd *w)
{
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
           !s->data_gradient && !s->weight_gradient && thaw_gate_of(&s->act, &w->gate) &&
           thaw_winograd_takes(w);
}

/* The processor's own products of bfloat16 are slower than float32's where oneDNN uses them: in
 * depthwise kernels, which have no use for matrix tiles. */
static bool takes_depthwise(const struct thaw_conv_spec *s, struct thaw_depthwise_forward *d)
{
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

int thaw_conv_init_forward(struct thaw_conv *c, struct thaw_error *err)
{
    struct thaw_dnnl_prim *p = &c->forward;
    if ((c->by_winograd = takes_winograd(&c->spec, &c->winograd)))
        return thaw_conv_room_for_weights(c, thaw_winograd_kernel_bytes(&c->winograd), err);
    if ((c->by_depthwise = takes_depthwise(&c->spec, &c->depthwise)))
        return thaw_conv_room_for_weights(c, thaw_depthwise_forward_kernel_bytes(&c->depthwise),
                                          err);
    c->in_place = c->spec.has_addend && thaw_conv_adds_in_place(&c->spec.addend, &c->spec.out);
    if (thaw_conv_make_forward(&c->spec, &c->t, NULL, p, err))
        return -1;
    const thaw_dnnl_md *kernel = thaw_conv_kernel_md(p, false);
    if (thaw_dnnl_prim_arg(p, DNNL_ARG_SRC, c->t.in, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_WEIGHTS, kernel, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_BIAS, c->t.bias, err) ||
        thaw_dnnl_prim_arg(p, DNNL_ARG_DST, c->t.out, err) ||
        (!c->in_place && thaw_dnnl_prim_arg(p, DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1,
                                            c->t.addend, err)))
        return -1;
    return thaw_conv_init_weights(c, kernel, err);
}

struct thaw_conv *thaw_conv_create(const struct thaw_conv_spec *spec, struct thaw_error *err)
{
    struct thaw_conv *c = thaw_new(1, sizeof *c, err);
    if (!c)
        return NULL;
    c->spec = *spec;
    c->spec.then = NULL; /* c->then knows it */
    if (thaw_conv_describe(spec, &c->t, err) ||
        (spec->then ? thaw_conv_init_pair(c, spec->then, err) : thaw_conv_init_forward(c, err)) ||
        thaw_conv_make_backward(c, err)) {
        thaw_conv_free(c);
        return NULL;
    }
    return c;
}

void thaw_conv_free(struct thaw_conv *c)
{
    if (!c)
        return;
    thaw_conv_free(c->then);
    struct thaw_dnnl_prim *prims[] = {&c->forward,    &c->data,    &c->weights,
                                      &c->to_forward, &c->to_data, &c->from_sum};
    for (size_t i = 0; i < sizeof prims / sizeof *prims; i++)
        thaw_dnnl_prim_release(prims[i]);
    thaw_conv_tensors_release(&c->t);
    free(c->sum);
    if (!c->spec.weights_of) {
        free(c->kernel_forward);
        free(c->kernel_data);
        free(c->bias_values);
    }
    free(c);
}

struct thaw_conv *thaw_conv_then(const struct thaw_conv *c)
{
    return c->then;
}

int thaw_conv_set_weights(struct thaw_conv *c, const float *kernel, const float *bias,
                          struct thaw_error *err)
{
    for (int o = 0; o < c->spec.out.shape.c; o++)
        c->bias_values[o] = bias[o] / thaw_conv_bias_unit(&c->spec, o);
    if (c->by_winograd) {
        thaw_winograd_transform_kernel(&c->winograd, kernel, c->kernel_forward);
        return 0;
    }
    void *forward[] = {(void *)kernel, c->kernel_forward};
    if (c->by_depthwise)
        thaw_depthwise_forward_pack(&c->depthwise, kernel, c->kernel_forward);
    else if (thaw_dnnl_prim_run(&c->to_forward, forward, NULL, err))
        return -1;
    return thaw_conv_set_backward(c, kernel, err);
}

bool thaw_conv_adds_in_place(const struct thaw_value *addend, const struct thaw_value *out)
{
    return out->channels_last && addend->channels_last &&
           thaw_type_size(addend->type) == thaw_type_size(out->type) && thaw_dnnl_has_bf16_tiles();
}

int thaw_conv_forward(struct thaw_conv *c, const void *in, const void *addend, void *out,
                      void *scratch, struct thaw_error *err)
{
    return c->then ? thaw_conv_forward_pair(c, in, out, scratch, err)
                   : thaw_conv_forward_alone(c, in, addend, out, scratch, err);
}

int thaw_conv_forward_alone(struct thaw_conv *c, const void *in, const void *addend, void *out,
                            void *scratch, struct thaw_error *err)
{
    void *data[] = {(void *)in, c->kernel_forward, c->bias_values, out, (void *)addend};
    if (c->by_depthwise) {
        thaw_depthwise_forward_run(&c->depthwise, in, c->kernel_forward, c->bias_values, out);
        return 0;
    }
    if (c->by_winograd) {
        struct thaw_winograd_pass pass = {in,     c->kernel_forward, c->bias_values, addend, out,
                                          scratch};
        thaw_winograd_forward(&c->winograd, &pass);
        return 0;
    }
    if (c->in_place && addend != out)
        thaw_kernel_copy(addend, out, (size_t)c->spec.n * thaw_value_bytes(&c->spec.out));
    return thaw_dnnl_prim_run(&c->forward, data, scratch, err);
}

bool thaw_conv_by_winograd(const struct thaw_conv *c)
{
    return c->by_winograd;
}

size_t thaw_conv_scratch(const struct thaw_conv *c)
{
    if (c->then)
        return thaw_conv_scratch_of_pair(c);
    if (c->by_winograd)
        return thaw_winograd_scratch(&c->winograd);
    size_t backward = thaw_conv_backward_scratch(c);
    return c->forward.scratch > backward ? c->forward.scratch : backward;
}

const char *thaw_conv_implementation(const struct thaw_conv *c, int direction)
{
    const struct thaw_dnnl_prim *p = direction == THAW_CONV_FORWARD ? &c->forward
                                     : direction == THAW_CONV_DATA  ? &c->data
                                                                    : &c->weights;
    const char *name = NULL;
    if (direction == THAW_CONV_FORWARD && c->by_winograd)
        return "thaw:winograd";
    if (direction == THAW_CONV_FORWARD && c->by_depthwise)
        return "thaw:depthwise";
    if (direction != THAW_CONV_FORWARD && c->one_pass)
        return "thaw:depthwise";
    if (direction == THAW_CONV_WEIGHTS && c->pointwise)
        return "thaw:pointwise";
    if (direction == THAW_CONV_WEIGHTS && c->tiled)
        return "thaw:tiles";
    if (!p->desc || dnnl_primitive_desc_query(p->desc, dnnl_query_impl_info_str, 0, (void *)&name))
        return NULL;
    return name;
}
