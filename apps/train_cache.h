/* What a training run keeps from one epoch to the next. */
#ifndef THAW_APPS_TRAIN_CACHE_H
#define THAW_APPS_TRAIN_CACHE_H

#include "apps/train_data.h"
#include "apps/train_run.h"

/* Once stages and images are known, and before images are decoded: completes the trainer's options,
 * and shares --cache-mem out. Features come first: each saves an epoch's pass through the frozen
 * part, a decoded image only its decoding. */
int thaw_train_cache_plan(const struct thaw_train_values *v, const struct thaw_train_paths *paths,
                          struct thaw_graph *graph, struct thaw_stages *stages,
                          struct thaw_train_data *data, struct thaw_train_options *options,
                          struct thaw_error *err);

#endif
