#include "nn/schedule.h"

#include <math.h>

static double factor(const struct thaw_moment *at)
{
    return pow(0.2, at->drops);
}

const struct thaw_schedule thaw_schedule_plateau = {
    .name = "plateau",
    .help = "a fifth whenever the validation loss has not improved for two epochs",
    .factor = factor};
