/* Shared by the files of this folder, the only ones that know oneDNN. */
#ifndef THAW_NN_DNNL_INTERNAL_H
#define THAW_NN_DNNL_INTERNAL_H

#include "nn/dnnl/api.h"
#include "nn/op.h"

/* One CPU engine for the process, made at the first call. NULL only when oneDNN cannot run at all.
 */
dnnl_engine_t thaw_dnnl_engine(void);

/* 0 on success; else -1 with "oneDNN: WHAT: status". */
int thaw_dnnl_check(dnnl_status_t status, const char *what, struct thaw_error *err);

dnnl_data_type_t thaw_dnnl_type(enum thaw_type type);

/* Descriptor of n samples of a value: logical dims [N,C,H,W] (rank 1: [N,C]); for
 * thaw_dnnl_md_free. */
int thaw_dnnl_desc(thaw_dnnl_md **md, const struct thaw_value *value, int n,
                   struct thaw_error *err);

/* Appends the steps as post-ops. */
int thaw_dnnl_append_eltwise(dnnl_post_ops_t ops, const struct thaw_eltwise *chain, int n,
                             struct thaw_error *err);
/* oneDNN's algorithm of a step, with its gradient computed from the output where that exists. */
dnnl_alg_kind_t thaw_dnnl_eltwise(enum thaw_eltwise_kind kind, bool from_output);

/* One primitive with its memory objects, executed with raw pointers. */
enum { THAW_DNNL_ARGS = 8 };
struct thaw_dnnl_prim {
    dnnl_primitive_t primitive;
    dnnl_primitive_desc_t desc; /* kept for queries and hints; destroyed with the primitive */
    int n;
    int arg[THAW_DNNL_ARGS];
    dnnl_memory_t memory[THAW_DNNL_ARGS];
    size_t scratch; /* bytes of the user scratchpad; its pointer is passed at execution */
    dnnl_memory_t scratch_memory;
    int factor_arg;
    dnnl_memory_t factor_memory; /* NULL: no factors, or the primitive has them itself */
};

/* What a primitive does beside its operation. */
struct thaw_dnnl_extra {
    struct thaw_dnnl_factors factors;
    dnnl_post_ops_t post_ops; /* on the result; NULL: none */
    bool no_reference;        /* fail where oneDNN has only its reference code */
};

/* Makes the primitive of an operation; `extra` and `hint` may be NULL; scratchpad mode is user. */
int thaw_dnnl_prim_init(struct thaw_dnnl_prim *p, const struct thaw_dnnl_op *op,
                        const struct thaw_dnnl_extra *extra, const_dnnl_primitive_desc_t hint,
                        const char *what, struct thaw_error *err);
/* A change of layout, type or (by `factors`, which may be NULL) scale; arguments are from, to. */
int thaw_dnnl_reorder_init(struct thaw_dnnl_prim *p, const thaw_dnnl_md *from,
                           const thaw_dnnl_md *to, const struct thaw_dnnl_factors *factors,
                           const char *what, struct thaw_error *err);
/* Declares an argument with its descriptor (NULL: none is added). */
int thaw_dnnl_prim_arg(struct thaw_dnnl_prim *p, int arg, const thaw_dnnl_md *md,
                       struct thaw_error *err);
/* Runs with data[i] for argument i, in order of declaration. */
int thaw_dnnl_prim_run(struct thaw_dnnl_prim *p, void *const *data, void *scratch,
                       struct thaw_error *err);
void thaw_dnnl_prim_release(struct thaw_dnnl_prim *p); /* fine on a zeroed one */

#endif
