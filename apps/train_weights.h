/* What classes and labels weigh in the loss of a training run. */
#ifndef THAW_APPS_TRAIN_WEIGHTS_H
#define THAW_APPS_TRAIN_WEIGHTS_H

#include "apps/say.h"
#include "apps/train_options.h"
#include "nn/train.h"
#include "vision/dataset.h"

/* weights[labels][2] of an absent and a present label, of mean 1 over the training images; share:
 * part of the images in which each holds. Their ratio is, "auto": that of absent to present ones,
 * so that both count as much in all; "none": 1; or from a list of numbers. */
int thaw_train_label_weights(const char *text, const double *share, int labels, float *weights,
                             struct thaw_error *err);

/* --class-weights for these images as --sampler draws them, into the trainer's options, which then
 * point to *weights (the caller frees). Says what came out, where that is uneven. */
int thaw_train_weigh(const struct thaw_train_values *v, const struct thaw_dataset *data,
                     struct thaw_train_options *options, float **weights, struct thaw_say *say,
                     struct thaw_error *err);

#endif
