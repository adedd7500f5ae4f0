/* Each label by itself: -log p where it holds, -log(1 - p) where it does not. */
#include "nn/loss.h"

static double apply(const struct thaw_loss_options *options, const float *logits, int classes,
                    struct thaw_truth truth, float *dlogits)
{
    return thaw_loss_by_label(options, 0, logits, classes, truth.targets, dlogits);
}

const struct thaw_loss thaw_loss_binary_cross_entropy = {
    .name = "binary_cross_entropy", .by_label = true, .apply = apply};
