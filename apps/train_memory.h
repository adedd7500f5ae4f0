/* --mem: a training run that stays under a limit of memory. */
#ifndef THAW_APPS_TRAIN_MEMORY_H
#define THAW_APPS_TRAIN_MEMORY_H

#include "apps/train_data.h"

/* Before anything large is allocated: large blocks go back to the system when they are freed, so
 * that the process never holds what it no longer uses. */
void thaw_train_memory_begin(void);

/* Once the images have been looked at (with no room for decoded ones): chooses, and tells, what
 * keeps the peak (VmHWM) under v->mem bytes. First the caches shrink, then the batches read ahead,
 * then the sample that settles the frozen part's precision, then the micro-batch. All but the
 * caches follow from shapes and options alone, so that the same run ends in the same bits. An error
 * that says the least that is needed, when even that is more than v->mem. */
int thaw_train_memory_plan(const struct thaw_train_values *v, struct thaw_graph *graph,
                           const struct thaw_stages *stages, struct thaw_train_data *data,
                           const struct thaw_preprocess *preprocess,
                           struct thaw_train_options *options, struct thaw_say *say,
                           struct thaw_error *err);

#endif
