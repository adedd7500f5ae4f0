/* A plan: which operations run, in which numbers, what is folded into what, what trains, what
 * backward needs. Immutable once it has an executor: thawing another block makes a new plan from
 * the same graph, so that the gradient cut, the kept activations and the memory layout always
 * agree. */
#ifndef THAW_NN_PLAN_H
#define THAW_NN_PLAN_H

#include "nn/op.h"

struct thaw_plan_options {
    int first; /* node whose output is the plan's input (0 = the picture); must be a single-node cut
                */
    int last;  /* node whose output is the plan's output; -1 = the graph's */
    bool training;                    /* weights of nodes with `trainable` get gradients */
    bool batch_statistics;            /* trainable batch norms use the batch's statistics */
    bool logits;                      /* leave out a softmax or sigmoid at the very end */
    bool input_gradient;              /* backward goes down to the plan's input */
    bool apart;                       /* no pairs: every convolution makes a value of its own */
    enum thaw_precision precision;    /* of convolutions; int8 only without training */
    const struct thaw_ranges *ranges; /* needed for int8, of use for bf16; borrowed while the plan
                                         lives */
};

/* A weight that gets a gradient. */
struct thaw_trained {
    struct thaw_param *param;
    const struct thaw_node *node;
};

struct thaw_plan {
    struct thaw_op *ops; /* in order; folded ones are gone */
    int n_ops;
    struct thaw_value *values;
    int n_values;
    int input, output;
    struct thaw_trained *trained; /* in graph order */
    int n_trained;
    bool softmax_left_out, sigmoid_left_out;
    bool winograd;                    /* see thaw_plan_use_winograd */
    int block;                        /* channel block of the layouts */
    const struct thaw_ranges *ranges; /* of the options */
    struct thaw_op *folded;           /* where norms and depthwise maps that were folded live on */
    int n_folded;
};

struct thaw_plan *thaw_plan_create(struct thaw_graph *graph,
                                   const struct thaw_plan_options *options, struct thaw_error *err);
void thaw_plan_free(struct thaw_plan *plan);

/* For hundreds of samples, and before the plan's first executor: lets its float32 3x3 convolutions
 * run by Winograd's algorithm (Lavin and Gray, "Fast algorithms for convolutional neural networks",
 * 2016) in place of direct sums, where they are much of the work: about twice as fast, as exact in
 * practice, but with last bits that depend on the micro-batch, four times the memory of those
 * kernels, and some tenths of a second to prepare. */
void thaw_plan_use_winograd(struct thaw_plan *plan);

void thaw_ops_free(struct thaw_op *ops, int n);

#endif
