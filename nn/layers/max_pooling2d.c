#include "nn/layer_pool.h"

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    return thaw_pool_lower(lowering, node, true, in, n_in, out, err);
}

static const char *const aliases[] = {"MaxPool2D", NULL};

static const char *const examples[] = {
    "{\"config\": {}, \"inputs\": [[6, 8, 20]]}",
    "{\"config\": {\"pool_size\": [3, 3], \"strides\": [2, 2], \"padding\": \"same\"}, \"inputs\": "
    "[[8, 7, 33]]}",
    "{\"config\": {\"pool_size\": 3, \"strides\": null}, \"inputs\": [[7, 8, 3]]}",
    "{\"config\": {\"pool_size\": [2, 3], \"strides\": [1, 2], \"padding\": \"same\"}, \"inputs\": "
    "[[5, 5, 16]]}",
    "{\"config\": {\"pool_size\": [5, 5], \"strides\": [1, 1], \"padding\": \"same\"}, \"inputs\": "
    "[[3, 4, 8]]}",
    "{\"config\": {\"pool_size\": [1, 1], \"strides\": [2, 2]}, \"inputs\": [[5, 6, 10]]}",
    NULL};

const struct thaw_layer_kind thaw_layer_max_pooling2d = {
    .name = "MaxPooling2D",
    .aliases = aliases,
    .fields = thaw_pool_fields,
    .conf_size = sizeof(struct thaw_pool_conf),
    .infer = thaw_pool_infer,
    .lower = lower,
    .examples = examples,
};
