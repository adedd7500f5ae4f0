#include "nn/layer_conf.h"

struct target {
    int rank, sides[3]; /* one of them may be -1: what is left */
};

static int read_target(void *place, const json_t *value, struct thaw_error *err)
{
    struct target *target = place;
    size_t n = json_array_size(value);
    if (n < 1 || n > 3)
        return thaw_fail(err, THAW_EINPUT, "wanted a list of one to three numbers");
    target->rank = (int)n;
    for (size_t i = 0; i < n; i++) {
        json_int_t side = json_integer_value(json_array_get(value, i));
        if ((side < 1 && side != -1) || side > 1 << 26)
            return thaw_fail(err, THAW_EINPUT, "wanted numbers above 0, or -1 for what is left");
        target->sides[i] = (int)side;
    }
    return 0;
}

static json_t *write_target(const void *place)
{
    const struct target *target = place;
    json_t *list = json_array();
    for (int i = 0; list && i < target->rank; i++)
        json_array_append_new(list, json_integer(target->sides[i]));
    return list;
}

static const struct thaw_field fields[] = {{.key = "target_shape",
                                            .type = THAW_FIELD_CUSTOM,
                                            .required = true,
                                            .read = read_target,
                                            .write = write_target},
                                           {.type = THAW_FIELD_END}};

/* Replaces a -1, and checks that the elements are as many as before. */
static int resolve(struct target *target, size_t count, struct thaw_error *err)
{
    size_t known = 1;
    int *open = NULL;
    for (int i = 0; i < target->rank; i++) {
        if (target->sides[i] > 0)
            known *= (size_t)target->sides[i]; /* at most 2^78: checked below before it wraps */
        else if (open)
            return thaw_fail(err, THAW_EINPUT, "target_shape has more than one -1");
        else
            open = &target->sides[i];
        if (known > count)
            break;
    }
    if (known > count || count % known || (!open && known != count))
        return thaw_fail(err, THAW_EINPUT, "%zu elements do not fit target_shape", count);
    if (open)
        *open = (int)(count / known);
    return 0;
}

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    struct target target = *(const struct target *)conf;
    (void)params;
    *n_params = 0;
    if (thaw_one_input(n_in, err) || resolve(&target, thaw_shape_count(in[0]), err))
        return -1;
    *out = (struct thaw_shape){.rank = target.rank, .h = 1, .w = 1};
    out->c = target.sides[target.rank - 1];
    if (target.rank > 1)
        out->h = target.sides[0];
    if (target.rank > 2)
        out->w = target.sides[1];
    return 0;
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    return thaw_emit_plain(lowering, &thaw_op_reshape, NULL, node, in, n_in, out, err);
}

static const char *const examples[] = {
    "{\"config\": {\"target_shape\": [1, 1, 20]}, \"inputs\": [[20]]}",
    "{\"config\": {\"target_shape\": [-1]}, \"inputs\": [[3, 4, 20]]}",
    "{\"config\": {\"target_shape\": [4, -1, 6]}, \"inputs\": [[3, 4, 12]]}",
    "{\"config\": {\"target_shape\": [6, 10]}, \"inputs\": [[3, 2, 10]]}", NULL};

const struct thaw_layer_kind thaw_layer_reshape = {
    .name = "Reshape",
    .fields = fields,
    .conf_size = sizeof(struct target),
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
