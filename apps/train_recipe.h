/* What the options of `thaw train` mean to the trainer, and the default recipe. */
#ifndef THAW_APPS_TRAIN_RECIPE_H
#define THAW_APPS_TRAIN_RECIPE_H

#include "apps/train_options.h"
#include "nn/train.h"

/* The stages that the options ask for. */
int thaw_train_stages(const struct thaw_train_values *v, const struct thaw_graph *graph, int head,
                      const struct thaw_blocks *blocks, struct thaw_stages *stages,
                      struct thaw_error *err);

/* All but class weights, classes and head. */
int thaw_train_trainer_options(const struct thaw_train_values *v, struct thaw_train_options *o,
                               struct thaw_error *err);

/* For training on batch statistics: moving averages of every batch norm that would remember more
 * than about an epoch of `updates` forget faster. Otherwise they would still be far from the
 * network's at the end of a short run, and validation be worthless: MobileNetV2's 0.999 keeps 2/3
 * of its random start over 400 updates. Returns the largest momentum there is then, 0 where nothing
 * was changed. */
float thaw_train_forget(struct thaw_graph *graph, size_t updates);

/* --fit, --frame, --intensity and --range onto the record. */
int thaw_train_pictures(const struct thaw_train_values *v, struct thaw_preprocess *p,
                        struct thaw_error *err);

#endif
