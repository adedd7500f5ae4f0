/* What is written down of a training run: in the model file, and in run.json. */
#ifndef THAW_APPS_TRAIN_RECORD_H
#define THAW_APPS_TRAIN_RECORD_H

#include "apps/judge.h"
#include "apps/model_file.h"
#include "apps/train_data.h"
#include "apps/train_run.h"
#include "apps/train_time.h"

/* A run that is over. All borrowed. */
struct thaw_train_outcome {
    const struct thaw_train_values *values;
    const struct thaw_train_run *run;
    const struct thaw_train_data *data;
    const struct thaw_model_file *model;
    const struct thaw_blocks *blocks;
    const struct thaw_judgement *validation; /* of the weights that are saved */
    const struct thaw_decision *decision;    /* n is 0 where no threshold was chosen */
    const struct thaw_train_time *time;
    const float *before; /* thaw_train_weights at the start */
    int head;
    bool chosen; /* validation chose the weights */
};

/* All weights of the graph, one after the other; the caller frees. */
float *thaw_train_weights(const struct thaw_graph *graph, struct thaw_error *err);

/* Members of the model file's record: metrics, stages, history, drift, provenance; decision and
 * no_finding where there are such. Nothing of time, host or path. A new reference. */
json_t *thaw_train_model_record(const struct thaw_train_outcome *o, struct thaw_error *err);

/* run.json; a new reference. */
json_t *thaw_train_run_record(const struct thaw_train_outcome *o, struct thaw_error *err);

#endif
