#include "nn/optimizer.h"

#include "io/base/table.h"

const struct thaw_optimizer *thaw_optimizer_find(const char *name, struct thaw_error *err)
{
    return thaw_table_find(thaw_optimizers, name, "optimiser", err);
}

struct thaw_optimizer_options thaw_optimizer_presets(void)
{
    return (struct thaw_optimizer_options){
        .momentum = 0.9f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f};
}
