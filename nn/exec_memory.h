/* Where the tensors of an executor live; a step of thaw_exec_create. */
#ifndef THAW_NN_EXEC_MEMORY_H
#define THAW_NN_EXEC_MEMORY_H

#include "nn/plan.h"

enum { THAW_NOWHERE = -1 };

/* Memory of one operation, as buffer numbers; THAW_NOWHERE where none is needed. */
struct thaw_op_memory {
    size_t saved_bytes, scratch_bytes; /* in: asked for by prepare() */
    int saved, scratch, scratch_backward;
    int *din;      /* [n_in]: where the gradient of each input is written */
    bool *din_add; /* [n_in]: it goes to a temporary first, then is added to the value's gradient */
    bool addend_add; /* the addend's gradient exists already: dout is added to it; else it takes
                        dout over */
};

struct thaw_exec_memory {
    int *value, *grad;          /* [n_values]: buffers of tensors and of their gradients */
    struct thaw_op_memory *ops; /* [n_ops] */
    size_t *offsets;            /* [n_buffers] */
    size_t bytes;               /* of the arena */
    int n_buffers;
};

/* Lays out everything for n samples. m->ops[].saved_bytes and scratch_bytes must be filled; the
 * arrays in m->ops are made here. */
int thaw_exec_memory_init(struct thaw_exec_memory *m, const struct thaw_plan *plan, int n,
                          bool training, struct thaw_error *err);
void thaw_exec_memory_release(struct thaw_exec_memory *m, const struct thaw_plan *plan);

#endif
