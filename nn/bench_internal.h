/* Shared by bench*.c. */
#ifndef THAW_NN_BENCH_INTERNAL_H
#define THAW_NN_BENCH_INTERNAL_H

#include "nn/bench.h"
#include "nn/plan.h"

/* The plan that is measured; `apart`: the one whose operations are measured by themselves. */
struct thaw_plan *thaw_bench_plan(struct thaw_graph *graph, bool training, bool apart,
                                  const struct thaw_bench_options *options, struct thaw_error *err);

#endif
