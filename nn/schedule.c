#include "nn/schedule.h"

#include "io/base/table.h"

const struct thaw_schedule *thaw_schedule_find(const char *name, struct thaw_error *err)
{
    return thaw_table_find(thaw_schedules, name, "learning-rate schedule", err);
}
