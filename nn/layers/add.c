#include "nn/layer_conf.h"

static const struct thaw_field fields[] = {{.type = THAW_FIELD_END}};

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    struct thaw_combine combine = {.product = false};
    return thaw_emit_plain(lowering, &thaw_op_combine, &combine, node, in, n_in, out, err);
}

static const char *const examples[] = {
    "{\"config\": {}, \"inputs\": [[4, 5, 20], [4, 5, 20]]}",
    "{\"config\": {}, \"inputs\": [[4, 3, 33], [1, 1, 33]]}",
    "{\"config\": {}, \"inputs\": [[7], [7], [7]]}",
    "{\"config\": {}, \"inputs\": [[3, 1, 16], [3, 4, 16], [3, 4, 1]]}",
    "{\"config\": {}, \"inputs\": [[5, 4, 3], [5, 4, 3]]}",
    "{\"config\": {}, \"inputs\": [[4, 4, 32], [4, 4, 32], [1, 1, 32]]}",
    NULL};

const struct thaw_layer_kind thaw_layer_add = {
    .name = "Add",
    .fields = fields,
    .infer = thaw_infer_combined,
    .lower = lower,
    .examples = examples,
};
