/* Convolution, depthwise convolution, dense. A folded batch norm y = k x + b turns the map W, c
 * into W k, b + c k, exactly; so it needs no pass of its own, and no saved activation, even while
 * it trains: gradients of W k and b are turned into those of W, c, gamma and beta once a batch. */
#include "nn/ops.h"

#include <math.h>
#include <stdlib.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "nn/dnnl/prim.h"
#include "nn/kernels/bf16.h"
#include "nn/kernels/kernels.h"
#include "nn/ops/affine.h"

struct state {
    struct thaw_conv *conv; /* of a pair: of the first map, which runs both */
    struct state *then;     /* of op->then, or NULL; its conv belongs to the first one's */
    size_t rows;            /* of the kernel seen as a matrix [rows, channels] */
    int channels;           /* outputs */
    float *k, *b;           /* [channels]: the folded norm, k and the bias that results */
    float *kernel;          /* W k, while it is needed; NULL without a norm */
    enum thaw_type type;    /* of the input, so of the kernel */
    float *kernel_scale;    /* [channels], for 8-bit inputs */
    const float *in_mean;   /* [in/groups of a channel's input], to correct the bias; or NULL */
    float *dkernel, *dk, *dbias;
};

static void release(void *state)
{
    struct state *s = state;
    if (!s)
        return;
    if (s->then)
        s->then->conv = NULL;
    release(s->then);
    thaw_conv_free(s->conv);
    free(s->k);
    free(s->b);
    free(s->kernel);
    free(s->kernel_scale);
    free(s->dkernel);
    free(s->dk);
    free(s->dbias);
    free(s);
}

/* Convolutions between feature maps. 8-bit depthwise kernels are fast for unsigned inputs only. */
static bool takes(const struct thaw_op *op, const struct thaw_value *values,
                  enum thaw_precision precision)
{
    const struct thaw_linear *linear = op->conf;
    const struct thaw_value *in = &values[op->in[0]];
    return in->shape.rank == 3 &&
           !(precision == THAW_INT8 && linear->groups > 1 && in->type == THAW_TYPE_S8);
}

static bool adds_in_place(const struct thaw_op *op, const struct thaw_value *values)
{
    return thaw_conv_adds_in_place(&values[op->addend], &values[op->out]);
}

