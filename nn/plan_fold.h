/* Folding of operations into others; a step of thaw_plan_create. */
#ifndef THAW_NN_PLAN_FOLD_H
#define THAW_NN_PLAN_FOLD_H

#include "nn/plan.h"

/* Folds what fits: zero padding into the linear operation or the maximum after it; batch norms on
 * moving statistics, residual adds and activations into the operation before them. Folded norms
 * move to plan->folded, the rest closes up. Needs trained, backward, has_grad and consumers to be
 * set. */
int thaw_plan_fold(struct thaw_plan *plan, struct thaw_error *err);

/* Where an operation's gradient can pass the activation that made its input at once: op->in_act and
 * op->act_passed. Types must be set. */
void thaw_plan_pass_activations(struct thaw_plan *plan);

/* Folds a depthwise convolution into the 1x1 convolution before it, as op->then. For plans without
 * gradients; types must be set. */
void thaw_plan_pair(struct thaw_plan *plan);

/* Producers and consumers of the values, anew. */
void thaw_plan_link(struct thaw_plan *plan);

#endif
