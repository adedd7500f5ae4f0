/* Losses over logits, one sample at a time; one file each in losses/. */
#ifndef THAW_NN_LOSS_H
#define THAW_NN_LOSS_H

#include <stdbool.h>

#include "io/base/error.h"

struct thaw_loss_options {
    /* In [0, 1). Of a choice among classes the target is (1 - smoothing) at the label plus
     * smoothing / classes; of a label by itself, (1 - smoothing) times 0 or 1 plus smoothing / 2.
     */
    float smoothing;
    float gamma; /* of focal losses, 0 and up */
    /* Of losses by label: what each weighs where it is absent and where it holds, [classes][2];
     * NULL: all 1. A choice among classes is weighed as a whole, by whoever asks. */
    const float *label_weights;
};

/* What is true of a sample. */
struct thaw_truth {
    int label;            /* its class */
    const float *targets; /* for losses by label: [classes], 1 where the label holds, else 0 */
};

struct thaw_loss {
    const char *name;
    /* False: one choice among the classes (softmax). True: each class is a label that holds or not,
     * whatever the others do (sigmoids); the loss is the mean over the labels. */
    bool by_label;
    bool takes_gamma;
    /* Loss of one sample and its gradient with respect to the logits [classes] (dlogits may be
     * NULL). */
    double (*apply)(const struct thaw_loss_options *options, const float *logits, int classes,
                    struct thaw_truth truth, float *dlogits);
};

extern const struct thaw_loss *const thaw_losses[];
const struct thaw_loss *thaw_loss_find(const char *name, struct thaw_error *err);

/* Text: "cross_entropy", or "focal" with an optional ":gamma=NUMBER" (2 without it). By label, the
 * loss is the binary one of that name. Sets options->gamma. */
const struct thaw_loss *thaw_loss_parse(const char *text, bool by_label,
                                        struct thaw_loss_options *options, struct thaw_error *err);

/* Probabilities, computed in double. */
void thaw_softmax_row(const float *logits, int classes, float *probabilities);
void thaw_sigmoid_row(const float *logits, int classes, float *probabilities);

/* The focal loss by label (Lin et al. 2017, Focal Loss for Dense Object Detection, equation 4):
 * -(1 - p)^gamma log p with p the sigmoid of the logit where the label holds, of the negative logit
 * where it does not. Cross-entropy with a gamma of 0. */
double thaw_loss_by_label(const struct thaw_loss_options *options, double gamma,
                          const float *logits, int classes, const float *targets, float *dlogits);

#endif
