#include "nn/dnnl/conv_internal.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

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

int thaw_conv_init_forward(struct thaw_conv *c, struct thaw_error *err)
{
    struct thaw_dnnl_prim *p = &c->forward;
    if ((c->own = thaw_conv_loop_of(&c->spec, &c->shape)))
        return thaw_conv_room_for_weights(c, c->own->kernel_bytes(c), err);
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
    void *forward[] = {(void *)kernel, c->kernel_forward};
    for (int o = 0; o < c->spec.out.shape.c; o++)
        c->bias_values[o] = bias[o] / (c->own ? 1 : thaw_conv_bias_unit(&c->spec, o));
    if (c->own)
        c->own->pack(c, kernel);
    else if (thaw_dnnl_prim_run(&c->to_forward, forward, NULL, err))
        return -1;
    return thaw_conv_set_backward(c, kernel, err);
}

bool thaw_conv_adds_in_place(const struct thaw_value *addend, const struct thaw_value *out)
{
    return out->channels_last && addend->channels_last &&
           thaw_type_size(addend->type) == thaw_type_size(out->type) && thaw_dnnl_has_tiles();
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
    if (c->own) {
        c->own->run(c, in, addend, out, scratch);
        return 0;
    }
    if (c->in_place && addend != out)
        thaw_kernel_copy(addend, out, (size_t)c->spec.n * thaw_value_bytes(&c->spec.out));
    return thaw_dnnl_prim_run(&c->forward, data, scratch, err);
}

bool thaw_conv_by_winograd(const struct thaw_conv *c)
{
    return c->own == &thaw_conv_winograd;
}

size_t thaw_conv_forward_scratch(const struct thaw_conv *c)
{
    return !c->own ? c->forward.scratch : c->own->scratch ? c->own->scratch(c) : 0;
}

size_t thaw_conv_scratch(const struct thaw_conv *c)
{
    if (c->then)
        return thaw_conv_scratch_of_pair(c);
    size_t forward = thaw_conv_forward_scratch(c), backward = thaw_conv_backward_scratch(c);
    return forward > backward ? forward : backward;
}

const char *thaw_conv_implementation(const struct thaw_conv *c, int direction)
{
    const struct thaw_dnnl_prim *p = direction == THAW_CONV_FORWARD ? &c->forward
                                     : direction == THAW_CONV_DATA  ? &c->data
                                                                    : &c->weights;
    const char *name = NULL;
    if (direction == THAW_CONV_FORWARD && c->own)
        return c->own->name;
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
