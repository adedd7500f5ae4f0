#include "apps/train_cache.h"

#include <string.h>

int thaw_train_cache_plan(const struct thaw_train_values *v, const struct thaw_train_paths *paths,
                          struct thaw_graph *graph, struct thaw_stages *stages,
                          struct thaw_train_data *data, struct thaw_train_options *options,
                          struct thaw_error *err)
{
    bool bf16 = strcmp(v->features, "bf16") == 0;
    if (!bf16 && strcmp(v->features, "f32") != 0)
        return thaw_fail(err, THAW_EUSAGE, "--features %s: needs f32 or bf16", v->features);
    /* Without anything to change, every view shows the images as they are. */
    for (int i = 0; i < stages->n && data->augment.n == 0; i++)
        stages->stages[i].augment = false;
    options->views = (int)v->views;
    options->bf16 = bf16;
    options->cache = (struct thaw_cache_limits){.memory = v->cache_mem,
                                                .disk = v->cache_disk,
                                                .folder = paths->features,
                                                .keep = v->cache_dir != NULL};
    /* Under a limit, what is left for caches is known after the images have been looked at. */
    if (!v->mem)
        data->room = v->cache_mem - thaw_trainer_cache_bytes(graph, stages, options,
                                                             data->train.data.n, data->val.data.n);
    return 0;
}
