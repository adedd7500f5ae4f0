/* Learning-rate schedules: one file each in lrs/. */
#ifndef THAW_NN_SCHEDULE_H
#define THAW_NN_SCHEDULE_H

#include "io/base/error.h"

struct thaw_moment {
    double done; /* share of the stage behind us after the warm-up, 0 .. 1 */
    int drops;   /* plateau: how often validation has stalled so far */
};

struct thaw_schedule {
    const char *name;
    const char *help;
    double (*factor)(const struct thaw_moment *at); /* of the stage's rate, 0 .. 1 */
};

extern const struct thaw_schedule *const thaw_schedules[];
const struct thaw_schedule *thaw_schedule_find(const char *name, struct thaw_error *err);

#endif
