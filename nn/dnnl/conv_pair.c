/* A 1x1 convolution and the depthwise one behind it. oneDNN has kernels that make a few rows of the
 * first and use them up in the second before they leave the cache. It offers them only where the
 * tensor between is larger than the second-level cache; elsewhere both run one after the other. The
 * bits are the same. */
#include <unistd.h>

#include "io/base/mem.h"
#include "nn/dnnl/conv_internal.h"

enum { LINE = 64, DEPTHWISE = DNNL_ARG_ATTR_POST_OP_DW };

/* Bytes of the tensor between, in whole cache lines. */
static size_t between(const struct thaw_conv *c)
{
    return (dnnl_memory_desc_get_size(c->t.out) + LINE - 1) / LINE * LINE;
}

/* The answer takes time, which counts where a single picture is all there is to do. No primitive
 * for both uses matrix tiles. */
static bool is_worth_asking(const struct thaw_conv *c)
{
    long cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (c->spec.in.channels_last && thaw_dnnl_has_tiles())
        return false;
    return cache <= 0 || between(c) > (size_t)cache;
}

static int init_fused(struct thaw_conv *c, struct thaw_error *err)
{
    struct thaw_dnnl_prim *p = &c->forward;
    struct thaw_conv *then = c->then;
    const thaw_dnnl_md *first = thaw_conv_kernel_md(p, false);
    const thaw_dnnl_md *second =
        dnnl_primitive_desc_query_md(p->desc, dnnl_query_exec_arg_md, DEPTHWISE | DNNL_ARG_WEIGHTS);
    return thaw_dnnl_prim_arg(p, DNNL_ARG_SRC, c->t.in, err) ||
                   thaw_dnnl_prim_arg(p, DNNL_ARG_WEIGHTS, first, err) ||
                   thaw_dnnl_prim_arg(p, DNNL_ARG_BIAS, c->t.bias, err) ||
                   thaw_dnnl_prim_arg(p, DEPTHWISE | DNNL_ARG_WEIGHTS, second, err) ||
                   thaw_dnnl_prim_arg(p, DEPTHWISE | DNNL_ARG_BIAS, then->t.bias, err) ||
                   thaw_dnnl_prim_arg(p, DNNL_ARG_DST, then->t.out, err) ||
                   thaw_conv_init_weights(c, first, err) ||
                   thaw_conv_init_weights(then, second, err)
               ? -1
               : 0;
}

int thaw_conv_init_pair(struct thaw_conv *c, const struct thaw_conv_spec *then,
                        struct thaw_error *err)
{
    if (!(c->then = thaw_new(1, sizeof *c->then, err)))
        return -1;
    c->then->spec = *then;
    c->then->spec.weights_of = c->spec.weights_of ? c->spec.weights_of->then : NULL;
    if (thaw_conv_describe(then, &c->then->t, err))
        return -1;
    c->fused =
        is_worth_asking(c) && thaw_conv_make_forward(&c->spec, &c->t, then, &c->forward, NULL) == 0;
    if (c->fused)
        return init_fused(c, err);
    return thaw_conv_init_forward(c, err) || thaw_conv_init_forward(c->then, err) ? -1 : 0;
}

size_t thaw_conv_scratch_of_pair(const struct thaw_conv *c)
{
    size_t first = thaw_conv_forward_scratch(c), second = thaw_conv_forward_scratch(c->then);
    return c->fused ? first : between(c) + (first > second ? first : second);
}

int thaw_conv_forward_pair(struct thaw_conv *c, const void *in, void *out, void *scratch,
                           struct thaw_error *err)
{
    struct thaw_conv *then = c->then;
    if (c->fused) {
        void *data[] = {(void *)in,           c->kernel_forward, c->bias_values,
                        then->kernel_forward, then->bias_values, out};
        return thaw_dnnl_prim_run(&c->forward, data, scratch, err);
    }
    void *rest = (char *)scratch + between(c);
    return thaw_conv_forward_alone(c, in, NULL, scratch, rest, err) ||
                   thaw_conv_forward_alone(then, scratch, NULL, out, rest, err)
               ? -1
               : 0;
}
