#include "nn/layer_conf.h"

static const struct thaw_field fields[] = {{.key = "alpha",
                                            .type = THAW_FIELD_FLOAT,
                                            .offset = offsetof(struct thaw_act, slope),
                                            .preset = 1,
                                            .max = 1e6},
                                           {.type = THAW_FIELD_END}};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    (void)conf;
    (void)params;
    *n_params = 0;
    if (thaw_one_input(n_in, err))
        return -1;
    *out = in[0];
    return 0;
}

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
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
