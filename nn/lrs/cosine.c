#include "nn/schedule.h"

#include <math.h>

static double factor(const struct thaw_moment *at)
{
    return 0.5 * (1 + cos(M_PI * at->done));
}

const struct thaw_schedule thaw_schedule_cosine = {
    .name = "cosine", .help = "half a cosine from the rate down to 0", .factor = factor};
