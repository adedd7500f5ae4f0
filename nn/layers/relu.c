#include "nn/layer_conf.h"

#include <math.h>

/* Also read where the layer stands as an activation: the numbers are those of struct thaw_act. */
#define AT(member) offsetof(struct thaw_act, member)
static const struct thaw_field fields[] = {
    {.key = "max_value",
     .type = THAW_FIELD_FLOAT,
     .offset = AT(max),
     .preset = INFINITY,
     .nullable = true},
    {.key = "negative_slope", .type = THAW_FIELD_FLOAT, .offset = AT(slope), .nullable = true},
    {.key = "threshold", .type = THAW_FIELD_FLOAT, .offset = AT(threshold), .nullable = true},
    {.type = THAW_FIELD_END}};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    const struct thaw_act *c = conf;
    if (c->max < 0 || c->slope < 0)
        return thaw_fail(err, THAW_EINPUT, "max_value %g and negative_slope %g cannot be negative",
                         (double)c->max, (double)c->slope);
    return thaw_infer_same(conf, in, n_in, out, params, n_params, err);
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    struct thaw_layer_act act = {.softmax = THAW_NO_SOFTMAX};
    const struct thaw_act *c = node->conf;
    (void)n_in;
    if (thaw_act_find(&act.act, "relu", err))
        return -1;
    act.act.max = c->max;
    act.act.slope = c->slope;
    act.act.threshold = c->threshold;
    return thaw_emit_act(lowering, node, &act, in[0], out, err);
}

static const char *const examples[] = {
    "{\"config\": {}, \"inputs\": [[4, 5, 20]]}",
    "{\"config\": {\"max_value\": 6.0}, \"inputs\": [[3, 4, 33]]}",
    "{\"config\": {\"max_value\": 0.8, \"negative_slope\": 0.1, \"threshold\": 0.2}, \"inputs\": "
    "[[4, 4, 7]]}",
    "{\"config\": {\"negative_slope\": 0.25}, \"inputs\": [[10]]}",
    "{\"config\": {\"threshold\": 0.5}, \"inputs\": [[4, 3, 3]]}",
    NULL};

const struct thaw_layer_kind thaw_layer_relu = {
    .name = "ReLU",
    .fields = fields,
    .conf_size = sizeof(struct thaw_act),
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
