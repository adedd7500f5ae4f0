#include "nn/layer_conf.h"

#include <stdlib.h>

#include "io/base/mem.h"

struct conf {
    struct thaw_numbers scale, offset;
    float *both; /* [2][channels or 1], what the operation reads; made by lower() */
};

static int read_scale(void *place, const json_t *value, struct thaw_error *err)
{
    return thaw_numbers_read(place, value, err);
}

static int read_offset(void *place, const json_t *value, struct thaw_error *err)
{
    json_t *zero = value ? NULL : json_integer(0);
    int rc = thaw_numbers_read(place, value ? value : zero, err);
    json_decref(zero);
    return rc;
}

static json_t *write_numbers(const void *place)
{
    return thaw_numbers_write(place);
}

static const struct thaw_field fields[] = {{.key = "scale",
                                            .type = THAW_FIELD_CUSTOM,
                                            .offset = offsetof(struct conf, scale),
                                            .required = true,
                                            .read = read_scale,
                                            .write = write_numbers},
                                           {.key = "offset",
                                            .type = THAW_FIELD_CUSTOM,
                                            .offset = offsetof(struct conf, offset),
                                            .read = read_offset,
                                            .write = write_numbers},
                                           {.type = THAW_FIELD_END}};

static int infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err)
{
    const struct conf *c = conf;
    (void)params;
    *n_params = 0;
    if (thaw_one_input(n_in, err))
        return -1;
    if ((c->scale.n != 1 && c->scale.n != in[0].c) || (c->offset.n != 1 && c->offset.n != in[0].c))
        return thaw_fail(err, THAW_EINPUT,
                         "scale has %d numbers and offset %d; wanted 1 or the %d of the channels",
                         c->scale.n, c->offset.n, in[0].c);
    *out = in[0];
    return 0;
}

static int lower(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err)
{
    struct conf *c = node->conf;
    int n = c->scale.n > c->offset.n ? c->scale.n : c->offset.n;
    if (!c->both && !(c->both = thaw_new(2 * (size_t)n, sizeof *c->both, err)))
        return -1;
    for (int i = 0; i < n; i++) {
        c->both[i] = c->scale.values[c->scale.n > 1 ? i : 0];
        c->both[n + i] = c->offset.values[c->offset.n > 1 ? i : 0];
    }
    struct thaw_affine affine = {.scale = c->both, .offset = c->both + n, .n_constants = n};
    return thaw_emit_plain(lowering, &thaw_op_affine, &affine, node, in, n_in, out, err);
}

static void release(void *conf)
{
    struct conf *c = conf;
    free(c->scale.values);
    free(c->offset.values);
    free(c->both);
}

static const char *const examples[] = {
    "{\"config\": {\"scale\": 0.00784313725490196, \"offset\": -1.0}, \"inputs\": [[4, 5, 3]]}",
    "{\"config\": {\"scale\": [0.5, 2.0, -1.5], \"offset\": [0.1, 0.2, 0.3]}, \"inputs\": [[3, 4, "
    "3]]}",
    "{\"config\": {\"scale\": 3, \"offset\": [0, 1, 2, 3, 4]}, \"inputs\": [[5]]}",
    "{\"config\": {\"scale\": 0.25}, \"inputs\": [[3, 3, 20]]}", NULL};

const struct thaw_layer_kind thaw_layer_rescaling = {
    .name = "Rescaling",
    .fields = fields,
    .conf_size = sizeof(struct conf),
    .infer = infer,
    .lower = lower,
    .release = release,
    .examples = examples,
};
