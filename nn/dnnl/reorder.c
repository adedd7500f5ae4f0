#include "nn/dnnl/internal.h"
#include "nn/dnnl/prim.h"

#include <stdlib.h>

#include "io/base/mem.h"

struct thaw_reorder {
    struct thaw_dnnl_prim prim;
};

struct thaw_reorder *thaw_reorder_create(const struct thaw_value *from, const struct thaw_value *to,
                                         int n, struct thaw_error *err)
{
    struct thaw_reorder *r = thaw_new(1, sizeof *r, err);
    thaw_dnnl_md *src = NULL, *dst = NULL;
    float factor = (thaw_type_is_8bit(from->type) ? from->scale : 1) /
                   (thaw_type_is_8bit(to->type) ? to->scale : 1);
    struct thaw_dnnl_factors factors = {&factor, 1, DNNL_ARG_FROM, 0};
    if (!r)
        return NULL;
    int rc = thaw_dnnl_desc(&src, from, n, err) || thaw_dnnl_desc(&dst, to, n, err) ||
             thaw_dnnl_reorder_init(&r->prim, src, dst, factor == 1 ? NULL : &factors,
                                    "change of precision", err);
    thaw_dnnl_md_free(src);
    thaw_dnnl_md_free(dst);
    if (!rc)
        return r;
    thaw_reorder_free(r);
    return NULL;
}

void thaw_reorder_free(struct thaw_reorder *reorder)
{
    if (!reorder)
        return;
    thaw_dnnl_prim_release(&reorder->prim);
    free(reorder);
}

int thaw_reorder_run(struct thaw_reorder *reorder, const void *from, void *to,
                     struct thaw_error *err)
{
    void *data[] = {(void *)from, to};
    return thaw_dnnl_prim_run(&reorder->prim, data, NULL, err);
}
