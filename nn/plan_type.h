/* In which numbers each value of a plan is kept; a step of thaw_plan_create. */
#ifndef THAW_NN_PLAN_TYPE_H
#define THAW_NN_PLAN_TYPE_H

#include "nn/plan.h"

/* After folding: gives values between operations that can take it the type of options->precision,
 * and puts conversions where two precisions meet. The plan's input and output stay float32. */
int thaw_plan_type(struct thaw_plan *plan, const struct thaw_graph *graph,
                   const struct thaw_plan_options *options, struct thaw_error *err);

#endif
