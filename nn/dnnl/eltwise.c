#include "nn/dnnl/internal.h"
#include "nn/dnnl/more.h"

#include <stdlib.h>

#include "io/base/mem.h"

struct thaw_eltwise_prim {
    struct thaw_dnnl_prim forward, backward;
};

/* The tensor is one long vector, channels beyond C included: no layout to take care of, so that the
 * fast code is chosen whatever f(0) is. */
struct thaw_eltwise_prim *thaw_eltwise_create(struct thaw_eltwise step, size_t count, bool backward,
                                              bool from_output, struct thaw_error *err)
{
    struct thaw_eltwise_prim *p = thaw_new(1, sizeof *p, err);
    thaw_dnnl_md *md = NULL;
    dnnl_dims_t dims = {(dnnl_dim_t)count};
    int rc = -1;
    if (!p || thaw_dnnl_md_create(&md, 1, dims, dnnl_f32, dnnl_a, "activation descriptor", err))
        goto done;
    struct thaw_dnnl_op op = {.kind = THAW_DNNL_ELTWISE,
                              .prop = backward ? dnnl_forward_training : dnnl_forward_inference,
                              .alg = thaw_dnnl_eltwise(step.kind, from_output),
                              .src = md,
                              .alpha = step.alpha,
                              .beta = step.beta};
    if (thaw_dnnl_prim_init(&p->forward, &op, NULL, NULL, "activation", err) ||
        thaw_dnnl_prim_arg(&p->forward, DNNL_ARG_SRC, md, err) ||
        thaw_dnnl_prim_arg(&p->forward, DNNL_ARG_DST, md, err))
        goto done;
    op.prop = dnnl_backward_data;
    if (backward &&
        (thaw_dnnl_prim_init(&p->backward, &op, NULL, p->forward.desc, "gradient of an activation",
                             err) ||
         thaw_dnnl_prim_arg(&p->backward, from_output ? DNNL_ARG_DST : DNNL_ARG_SRC, md, err) ||
         thaw_dnnl_prim_arg(&p->backward, DNNL_ARG_DIFF_DST, md, err) ||
         thaw_dnnl_prim_arg(&p->backward, DNNL_ARG_DIFF_SRC, md, err)))
        goto done;
    rc = 0;
done:
    thaw_dnnl_md_free(md);
    if (!rc)
        return p;
    thaw_eltwise_free(p);
    return NULL;
}

void thaw_eltwise_free(struct thaw_eltwise_prim *prim)
{
    if (!prim)
        return;
    thaw_dnnl_prim_release(&prim->forward);
    thaw_dnnl_prim_release(&prim->backward);
    free(prim);
}

size_t thaw_eltwise_scratch(const struct thaw_eltwise_prim *prim)
{
    size_t a = prim->forward.scratch, b = prim->backward.scratch;
    return a > b ? a : b;
}

int thaw_eltwise_forward(struct thaw_eltwise_prim *prim, const float *in, float *out, void *scratch,
                         struct thaw_error *err)
{
    void *data[] = {(void *)in, out};
    return thaw_dnnl_prim_run(&prim->forward, data, scratch, err);
}

int thaw_eltwise_backward(struct thaw_eltwise_prim *prim, const float *value, const float *dout,
                          float *din, void *scratch, struct thaw_error *err)
{
    void *data[] = {(void *)value, (void *)dout, din};
    return thaw_dnnl_prim_run(&prim->backward, data, scratch, err);
}
