#include "nn/layer_conf.h"

static const struct thaw_field fields[] = {{.key = "alpha",
                                            .type = THAW_FIELD_FLOAT,
                                            .offset = offsetof(struct thaw_act, slope),
                                            .preset = 1,
                                            .max = 1e6},
                                           {.type = THAW_FIELD_END}};

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    struct thaw_layer_act act = {.softmax = THAW_NO_SOFTMAX};
    (void)n_in;
    if (thaw_act_find(&act.act, "elu", err))
        return -1;
    act.act.slope = ((const struct thaw_act *)node->conf)->slope;
    return thaw_emit_act(lowering, node, &act, in[0], out, err);
}

static const char *const examples[] = {"{\"config\": {}, \"inputs\": [[4, 5, 20]]}",
                                       "{\"config\": {\"alpha\": 0.7}, \"inputs\": [[3, 4, 3]]}",
                                       NULL};

const struct thaw_layer_kind thaw_layer_elu = {
    .name = "ELU",
    .fields = fields,
    .conf_size = sizeof(struct thaw_act),
    .infer = thaw_infer_same,
    .lower = lower,
    .examples = examples,
};
