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
    dnnl_primitive_attr_t attr = NULL;
    dnnl_memory_desc_t src, dst;
    float factor = (thaw_type_is_8bit(from->type) ? from->scale : 1) /
                   (thaw_type_is_8bit(to->type) ? to->scale : 1);
    if (!r)
        return NULL;
    int rc =
        thaw_dnnl_desc(&src, from, n, err) || thaw_dnnl_desc(&dst, to, n, err) ||
        thaw_dnnl_check(dnnl_primitive_attr_create(&attr), "attributes", err) ||
        thaw_dnnl_check(dnnl_primitive_attr_set_output_scales(attr, 1, 0, &factor), "scale", err) ||
        thaw_dnnl_reorder_init(&r->prim, &src, &dst, attr, "change of precision", err);
    dnnl_primitive_attr_destroy(attr);
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
