/* Operations: the engine's vocabulary. Each kind is one file of ops/; layers emit them, the plan
 * folds some into others, the executor runs what is left. */
#ifndef THAW_NN_OP_H
#define THAW_NN_OP_H

#include <stdint.h>

#include "nn/act.h"
#include "nn/graph.h"
#include "nn/precision.h"

struct thaw_op_kind;

/* A tensor between operations, per sample. */
struct thaw_value {
    struct thaw_shape shape;
    struct thaw_layout layout;
    enum thaw_type type;
    bool channels_last; /* NHWC by the plan's choice, not by chance of the channel count */
    float scale;        /* of an 8-bit type */
    int node, part;     /* the part-th value made for this node of the graph */
    int producer;       /* operation number, -1 = the plan's input */
    int consumers;      /* how many operation inputs (addends included) read it */
    bool has_grad;      /* a trained weight stands before it */
};

/* Of one sample. */
static inline size_t thaw_value_bytes(const struct thaw_value *value)
{
    return value->layout.sample * thaw_type_size(value->type);
}

struct thaw_op {
    const struct thaw_op_kind *kind;
    void *conf; /* of kind->conf_size: one of the structs in nn/ops.h */
    const struct thaw_node *node;
    int *in, n_in, out; /* value numbers */
    struct thaw_param
        *params[THAW_MAX_PARAMS]; /* of the node, in the order the kind documents; NULL = absent */

    /* Folded in by the plan; only kinds with .hosts take them. Result = act(norm(op(x)) + addend).
     */
    const struct thaw_op *norm; /* an affine operation (batch norm on moving statistics), or NULL */
    struct thaw_act act;        /* identity when kind is NULL */
    int addend;                 /* value number of the residual input, -1 = none */
    /* A depthwise convolution that reads this one's result, then->in[0], which nobody else wants:
     * both run as one operation, which makes `out` and never keeps what lies between. Or NULL. */
    const struct thaw_op *then;

    bool winograd; /* see thaw_plan_use_winograd */

    /* Where the only reader of an activation's value has its gradient pass the activation at once:
     * in_act is the activation that made in[0], and that operation's act_passed is set. */
    struct thaw_act in_act;
    bool act_passed;

    /* Set by the plan for training. grads[i] belongs to params[i], norm_grads[i] to
     * norm->params[i]: NULL where no gradient is wanted. The executor points them into its gradient
     * block. */
    bool trained;  /* any gradient of a weight wanted, its own or the norm's */
    bool backward; /* takes part in the backward pass */
    float *grads[THAW_MAX_PARAMS], *norm_grads[THAW_MAX_PARAMS];
    bool wants[THAW_MAX_PARAMS], norm_wants[THAW_MAX_PARAMS];
};

/* What prepare() is told, and answers. */
struct thaw_op_env {
    int n; /* samples at once */
    const struct thaw_value *values;
    const struct thaw_ranges *ranges; /* of a plan in low precision, or NULL */
    bool training;                    /* backward will be called if op->backward */
    const void *shared;   /* NULL, or, for kinds that share, the state of an equal operation whose
                             copies of the weights serve both: update() is called for that one */
    size_t saved_bytes;   /* out: kept from forward to backward */
    size_t scratch_bytes; /* out: used within one call */
};

/* Pointers of one call. Tensors are in their values' layouts and types: float except where the plan
 * chose another. */
struct thaw_run {
    int n;
    const void *const *in; /* [n_in]; in backward only those that reads() named */
    void *out;             /* in backward only if reads() named it */
    const void *addend;
    void *dout;       /* backward may overwrite it; with a folded addend it must leave the addend's
                         gradient here */
    void *const *din; /* [n_in]; NULL where no gradient is wanted; written, not added to */
    void *saved, *scratch;
    bool training; /* dropout drops, batch norm uses the batch */
    bool first;    /* first micro-batch of a batch: gradient sums start from zero */
    uint64_t seed; /* random numbers: thaw_rng_at(seed, step, first_sample + i + (op_number << 20),
                      THAW_RNG_DROPOUT) */
    uint32_t step, first_sample, op_number;
};

enum { THAW_READS_INPUT = 1, THAW_READS_OUTPUT = 2 };

struct thaw_op_kind {
    const char *name;
    size_t conf_size;
    bool hosts;  /* norm, act and addend can be folded in */
    bool copies; /* after update() it looks at weights no more, unless they train */
    bool
        affine; /* y = k x + b per channel: can be folded into a host before it; see ops/affine.c */
    bool shares; /* prepare() makes use of env->shared */
    /* Adds the addend fastest where it lies: the result takes over its memory once nobody else
     * reads it. NULL: never. */
    bool (*adds_in_place)(const struct thaw_op *op, const struct thaw_value *values);
    bool keeps_scale; /* 8-bit output in the scale of the input */
    /* Whether it can run with inputs and output in this precision; NULL: in float32 only. */
    bool (*takes)(const struct thaw_op *op, const struct thaw_value *values,
                  enum thaw_precision precision);
    /* What backward() reads of the forward pass: THAW_READS_*. */
    unsigned (*reads)(const struct thaw_op *op);
    int (*prepare)(const struct thaw_op *op, struct thaw_op_env *env, void **state,
                   struct thaw_error *err);
    /* Weights have changed (also called once after prepare). May be NULL. */
    int (*update)(const struct thaw_op *op, void *state, struct thaw_error *err);
    int (*forward)(const struct thaw_op *op, void *state, const struct thaw_run *run,
                   struct thaw_error *err);
    int (*backward)(const struct thaw_op *op, void *state, const struct thaw_run *run,
                    struct thaw_error *err);
    /* The batch is over: writes op->grads and op->norm_grads from the sums since run->first. NULL
     * when backward() accumulates into op->grads itself. */
    int (*gradients)(const struct thaw_op *op, void *state, struct thaw_error *err);
    /* With gradients(): adds the sums of another state of the operation, made with env->shared. */
    void (*add_sums)(void *state, const void *other);
    void (*release)(void *state);
};

/* For lower(): emits one operation. `conf` is copied. params lists the node's parameter numbers in
 * the kind's order, -1 = absent. */
int thaw_emit(struct thaw_lowering *lowering, const struct thaw_op_kind *kind, const void *conf,
              const struct thaw_node *node, const int *params, int n_params, const int *in,
              int n_in, struct thaw_shape out_shape, int *out, struct thaw_error *err);

/* Shape of a value, and whether batch norm is to use batch statistics, for layers that must know.
 */
struct thaw_shape thaw_lowering_shape(const struct thaw_lowering *lowering, int value);
bool thaw_lowering_batch_statistics(const struct thaw_lowering *lowering);

#endif
