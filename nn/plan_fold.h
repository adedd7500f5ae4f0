/* Folding of operations into others; a step of thaw_plan_create. */
#ifndef THAW_NN_PLAN_FOLD_H
#define THAW_NN_PLAN_FOLD_H

#include "nn/plan.h"

/* Folds what fits: zero padding into the linear operation after it; batch norms on moving
 * statistics, residual adds and activations into the operation before them. Folded norms move to
 * plan->folded, the rest closes up. Needs trained, backward, has_grad and consumers to be set. */
int thaw_plan_fold(struct thaw_plan *plan, struct thaw_error *err);

/* Producers and consumers of the values, anew. */
void thaw_plan_link(struct thaw_plan *plan);

#endif
