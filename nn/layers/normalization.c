#include "nn/layer_conf.h"

#include <math.h>
#include <stdlib.h>

#include "io/base/mem.h"

struct conf {
    int axis;
    struct thaw_numbers mean, variance; /* n == 0: weights */
    float *both; /* [2][channels], scale and offset that the operation reads; made by lower() */
};

static int read_numbers(void *place, const json_t *value, struct thaw_error *err)
{
    return !value || json_is_null(value) ? 0 : thaw_numbers_read(place, value, err);
}

static json_t *write_numbers(const void *place)
{
    return thaw_numbers_write(place);
}

static const struct thaw_field fields[] = {{.key = "axis",
                                            .type = THAW_FIELD_CUSTOM,
                                            .offset = offsetof(struct conf, axis),
                                            .read = thaw_conf_read_axis,
                                            .write = thaw_conf_write_axis},
                                           {.key = "mean",
                                            .type = THAW_FIELD_CUSTOM,
                                            .offset = offsetof(struct conf, mean),
                                            .read = read_numbers,
                                            .write = write_numbers},
                                           {.key = "variance",
                                            .type = THAW_FIELD_CUSTOM,
                                            .offset = offsetof(struct conf, variance),
                                            .read = read_numbers,
                                            .write = write_numbers},
                                           THAW_CONF_OFF("invert"),
                                           {.type = THAW_FIELD_END}};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    const struct conf *c = conf;
    *n_params = 0;
    if (thaw_one_input(n_in, err) || thaw_last_axis(c->axis, in[0], err))
        return -1;
    *out = in[0];
    if ((c->mean.n == 0) != (c->variance.n == 0))
        return thaw_fail(err, THAW_EINPUT, "of mean and variance one is given and one is null");
    if (c->mean.n == 0) {
        params[0] = thaw_vector_param("mean", in[0].c, THAW_INIT_ZEROS, false);
        params[1] = thaw_vector_param("variance", in[0].c, THAW_INIT_ONES, false);
        params[2] = thaw_vector_param("count", 0, THAW_INIT_ZEROS, false);
        params[2].rank = 0;
        *n_params = 3;
        return 0;
    }
    if ((c->mean.n != 1 && c->mean.n != in[0].c) ||
        (c->variance.n != 1 && c->variance.n != in[0].c))
        return thaw_fail(err, THAW_EINPUT,
                         "mean has %d numbers and variance %d; wanted 1 or the %d of the channels",
                         c->mean.n, c->variance.n, in[0].c);
    return 0;
}

static float at(const struct thaw_numbers *numbers, int i)
{
    return numbers->values[numbers->n > 1 ? i : 0];
}

/* y = (x - mean) / max(sqrt(variance), 1e-7), Keras' rule. Weights of this layer change by loading
 * only, so the plan may read them once. */
static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    struct conf *c = node->conf;
    int n = node->shape.c;
    if (!c->both && !(c->both = thaw_new(2 * (size_t)n, sizeof *c->both, err)))
        return -1;
    for (int i = 0; i < n; i++) {
        float mean = c->mean.n ? at(&c->mean, i) : node->params[0].data[i];
        float variance = c->mean.n ? at(&c->variance, i) : node->params[1].data[i];
        float deviation = fmaxf(sqrtf(variance), 1e-7f);
        c->both[i] = 1 / deviation;
        c->both[n + i] = -mean / deviation;
    }
    struct thaw_affine affine = {.scale = c->both, .offset = c->both + n, .n_constants = n};
    return thaw_emit_plain(lowering, &thaw_op_affine, &affine, node, in, n_in, out, err);
}

static void release(void *conf)
{
    struct conf *c = conf;
    free(c->mean.values);
    free(c->variance.values);
    free(c->both);
}

static const char *const examples[] = {"{\"config\": {\"mean\": [0.1, 0.2, 0.3], \"variance\": "
                                       "[1.0, 2.0, 3.0]}, \"inputs\": [[4, 5, 3]]}",
                                       "{\"config\": {\"axis\": -1, \"mean\": null, \"variance\": "
                                       "null, \"invert\": false}, \"inputs\": [[3, 4, 20]]}",
                                       "{\"config\": {\"axis\": [1], \"mean\": [0.5, -1, 2, 0.25], "
                                       "\"variance\": 0.25}, \"inputs\": [[4]]}",
                                       NULL};

const struct thaw_layer_kind thaw_layer_normalization = {
    .name = "Normalization",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .infer = infer,
    .lower = lower,
    .release = release,
    .examples = examples,
};
