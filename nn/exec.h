/* An executor: a plan made ready for n samples at once. Primitives and memory are made here, once;
 * nothing is allocated afterwards. */
#ifndef THAW_NN_EXEC_H
#define THAW_NN_EXEC_H

#include "nn/plan.h"

struct thaw_exec;

/* Borrows the plan, which must outlive it. */
struct thaw_exec *thaw_exec_create(const struct thaw_plan *plan, int n, struct thaw_error *err);
void thaw_exec_free(struct thaw_exec *exec);

/* One that shares plan, n and the copies of the weights with `leader`, which must outlive it: the
 * two may run at the same time in two threads. */
struct thaw_exec *thaw_exec_create_beside(const struct thaw_exec *leader, struct thaw_error *err);

/* The trained weights have changed: rebuilds what is derived from them. (Weights of frozen nodes
 * must not change under an executor.) _all: of a leader, all[0], and those beside it. */
int thaw_exec_update(struct thaw_exec *exec, struct thaw_error *err);
int thaw_exec_update_all(struct thaw_exec *const *all, int n, struct thaw_error *err);

enum thaw_form { THAW_NHWC /* [n,H,W,C] */, THAW_PACKED /* the value's layout */ };

struct thaw_pass {
    const float *x; /* `count` samples; they stay until the backward pass that may follow */
    enum thaw_form form;
    int count;     /* 1 .. n; the rest of the micro-batch is filled with zeros */
    bool training; /* dropout and batch statistics; backward may follow */
    uint64_t seed;
    uint32_t step, first_sample; /* place in the run, for random numbers */
    /* NULL, or told of every value as it is made: n samples in its layout and type. */
    void (*watch)(void *ctx, const struct thaw_value *value, int n, const void *data);
    void *watch_ctx;
};
int thaw_exec_forward(struct thaw_exec *exec, const struct thaw_pass *pass, struct thaw_error *err);

/* The output of the last forward: in its layout (valid until the next call), or copied out as
 * [count,H,W,C]. */
const float *thaw_exec_output(const struct thaw_exec *exec);
void thaw_exec_read(const struct thaw_exec *exec, int count, float *nhwc);

/* Backward of the last forward from the gradient of the output ([count,H,W,C]; the samples beyond
 * count get zero). `first` starts the batch's sums afresh. */
int thaw_exec_backward(struct thaw_exec *exec, const float *gradient, int count, bool first,
                       struct thaw_error *err);

/* The batch is over: gradient of plan->trained[i], [param->count]. They lie one after the other, so
 * gradient 0 is where all of them begin. Valid until the next backward. */
int thaw_exec_gradients(struct thaw_exec *exec, struct thaw_error *err);
float *thaw_exec_gradient(struct thaw_exec *exec, int i);
/* The same where the batch was shared out: all[0] is the leader of the others, and gets the sum, in
 * this order. Each must have run backward with `first`. */
int thaw_exec_gradients_of_all(struct thaw_exec *const *all, int n, struct thaw_error *err);

/* Gradient at the plan's input after a backward pass, in its layout, when the plan was made with
 * input_gradient; else NULL. */
const float *thaw_exec_input_gradient(const struct thaw_exec *exec);

/* About what thaw_exec_bytes will say of an executor for n samples, from shapes alone: without the
 * scratch of primitives, which is a few percent, and as if nothing were fused with what comes
 * after; oneDNN 3.8 adds 4 MiB a thread for a dense layer. 0 when out of memory. */
size_t thaw_exec_estimate(const struct thaw_plan *plan, int n);
size_t thaw_exec_bytes(const struct thaw_exec *exec); /* arena and gradients */
int thaw_exec_batch(const struct thaw_exec *exec);    /* n */

/* Whole arrays: x [count,H,W,C] through the executor, micro-batch by micro-batch, into y. */
int thaw_exec_infer(struct thaw_exec *exec, const float *x, size_t count, float *y,
                    struct thaw_error *err);

/* How many samples at once: a pure function of the plan, the caches and `limit` (the batch), so
 * that reruns are bit-equal. */
int thaw_exec_choose_batch(const struct thaw_plan *plan, int limit);

#endif
