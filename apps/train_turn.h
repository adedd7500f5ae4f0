/* One of several training runs on the same images: what `thaw cv` asks of `thaw train`. */
#ifndef THAW_APPS_TRAIN_TURN_H
#define THAW_APPS_TRAIN_TURN_H

#include "apps/model_file.h"
#include "apps/train_data.h"

struct thaw_train_turn {
    const struct thaw_train_data *all; /* gathered, and every file can be read */
    const bool *learns;                /* [images]: divided into training and validation */
    float *probabilities;              /* [images][classes]: the run fills the rows of the others */
};

/* A whole run, with everything in its folder v->run, that judges the images it was not given. Lines
 * go to its log alone, nothing to standard output. `data` names the folder or table. */
int thaw_train_turn_run(struct thaw_train_values *v, const char *data,
                        const struct thaw_train_turn *turn, struct thaw_error *err);

/* The part of it that judges: the images that the run was not given, by the finished model. */
int thaw_train_turn_judge(const struct thaw_train_turn *turn, const struct thaw_model_file *model,
                          struct thaw_error *err);

#endif
