/* The focal loss as it was published: each label by itself. */
#include "nn/loss.h"

static double apply(const struct thaw_loss_options *options, const float *logits, int classes,
                    struct thaw_truth truth, float *dlogits)
{
    return thaw_loss_by_label(options, (double)options->gamma, logits, classes, truth.targets,
                              dlogits);
}

const struct thaw_loss thaw_loss_binary_focal = {
    .name = "binary_focal", .by_label = true, .takes_gamma = true, .apply = apply};
