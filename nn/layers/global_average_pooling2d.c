#include "nn/layer_pool.h"

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    return thaw_global_pool_lower(lowering, node, false, in, n_in, out, err);
}

static const char *const aliases[] = {"GlobalAveragePool2D", NULL};

static const char *const examples[] = {
    "{\"config\": {}, \"inputs\": [[5, 7, 20]]}",
    "{\"config\": {\"keepdims\": true}, \"inputs\": [[4, 4, 33]]}",
    "{\"config\": {\"keepdims\": false}, \"inputs\": [[6, 3, 3]]}", NULL};

const struct thaw_layer_kind thaw_layer_global_average_pooling2d = {
    .name = "GlobalAveragePooling2D",
    .aliases = aliases,
    .fields = thaw_global_pool_fields,
    .conf_size = sizeof(bool),
    .infer = thaw_global_pool_infer,
    .lower = lower,
    .examples = examples,
};
