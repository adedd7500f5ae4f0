/* Losses over logits, one sample at a time; one file each in losses/. */
#ifndef THAW_NN_LOSS_H
#define THAW_NN_LOSS_H

#include "io/base/error.h"

struct thaw_loss {
    const char *name;
    /* Loss of one sample and its gradient with respect to the logits [classes] (dlogits may be
     * NULL). smoothing in [0, 1): the target is (1 - smoothing) at the label plus smoothing /
     * classes. */
    double (*apply)(const float *logits, int classes, int label, float smoothing, float *dlogits);
};

extern const struct thaw_loss *const thaw_losses[];
const struct thaw_loss *thaw_loss_find(const char *name, struct thaw_error *err);

/* Probabilities, computed in double. */
void thaw_softmax_row(const float *logits, int classes, float *probabilities);

#endif
