#include "nn/loss.h"

#include <math.h>

#include "io/base/table.h"

const struct thaw_loss *thaw_loss_find(const char *name, struct thaw_error *err)
{
    return thaw_table_find(thaw_losses, name, "loss", err);
}

void thaw_softmax_row(const float *logits, int classes, float *probabilities)
{
    double top = logits[0], sum = 0;
    for (int k = 1; k < classes; k++)
        top = logits[k] > top ? logits[k] : top;
    for (int k = 0; k < classes; k++)
        sum += exp(logits[k] - top);
    for (int k = 0; k < classes; k++)
        probabilities[k] = (float)(exp(logits[k] - top) / sum);
}
