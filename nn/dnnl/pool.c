#include "nn/dnnl/internal.h"
#include "nn/dnnl/more.h"

#include <stdlib.h>

#include "io/base/mem.h"

struct thaw_pool_prim {
    struct thaw_dnnl_prim forward, backward;
    size_t workspace;
};

static int init_forward(struct thaw_pool_prim *p, const struct thaw_dnnl_op *op,
                        const thaw_dnnl_md **workspace, struct thaw_error *err)
{
    if (thaw_dnnl_prim_init(&p->forward, op, NULL, NULL, "pooling", err))
        return -1;
    const thaw_dnnl_md *ws =
        dnnl_primitive_desc_query_md(p->forward.desc, dnnl_query_workspace_md, 0);
    p->workspace = ws ? dnnl_memory_desc_get_size(ws) : 0;
    *workspace = p->workspace ? ws : NULL;
    return thaw_dnnl_prim_arg(&p->forward, DNNL_ARG_SRC, op->src, err) ||
                   thaw_dnnl_prim_arg(&p->forward, DNNL_ARG_DST, op->dst, err) ||
                   thaw_dnnl_prim_arg(&p->forward, DNNL_ARG_WORKSPACE, *workspace, err)
               ? -1
               : 0;
}

static int init_backward(struct thaw_pool_prim *p, const struct thaw_dnnl_op *op,
                         const thaw_dnnl_md *workspace, struct thaw_error *err)
{
    return thaw_dnnl_prim_init(&p->backward, op, NULL, p->forward.desc, "gradient of pooling",
                               err) ||
                   thaw_dnnl_prim_arg(&p->backward, DNNL_ARG_DIFF_DST, op->dst, err) ||
                   thaw_dnnl_prim_arg(&p->backward, DNNL_ARG_DIFF_SRC, op->src, err) ||
                   thaw_dnnl_prim_arg(&p->backward, DNNL_ARG_WORKSPACE, workspace, err)
               ? -1
               : 0;
}

struct thaw_pool_prim *thaw_pool_create(const struct thaw_pool *pool, const struct thaw_value *in,
                                        const struct thaw_value *out, int n, bool backward,
                                        struct thaw_error *err)
{
    struct thaw_pool_prim *p = thaw_new(1, sizeof *p, err);
    thaw_dnnl_md *src = NULL, *dst = NULL;
    const thaw_dnnl_md *workspace;
    int rc = -1;
    if (!p || thaw_dnnl_desc(&src, in, n, err) || thaw_dnnl_desc(&dst, out, n, err))
        goto done;
    struct thaw_dnnl_op op = {.kind = THAW_DNNL_POOL,
                              .prop = backward ? dnnl_forward_training : dnnl_forward_inference,
                              .alg =
                                  pool->max ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding,
                              .src = src,
                              .dst = dst,
                              .window = {pool->kh, pool->kw},
                              .strides = {pool->stride_h, pool->stride_w},
                              .before = {pool->pad_top, pool->pad_left},
                              .after = {pool->pad_bottom, pool->pad_right}};
    if (init_forward(p, &op, &workspace, err))
        goto done;
    op.prop = dnnl_backward_data;
    rc = backward ? init_backward(p, &op, workspace, err) : 0;
done:
    thaw_dnnl_md_free(src);
    thaw_dnnl_md_free(dst);
    if (!rc)
        return p;
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
