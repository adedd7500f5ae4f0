/* The end of a training run: what is saved of it, and what is said. */
#ifndef THAW_APPS_TRAIN_OUTCOME_H
#define THAW_APPS_TRAIN_OUTCOME_H

#include "apps/train_record.h"

/* The model with its record, and run.json, which is printed, too, when --json was given. */
int thaw_train_outcome_save(const struct thaw_train_outcome *o, struct thaw_error *err);

/* The last lines of the run; `print`: the report of the validation, too, to stdout. */
void thaw_train_outcome_say(const struct thaw_train_outcome *o, bool print, struct thaw_say *say);

#endif
