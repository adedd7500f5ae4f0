#include "nn/layer_conf.h"

#define AT(member) offsetof(struct thaw_act, member)

/* Keras 2 calls the slope alpha, Keras 3 negative_slope and takes both; 0.3 without either. */
static int read_slope(float *slope, const json_t *value, struct thaw_error *err)
{
    if (!value)
        return 0;
    *slope = (float)json_number_value(value);
    return json_is_number(value) && *slope >= 0 && *slope <= 1e6f
               ? 0
               : thaw_fail(err, THAW_EINPUT, "wanted a number of at least 0");
}

static int read_alpha(void *place, const json_t *value, struct thaw_error *err)
{
    *(float *)place = 0.3f;
    return read_slope(place, value, err);
}

static int read_negative_slope(void *place, const json_t *value, struct thaw_error *err)
{
    return read_slope(place, value, err);
}

static json_t *write_alpha(const void *place)
{
    return thaw_json_float(*(const float *)place);
}

static const struct thaw_field fields[] = {{.key = "alpha",
                                            .type = THAW_FIELD_CUSTOM,
                                            .offset = AT(slope),
                                            .read = read_alpha,
                                            .write = write_alpha},
                                           {.key = "negative_slope",
                                            .type = THAW_FIELD_CUSTOM,
                                            .offset = AT(slope),
                                            .read = read_negative_slope,
                                            .write = thaw_conf_write_none},
                                           {.type = THAW_FIELD_END}};

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    struct thaw_layer_act act = {.softmax = THAW_NO_SOFTMAX};
    (void)n_in;
    if (thaw_act_find(&act.act, "relu", err))
        return -1;
    act.act.slope = ((const struct thaw_act *)node->conf)->slope;
    return thaw_emit_act(lowering, node, &act, in[0], out, err);
}

static const char *const examples[] = {
    "{\"config\": {}, \"inputs\": [[4, 5, 20]]}",
    "{\"config\": {\"alpha\": 0.1}, \"inputs\": [[3, 4, 3]]}",
    "{\"config\": {\"negative_slope\": 0.05}, \"inputs\": [[9]]}", NULL};

const struct thaw_layer_kind thaw_layer_leaky_relu = {
    .name = "LeakyReLU",
    .fields = fields,
    .conf_size = sizeof(struct thaw_act),
    .infer = thaw_infer_same,
    .lower = lower,
    .examples = examples,
};
