#include "nn/dnnl/internal.h"
#include "nn/dnnl/more.h"

#include <stdlib.h>

#include "io/base/mem.h"

struct thaw_pool_prim {
    struct thaw_dnnl_prim forward, backward;
    size_t workspace;
};

static int init_forward(struct thaw_pool_prim *p, const dnnl_pooling_desc_t *desc,
                        const dnnl_memory_desc_t *in, const dnnl_memory_desc_t *out,
                        const dnnl_memory_desc_t **workspace, struct thaw_error *err)
{
    if (thaw_dnnl_prim_init(&p->forward, desc, NULL, NULL, "pooling", err))
        return -1;
    const dnnl_memory_desc_t *ws =
        dnnl_primitive_desc_query_md(p->forward.desc, dnnl_query_workspace_md, 0);
    p->workspace = ws ? dnnl_memory_desc_get_size(ws) : 0;
    *workspace = p->workspace ? ws : NULL;
    return thaw_dnnl_prim_arg(&p->forward, DNNL_ARG_SRC, in, err) ||
                   thaw_dnnl_prim_arg(&p->forward, DNNL_ARG_DST, out, err) ||
                   thaw_dnnl_prim_arg(&p->forward, DNNL_ARG_WORKSPACE, *workspace, err)
               ? -1
               : 0;
}

struct thaw_pool_prim *thaw_pool_create(const struct thaw_pool *pool, const struct thaw_value *in,
                                        const struct thaw_value *out, int n, bool backward,
                                        struct thaw_error *err)
{
    struct thaw_pool_prim *p = thaw_new(1, sizeof *p, err);
    dnnl_memory_desc_t src, dst;
    const dnnl_memory_desc_t *workspace;
    dnnl_dims_t strides = {pool->stride_h, pool->stride_w}, kernel = {pool->kh, pool->kw};
    dnnl_dims_t before = {pool->pad_top, pool->pad_left};
    dnnl_dims_t after = {pool->pad_bottom, pool->pad_right};
    dnnl_pooling_desc_t desc;
    dnnl_alg_kind_t alg = pool->max ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding;
    dnnl_prop_kind_t prop = backward ? dnnl_forward_training : dnnl_forward_inference;
    if (!p)
        return NULL;
    if (thaw_dnnl_desc(&src, in, n, err) || thaw_dnnl_desc(&dst, out, n, err) ||
        thaw_dnnl_check(dnnl_pooling_forward_desc_init(&desc, prop, alg, &src, &dst, strides,
                                                       kernel, before, after),
                        "pooling", err) ||
        init_forward(p, &desc, &src, &dst, &workspace, err))
        goto fail;
    if (backward && (thaw_dnnl_check(dnnl_pooling_backward_desc_init(
                                         &desc, alg, &src, &dst, strides, kernel, before, after),
                                     "gradient of pooling", err) ||
                     thaw_dnnl_prim_init(&p->backward, &desc, NULL, p->forward.desc,
                                         "gradient of pooling", err) ||
                     thaw_dnnl_prim_arg(&p->backward, DNNL_ARG_DIFF_DST, &dst, err) ||
                     thaw_dnnl_prim_arg(&p->backward, DNNL_ARG_DIFF_SRC, &src, err) ||
                     thaw_dnnl_prim_arg(&p->backward, DNNL_ARG_WORKSPACE, workspace, err)))
        goto fail;
    return p;
fail:
    thaw_pool_free(p);
    return NULL;
}

void thaw_pool_free(struct thaw_pool_prim *prim)
{
    if (!prim)
        return;
    thaw_dnnl_prim_release(&prim->forward);
    thaw_dnnl_prim_release(&prim->backward);
    free(prim);
}

size_t thaw_pool_scratch(const struct thaw_pool_prim *prim)
{
    size_t a = prim->forward.scratch, b = prim->backward.scratch;
    return a > b ? a : b;
}

size_t thaw_pool_workspace(const struct thaw_pool_prim *prim)
{
    return prim->workspace;
}

int thaw_pool_forward(struct thaw_pool_prim *prim, const void *in, void *out, void *workspace,
                      void *scratch, struct thaw_error *err)
{
    void *data[] = {(void *)in, out, workspace};
    return thaw_dnnl_prim_run(&prim->forward, data, scratch, err);
}

int thaw_pool_backward(struct thaw_pool_prim *prim, const void *dout, void *din, void *workspace,
                       void *scratch, struct thaw_error *err)
{
    void *data[] = {(void *)dout, din, workspace};
    return thaw_dnnl_prim_run(&prim->backward, data, scratch, err);
}
