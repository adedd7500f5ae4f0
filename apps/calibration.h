/* What the values of a model are on real pictures (nn/precision.h), as it stands in its file: a
 * list of layers with their ends in the record, the means of their channels in a data set, the
 * names of layers that stay above int8. */
#ifndef THAW_APPS_CALIBRATION_H
#define THAW_APPS_CALIBRATION_H

#include "apps/model_file.h"
#include "nn/train_source.h"

/* Adds m->ranges to record and file; nothing when there are none. */
int thaw_calibration_write(const struct thaw_model_file *m, json_t *record,
                           struct thaw_keras_file *file, struct thaw_error *err);

/* Fills m->ranges from m->record and m->file; stays empty where they hold no calibration. */
int thaw_calibration_read(struct thaw_model_file *m, struct thaw_error *err);

/* Fills m->ranges from the first training images of the source. `mixed`: where the outputs in int8
 * drift by more than THAW_DRIFT_LIMIT and this machine can tell, with the layers that must stay
 * higher (nn/mixed.h); it takes memory for more plans. */
int thaw_calibration_make(struct thaw_model_file *m, const struct thaw_batch_source *source,
                          bool mixed, struct thaw_error *err);

#endif
