/* Lin et al. 2017, Focal Loss for Dense Object Detection, equation 4, over a softmax: the sum over
 * classes of -target (1 - p)^gamma log p. Samples that are right with certainty count little. */
#include "nn/loss.h"

#include <math.h>

/* With l = log p: what a target of 1 costs, and its derivative by p, times p. */
static double cost(double l, double gamma, double *slope)
{
    double p = exp(l), q = -expm1(l), focus = pow(q, gamma);
    /* Towards p = 1, log p / (1 - p) is -1. */
    double ratio = q > 0 ? l / q : -1;
    *slope = focus * (gamma * p * ratio - 1);
    return -focus * l;
}

static double apply(const struct thaw_loss_options *options, const float *logits, int classes,
                    struct thaw_truth truth, float *dlogits)
{
    double top = logits[0], sum = 0, loss = 0, pull = 0, smoothing = (double)options->smoothing;
    for (int k = 1; k < classes; k++)
        top = logits[k] > top ? logits[k] : top;
    for (int k = 0; k < classes; k++)
        sum += exp(logits[k] - top);
    double log_sum = top + log(sum);
    for (int k = 0; k < classes; k++) {
        double slope, target = smoothing / classes + (k == truth.label ? 1 - smoothing : 0);
        loss += target * cost(logits[k] - log_sum, (double)options->gamma, &slope);
        pull += target * slope;
        if (dlogits)
            dlogits[k] = (float)(target * slope);
    }
    /* dp_k / dlogit_j = p_k ((k == j) - p_j) */
    for (int k = 0; dlogits && k < classes; k++)
        dlogits[k] = (float)((double)dlogits[k] - exp(logits[k] - log_sum) * pull);
    return loss;
}

const struct thaw_loss thaw_loss_focal = {.name = "focal", .takes_gamma = true, .apply = apply};
