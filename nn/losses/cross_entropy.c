#include "nn/loss.h"

#include <math.h>

static double apply(const struct thaw_loss_options *options, const float *logits, int classes,
                    struct thaw_truth truth, float *dlogits)
{
    double top = logits[0], sum = 0, loss = 0, smoothing = (double)options->smoothing;
    for (int k = 1; k < classes; k++)
        top = logits[k] > top ? logits[k] : top;
    for (int k = 0; k < classes; k++)
        sum += exp(logits[k] - top);
    double log_sum = top + log(sum);
    for (int k = 0; k < classes; k++) {
        double target = smoothing / classes + (k == truth.label ? 1 - smoothing : 0);
        loss += target * (log_sum - logits[k]);
        if (dlogits)
            dlogits[k] = (float)(exp(logits[k] - log_sum) - target);
    }
    return loss;
}

const struct thaw_loss thaw_loss_cross_entropy = {.name = "cross_entropy", .apply = apply};
