/* Convolution, depthwise convolution, dense. A folded batch norm y = k x + b turns the map W, c
 * into W k, b + c k, exactly; so it needs no pass of its own, and no saved activation, even while
 * it trains: gradients of W k and b are turned into those of W, c, gamma and beta once a batch. */
#include "nn/ops.h"

#include <stdlib.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "nn/dnnl/prim.h"
#include "nn/kernels/kernels.h"
#include "nn/ops/affine.h"

struct state {
    struct thaw_conv *conv;
    size_t out_floats; /* of n samples, in the output's layout */
    size_t rows;       /* of the kernel seen as a matrix [rows, channels] */
    int channels;      /* outputs */
    float *k, *b;      /* [channels]: the folded norm, k and the bias that results */
    float *kernel;     /* W k, while it is needed; NULL without a norm */
    float *dkernel, *dk, *dbias;
};

static void release(void *state)
{
    struct state *s = state;
    if (!s)
        return;
    thaw_conv_free(s->conv);
    free(s->k);
    free(s->b);
    free(s->kernel);
    free(s->dkernel);
    free(s->dk);
    free(s->dbias);
    free(s);
}

static bool wants_data(const struct thaw_op *op, const struct thaw_op_env *env)
{
    return env->training && op->backward && env->values[op->in[0]].has_grad;
}

static int prepare(const struct thaw_op *op, struct thaw_op_env *env, void **state,
                   struct thaw_error *err)
{
    const struct thaw_value *in = &env->values[op->in[0]], *out = &env->values[op->out];
    struct thaw_conv_spec spec = {.linear = *(const struct thaw_linear *)op->conf,
                                  .in = in->shape,
                                  .out = out->shape,
                                  .in_layout = in->layout,
                                  .out_layout = out->layout,
                                  .n = env->n,
                                  .act = op->act,
                                  .addend = op->addend >= 0,
                                  .data_gradient = wants_data(op, env),
                                  .weight_gradient = env->training && op->trained};
    struct state *s = thaw_new(1, sizeof *s, err);
    if (!s)
        return -1;
    *state = s;
    size_t count = op->params[0]->count, channels = (size_t)out->shape.c;
    s->channels = out->shape.c;
    s->rows = count / channels;
    s->out_floats = (size_t)env->n * out->layout.sample;
    if (!(s->conv = thaw_conv_create(&spec, err)) ||
        !(s->b = thaw_new_aligned(channels, sizeof(float), err)) ||
        !(s->k = thaw_new_aligned(channels, sizeof(float), err)))
        return -1;
    if (spec.weight_gradient && (!(s->dkernel = thaw_new_aligned(count, sizeof(float), err)) ||
                                 !(s->dk = thaw_new_aligned(channels, sizeof(float), err)) ||
                                 !(s->dbias = thaw_new_aligned(channels, sizeof(float), err))))
        return -1;
    env->scratch_bytes = thaw_conv_scratch(s->conv);
    return 0;
}

struct scaling {
    const float *from, *k;
    float *to;
    size_t channels;
};

static void scale_rows(void *ctx, size_t first, size_t last)
{
    const struct scaling *s = ctx;
    for (size_t r = first; r < last; r++)
        for (size_t o = 0; o < s->channels; o++)
            s->to[r * s->channels + o] = s->from[r * s->channels + o] * s->k[o];
}

static int update(const struct thaw_op *op, void *state, struct thaw_error *err)
{
    struct state *s = state;
    const float *kernel = op->params[0]->data;
    const float *bias = op->params[1] ? op->params[1]->data : NULL;
    if (op->norm) {
        if (!s->kernel && !(s->kernel = thaw_new_aligned(op->params[0]->count, sizeof(float), err)))
            return -1;
        thaw_affine_fold(op->norm, s->channels, s->k, s->b);
        struct scaling scaling = {kernel, s->k, s->kernel, (size_t)s->channels};
        thaw_par_range(s->rows, scale_rows, &scaling);
        kernel = s->kernel;
        for (int o = 0; bias && o < s->channels; o++)
            s->b[o] += bias[o] * s->k[o];
    } else {
        for (int o = 0; o < s->channels; o++) {
            s->k[o] = 1;
            s->b[o] = bias ? bias[o] : 0;
        }
    }
    int rc = thaw_conv_set_weights(s->conv, kernel, s->b, err);
    if (!op->trained) { /* the primitive has its own copy, in its own order */
        free(s->kernel);
        s->kernel = NULL;
    }
    return rc;
}

static int forward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                   struct thaw_error *err)
{
    (void)op;
    struct state *s = state;
    return thaw_conv_forward(s->conv, run->in[0], run->addend, run->out, run->scratch, err);
}

static unsigned reads(const struct thaw_op *op)
{
    return (op->trained ? THAW_READS_INPUT : 0) | (op->act.kind ? THAW_READS_OUTPUT : 0);
}

static int backward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                    struct thaw_error *err)
{
    struct state *s = state;
    if (op->act.kind)
        thaw_act_backward(&op->act, run->out, run->dout, s->out_floats);
    if (op->trained &&
        thaw_conv_backward_weights(s->conv, run->in[0], run->dout, run->first, run->scratch, err))
        return -1;
    return run->din[0] ? thaw_conv_backward_data(s->conv, run->dout, run->din[0], run->scratch, err)
                       : 0;
}

/* dk = sum over rows of dW' W, plus the part that reaches k through the bias. */
static void norm_gradients(const struct thaw_op *op, struct state *s)
{
    const float *kernel = op->params[0]->data;
    size_t channels = (size_t)s->channels;
    for (size_t o = 0; o < channels; o++)
        s->dk[o] = op->params[1] ? s->dbias[o] * op->params[1]->data[o] : 0;
    for (size_t r = 0; r < s->rows; r++)
        for (size_t o = 0; o < channels; o++)
            s->dk[o] += s->dkernel[r * channels + o] * kernel[r * channels + o];
    thaw_affine_gradients(op->norm, s->channels, s->dk, s->dbias, op->norm_grads[0],
                          op->norm_grads[1]);
}

static int gradients(const struct thaw_op *op, void *state, struct thaw_error *err)
{
    struct state *s = state;
    size_t channels = (size_t)s->channels;
    if (thaw_conv_gradients(s->conv, s->dkernel, s->dbias, err))
        return -1;
    if (op->norm)
        norm_gradients(op, s);
    if (op->grads[0]) {
        struct scaling scaling = {s->dkernel, s->k, op->grads[0], channels};
        thaw_par_range(s->rows, scale_rows, &scaling);
    }
    for (size_t o = 0; op->grads[1] && o < channels; o++)
        op->grads[1][o] = s->dbias[o] * s->k[o];
    return 0;
}

const struct thaw_op_kind thaw_op_linear = {.name = "linear",
                                            .conf_size = sizeof(struct thaw_linear),
                                            .hosts = true,
                                            .copies = true,
                                            .reads = reads,
                                            .prepare = prepare,
                                            .update = update,
                                            .forward = forward,
                                            .backward = backward,
                                            .gradients = gradients,
                                            .release = release};