static bool wants_data(const struct thaw_op *op, const struct thaw_op_env *env)
{
    return env->training && op->backward && env->values[op->in[0]].has_grad;
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

/* Folds the norm: the kernel and bias (in s->b) of the map as a whole. */
static const float *fold(const struct thaw_op *op, struct state *s, struct thaw_error *err)
{
    const float *kernel = op->params[0]->data;
    const float *bias = op->params[1] ? op->params[1]->data : NULL;
    if (!op->norm) {
        for (int o = 0; o < s->channels; o++) {
            s->k[o] = 1;
            s->b[o] = bias ? bias[o] : 0;
        }
        return kernel;
    }
    if (!s->kernel && !(s->kernel = thaw_new_aligned(op->params[0]->count, sizeof(float), err)))
        return NULL;
    thaw_affine_fold(op->norm, s->channels, s->k, s->b);
    struct scaling scaling = {kernel, s->k, s->kernel, (size_t)s->channels};
    thaw_par_range(s->rows, scale_rows, &scaling);
    for (int o = 0; bias && o < s->channels; o++)
        s->b[o] += bias[o] * s->k[o];
    return s->kernel;
}

/* Symmetric, by output channel: the largest weight becomes 127. */
static const float *find_kernel_scale(const struct thaw_op *op, struct state *s,
                                      struct thaw_error *err)
{
    const float *kernel = fold(op, s, err);
    size_t channels = (size_t)s->channels;
    if (!kernel || !(s->kernel_scale = thaw_new(channels, sizeof(float), err)))
        return NULL;
    for (size_t i = 0; i < s->rows * channels; i++)
        s->kernel_scale[i % channels] = fmaxf(s->kernel_scale[i % channels], fabsf(kernel[i]));
    for (size_t o = 0; o < channels; o++)
        s->kernel_scale[o] = s->kernel_scale[o] > 0 ? s->kernel_scale[o] / 127 : 1;
    return s->kernel_scale;
}

/* What the primitive will make of a weight. */
static float rounded(const struct state *s, float weight, size_t channel)
{
    if (s->type == THAW_TYPE_BF16)
        return thaw_bf16_widen(thaw_bf16_narrow(weight));
    float unit = s->kernel_scale[channel];
    return nearbyintf(weight / unit) * unit;
}

/* Rounding the weights shifts the mean of each output by a constant: the bias takes it back. What
 * Winograd's algorithm multiplies an input's mean by is the sum of its taps, rounded once. */
static void correct_bias(const struct thaw_op *op, struct state *s, const float *kernel)
{
    const struct thaw_linear *l = op->conf;
    size_t channels = (size_t)s->channels, taps = (size_t)l->kh * (size_t)l->kw;
    size_t inputs = s->rows / taps, per_group = channels / (size_t)l->groups;
    size_t joined = thaw_conv_by_winograd(s->conv) ? taps : 1;
    for (size_t r = 0; r < s->rows / joined; r++)
        for (size_t o = 0; o < channels; o++) {
            size_t in = l->depthwise ? o : o / per_group * inputs + r % inputs;
            float w = 0;
            for (size_t t = 0; t < joined; t++)
                w += kernel[(r + t * inputs) * channels + o];
            s->b[o] += (w - rounded(s, w, o)) * s->in_mean[in];
        }
}

static struct thaw_conv_spec spec_of(const struct thaw_op *op, const struct thaw_op_env *env)
{
    int out = op->then ? op->then->in[0] : op->out;
    struct thaw_conv_spec spec = {.linear = *(const struct thaw_linear *)op->conf,
                                  .in = env->values[op->in[0]],
                                  .out = env->values[out],
                                  .n = env->n,
                                  .act = op->act,
                                  .in_act = op->in_act,
                                  .act_passed = op->act_passed,
                                  .has_addend = op->addend >= 0,
                                  .winograd = op->winograd,
                                  .data_gradient = wants_data(op, env),
                                  .weight_gradient = env->training && op->trained};
    if (spec.has_addend)
        spec.addend = env->values[op->addend];
    return spec;
}

/* What a map needs to make the primitive's weights from its own; beside a leader, whose weights
 * serve, nothing but the leader's scales. */
static int prepare_map(const struct thaw_op *op, const struct thaw_op_env *env,
                       const struct state *shared, struct state *s, struct thaw_conv_spec *spec,
                       struct thaw_error *err)
{
    size_t count = op->params[0]->count, channels = (size_t)spec->out.shape.c;
    s->channels = spec->out.shape.c;
    s->rows = count / channels;
    s->type = spec->in.type;
    if (shared) {
        spec->kernel_scale = shared->kernel_scale;
        return 0;
    }
    if (!(s->b = thaw_new_aligned(channels, sizeof(float), err)) ||
        !(s->k = thaw_new_aligned(channels, sizeof(float), err)))
        return -1;
    const struct thaw_range *seen = thaw_ranges_find(env->ranges, spec->in.node, spec->in.part);
    s->in_mean = seen && s->type != THAW_TYPE_F32 ? seen->mean : NULL;
    if (thaw_type_is_8bit(s->type) && !(spec->kernel_scale = find_kernel_scale(op, s, err)))
        return -1;
    if (spec->weight_gradient && (!(s->dkernel = thaw_new_aligned(count, sizeof(float), err)) ||
                                  !(s->dk = thaw_new_aligned(channels, sizeof(float), err)) ||
                                  !(s->dbias = thaw_new_aligned(channels, sizeof(float), err))))
        return -1;
    return 0;
}

static int prepare(const struct thaw_op *op, struct thaw_op_env *env, void **state,
                   struct thaw_error *err)
{
    const struct state *shared = env->shared;
    struct thaw_conv_spec spec = spec_of(op, env), then;
    struct state *s = thaw_new(1, sizeof *s, err);
    if (!s)
        return -1;
    *state = s;
    if (prepare_map(op, env, shared, s, &spec, err))
        return -1;
    if (op->then) {
        then = spec_of(op->then, env);
        spec.then = &then;
        if (!(s->then = thaw_new(1, sizeof *s, err)) ||
            prepare_map(op->then, env, shared ? shared->then : NULL, s->then, &then, err))
            return -1;
    }
    spec.weights_of = shared ? shared->conv : NULL;
    if (!(s->conv = thaw_conv_create(&spec, err)))
        return -1;
    if (s->then)
        s->then->conv = thaw_conv_then(s->conv);
    env->scratch_bytes = thaw_conv_scratch(s->conv);
    return 0;
}

static int update_map(const struct thaw_op *op, struct state *s, struct thaw_error *err)
{
    const float *kernel = fold(op, s, err);
    if (!kernel)
        return -1;
    if (s->in_mean)
        correct_bias(op, s, kernel);
    int rc = thaw_conv_set_weights(s->conv, kernel, s->b, err);
    if (!op->trained) { /* the primitive has its own copy, in its own order */
        free(s->kernel);
        s->kernel = NULL;
    }
    return rc;
}

static int update(const struct thaw_op *op, void *state, struct thaw_error *err)
{
    struct state *s = state;
    return update_map(op, s, err) || (op->then && update_map(op->then, s->then, err)) ? -1 : 0;
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
    return (op->trained || op->in_act.kind ? THAW_READS_INPUT : 0) |
           (op->act.kind && !op->act_passed ? THAW_READS_OUTPUT : 0);
}

static int backward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                    struct thaw_error *err)
{
    struct state *s = state;
    struct thaw_conv_gradient gradient = {.in = run->in[0],
                                          .out = run->out,
                                          .dout = run->dout,
                                          .din = run->din[0],
                                          .first = run->first,
                                          .scratch = run->scratch};
    (void)op;
    return thaw_conv_backward(s->conv, &gradient, err);
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

static void add_sums(void *state, const void *other)
{
    struct state *s = state;
    thaw_conv_add_sums(s->conv, ((const struct state *)other)->conv);
}

const struct thaw_op_kind thaw_op_linear = {.name = "linear",
                                            .conf_size = sizeof(struct thaw_linear),
                                            .hosts = true,
                                            .takes = takes,
                                            .adds_in_place = adds_in_place,
                                            .shares = true,
                                            .copies = true,
                                            .reads = reads,
                                            .prepare = prepare,
                                            .update = update,
                                            .forward = forward,
                                            .backward = backward,
                                            .gradients = gradients,
                                            .add_sums = add_sums,
                                            .release = release};
