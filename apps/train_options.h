/* Options of `thaw train`, as they stand on the command line and in a run's record. */
#ifndef THAW_APPS_TRAIN_OPTIONS_H
#define THAW_APPS_TRAIN_OPTIONS_H

#include <stdint.h>

#include "apps/common.h"

struct thaw_train_values {
    struct thaw_common common;
    struct thaw_given given; /* entries of the table that stood on the command line */
    const char *group_by, *leaks, *backbone, *range, *intensity, *fit, *augment, *save_batch;
    const char *stages, *unfreeze, *schedule, *head_weight_decay, *optimizer, *class_weights, *keep;
    const char *no_finding, *sampler, *loss, *sensitivity_at, *positive;
    const char *output, *run, *features, *cache_dir, *precision;
    double val_fraction, max_bad, dropout, lr, warmup, block_decay, momentum, weight_decay, l2_sp,
        clip, smoothing, mixup, checkpoint_every;
    long epochs, frame, patience, batch, micro_batch, seed, views;
    size_t cache_mem, cache_disk, mem;
    bool head_only, nesterov, batch_statistics, no_rollback, resume, multi_label;
};

extern const struct thaw_option thaw_train_table[];

/* The options that decide the result, by name without dashes; a new reference. Threads stand there
 * as the number in use. */
json_t *thaw_train_options_json(const struct thaw_train_values *v, struct thaw_error *err);

/* Takes the options of a run that goes on. One on the command line that says something else than
 * `saved` is an error that names it. Texts point into `saved`. */
int thaw_train_options_resume(struct thaw_train_values *v, const json_t *saved,
                              struct thaw_error *err);

#endif
