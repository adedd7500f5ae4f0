#include "nn/schedule.h"

#include <math.h>

/* Smith 2018 with the numbers PyTorch and fastai use: up over the first 0.3 from 1/25, then down to
 * 1/250000, both along a half cosine. */
static double factor(const struct thaw_moment *at)
{
    const double rise = 0.3, start = 1.0 / 25, end = start * 1e-4;
    if (at->done < rise)
        return start + (1 - start) * 0.5 * (1 - cos(M_PI * at->done / rise));
    return end + (1 - end) * 0.5 * (1 + cos(M_PI * (at->done - rise) / (1 - rise)));
}

const struct thaw_schedule thaw_schedule_onecycle = {
    .name = "onecycle",
    .help = "up for 30 % of the stage, then down to almost 0",
    .factor = factor};
