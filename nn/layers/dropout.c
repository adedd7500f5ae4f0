#include "nn/layer_conf.h"

struct conf {
    float rate;
    int noise_rank; /* of noise_shape, with the batch: samples are dropped whole; 0 = null */
};

/* null (every element by itself) or [null,1,1,1] (whole samples: stochastic depth). */
static int read_noise(void *place, const json_t *value, struct thaw_error *err)
{
    int *rank = place;
    size_t n = json_array_size(value);
    *rank = 0;
    if (!value || json_is_null(value))
        return 0;
    bool good = n >= 2 && n <= 4 && json_is_null(json_array_get(value, 0));
    for (size_t i = 1; good && i < n; i++)
        good = json_integer_value(json_array_get(value, i)) == 1;
    *rank = (int)n;
    return good ? 0 : thaw_fail(err, THAW_EINPUT, "wanted null or [null,1,1,1]");
}

static json_t *write_noise(const void *place)
{
    int rank = *(const int *)place;
    if (!rank)
        return NULL;
    json_t *list = json_pack("[n]");
    for (int i = 1; list && i < rank; i++)
        json_array_append_new(list, json_integer(1));
    return list;
}

#define AT(member) offsetof(struct conf, member)
static const struct thaw_field fields[] = {
    {.key = "rate", .type = THAW_FIELD_FLOAT, .offset = AT(rate), .required = true, .max = 1},
    {.key = "noise_shape",
     .type = THAW_FIELD_CUSTOM,
     .offset = AT(noise_rank),
     .read = read_noise,
     .write = write_noise},
    {.type = THAW_FIELD_END}};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    const struct conf *c = conf;
    (void)params;
    *n_params = 0;
    if (thaw_one_input(n_in, err))
        return -1;
    if (c->rate >= 1)
        return thaw_fail(err, THAW_EINPUT, "rate 1 would drop everything");
    if (c->noise_rank && c->noise_rank != in[0].rank + 1)
        return thaw_fail(err, THAW_EINPUT,
                         "noise_shape has %d numbers, the input %d with the batch", c->noise_rank,
                         in[0].rank + 1);
    *out = in[0];
    return 0;
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    const struct conf *c = node->conf;
    struct thaw_dropout dropout = {.rate = c->rate, .per_sample = c->noise_rank > 0};
    return thaw_emit_plain(lowering, &thaw_op_dropout, &dropout, node, in, n_in, out, err);
}

static const char *const examples[] = {
    "{\"config\": {\"rate\": 0.3, \"noise_shape\": null, \"seed\": null}, \"inputs\": [[20]]}",
    "{\"config\": {\"rate\": 0.5}, \"inputs\": [[4, 3, 9]]}",
    "{\"config\": {\"rate\": 0.2, \"noise_shape\": [null, 1, 1, 1]}, \"inputs\": [[3, 3, 33]]}",
    NULL};

const struct thaw_layer_kind thaw_layer_dropout = {
    .name = "Dropout",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .infer = infer,
    .lower = lower,
    .examples = examples,
};
