#include "nn/layer_conf.h"

static const struct thaw_field fields[] = {THAW_CONF_ACT(0), {.type = THAW_FIELD_END}};

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    (void)n_in;
    return thaw_emit_act(lowering, node, node->conf, in[0], out, err);
}

static const char *const examples[] = {
    "{\"config\": {\"activation\": \"relu\"}, \"inputs\": [[4, 5, 20]]}",
    "{\"config\": {\"activation\": \"relu6\"}, \"inputs\": [[4, 5, 3]]}",
    "{\"config\": {\"activation\": \"sigmoid\"}, \"inputs\": [[9]]}",
    "{\"config\": {\"activation\": \"tanh\"}, \"inputs\": [[3, 4, 17]]}",
    "{\"config\": {\"activation\": \"softplus\"}, \"inputs\": [[4, 4, 8]]}",
    "{\"config\": {\"activation\": \"elu\"}, \"inputs\": [[4, 3, 33]]}",
    "{\"config\": {\"activation\": \"swish\"}, \"inputs\": [[5, 4, 20]]}",
    "{\"config\": {\"activation\": \"gelu\"}, \"inputs\": [[3, 3, 16]]}",
    "{\"config\": {\"activation\": \"hard_sigmoid\"}, \"inputs\": [[4, 4, 20]]}",
    "{\"config\": {\"activation\": \"hard_sigmoid_3\"}, \"inputs\": [[4, 4, 20]]}",
    "{\"config\": {\"activation\": \"hard_swish\"}, \"inputs\": [[4, 5, 12]]}",
    "{\"config\": {\"activation\": \"selu\"}, \"inputs\": [[3, 5, 10]]}",
    "{\"config\": {\"activation\": \"softsign\"}, \"inputs\": [[3, 5, 10]]}",
    "{\"config\": {\"activation\": \"exponential\"}, \"inputs\": [[20]]}",
    "{\"config\": {\"activation\": \"leaky_relu\"}, \"inputs\": [[4, 4, 18]]}",
    "{\"config\": {\"activation\": \"mish\"}, \"inputs\": [[3, 3, 19]]}",
    "{\"config\": {\"activation\": \"linear\"}, \"inputs\": [[3, 2, 5]]}",
    "{\"config\": {\"activation\": \"softmax\"}, \"inputs\": [[3, 4, 20]]}",
    "{\"config\": {\"activation\": \"log_softmax\"}, \"inputs\": [[11]]}",
    NULL};

const struct thaw_layer_kind thaw_layer_activation = {
    .name = "Activation",
    .fields = fields,
    .conf_size = sizeof(struct thaw_layer_act),
    .infer = thaw_infer_same,
    .lower = lower,
    .examples = examples,
};
