#include "nn/layer_conf.h"

struct conf {
    struct thaw_shape shape;
};

static int read_side(const json_t *shape, size_t i, int *side, struct thaw_error *err)
{
    const json_t *value = json_array_get(shape, i);
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < 1 || n > 1 << 26)
        return thaw_fail(err, THAW_EINPUT,
                         "side %zu is no number above 0: the sides of the input must be known", i);
    *side = (int)n;
    return 0;
}

/* [null,H,W,C], [null,H,C] or [null,C]. */
static int read_shape(void *place, const json_t *value, struct thaw_error *err)
{
    struct thaw_shape *shape = place;
    size_t n = json_array_size(value);
    if (!value)
        return 0; /* the other of the two keys has it */
    if (n < 2 || n > 4)
        return thaw_fail(err, THAW_EINPUT, "wanted a list like [null,224,224,3]");
    *shape = (struct thaw_shape){.rank = (int)n - 1, .h = 1, .w = 1};
    if (read_side(value, n - 1, &shape->c, err) || (n > 2 && read_side(value, 1, &shape->h, err)) ||
        (n > 3 && read_side(value, 2, &shape->w, err)))
        return -1;
    return 0;
}

static json_t *write_shape(const void *place)
{
    const struct thaw_shape *s = place;
    if (s->rank == 1)
        return json_pack("[ni]", s->c);
    return s->rank == 2 ? json_pack("[nii]", s->h, s->c) : json_pack("[niii]", s->h, s->w, s->c);
}

static const struct thaw_field fields[] = {{.key = "batch_input_shape",
                                            .type = THAW_FIELD_CUSTOM,
                                            .offset = offsetof(struct conf, shape),
                                            .read = read_shape,
                                            .write = write_shape},
                                           {.key = "batch_shape", /* Keras 3 */
                                            .type = THAW_FIELD_CUSTOM,
                                            .offset = offsetof(struct conf, shape),
                                            .read = read_shape,
                                            .write = thaw_conf_write_none},
                                           {.type = THAW_FIELD_END}};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    (void)in;
    (void)params;
    *out = ((const struct conf *)conf)->shape;
    *n_params = 0;
    if (n_in)
        return thaw_fail(err, THAW_EINPUT, "takes no input, has %d", n_in);
    return out->rank ? 0 : thaw_fail(err, THAW_EINPUT, "batch_input_shape is missing");
}

/* Its value is the plan's input: nothing to do. */
static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    (void)lowering;
    (void)in;
    (void)n_in;
    (void)out;
    return thaw_fail(err, THAW_EUSAGE, "%s: an input cannot stand inside a network", node->name);
}

static const char *const examples[] = {
    "{\"config\": {\"batch_input_shape\": [null, 5, 4, 3]}, \"inputs\": []}",
    "{\"config\": {\"batch_shape\": [null, 7], \"sparse\": false}, \"inputs\": []}", NULL};

const struct thaw_layer_kind thaw_layer_input_layer = {
    .name = "InputLayer",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
