/* Where the time of a training run goes. */
#ifndef THAW_APPS_TRAIN_TIME_H
#define THAW_APPS_TRAIN_TIME_H

#include "apps/train_data.h"
#include "apps/train_run.h"

/* Since this program was started (a resumed run counts from there). The four shares are those of
 * the computing thread, on which the run's length hangs, and sum to 1. */
struct thaw_train_time {
    double seconds; /* of the wall clock */
    /* In executors and the optimiser. */
    double compute;
    /* Waiting for the loader, divided as its threads' work was; decode has the first look at every
     * file as well. Decoding that ends before anyone waits for it costs nothing here. */
    double decode, augment;
    double other;                    /* all the rest */
    struct thaw_loader_times loader; /* in seconds: what its threads did, whoever waited */
};

/* `more` and `computed`: what was loaded and computed after the trainer's end. */
struct thaw_train_time thaw_train_time_take(const struct thaw_train_run *run,
                                            struct thaw_train_data *data,
                                            const struct thaw_loader_times *more, double computed);

/* "time" of run.json; a new reference, or NULL when out of memory. */
json_t *thaw_train_time_json(const struct thaw_train_time *time);

void thaw_train_time_say(const struct thaw_train_time *time, struct thaw_say *say);

#endif
