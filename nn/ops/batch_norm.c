#include <math.h>
#include <stdlib.h>

#include "io/base/mem.h"
#include "nn/ops/affine.h"
#include "nn/ops/common.h"

/* Own loops rather than the primitive: these sum in an order that does not depend on the threads,
 * and leave the channels beyond C alone. */

struct state {
    struct thaw_tensor t;
    double *sum, *product;       /* [channels rounded up] */
    double *inverse;             /* 1 / sqrt(variance + epsilon), of the last forward pass */
    float *mean, *k, *b, *slope; /* [channels rounded up], zero beyond C */
};

static void release(void *state)
{
    struct state *s = state;
    if (!s)
        return;
    free(s->sum);
    free(s->mean);
    free(s);
}

static int prepare(const struct thaw_op *op, struct thaw_op_env *env, void **state,
                   struct thaw_error *err)
{
    struct state *s = thaw_new(1, sizeof *s, err);
    if (!s)
        return -1;
    s->t = thaw_value_tensor(env, op->out);
    size_t channels = thaw_tensor_channels(&s->t);
    if (!(s->sum = thaw_new(3 * channels, sizeof *s->sum, err)) ||
        !(s->mean = thaw_new_aligned(4 * channels, sizeof *s->mean, err))) {
        release(s);
        return -1;
    }
    s->product = s->sum + channels;
    s->inverse = s->product + channels;
    s->k = s->mean + channels;
    s->b = s->k + channels;
    s->slope = s->b + channels;
    env->scratch_bytes = thaw_kernel_sums_scratch(&s->t);
    *state = s;
    return 0;
}

/* Mean and inverse deviation of the batch; the moving statistics follow them. */
static void batch_statistics(const struct thaw_op *op, struct state *s, const struct thaw_run *run)
{
    const struct thaw_batch_norm *conf = op->conf;
    double count = (double)(s->t.n * s->t.h * s->t.w), keep = conf->momentum;
    float *moving_mean = thaw_op_param(op, THAW_AFFINE_MEAN);
    float *moving_variance = thaw_op_param(op, THAW_AFFINE_VARIANCE);
    thaw_kernel_sums(&s->t, run->in[0], NULL, NULL, run->scratch, s->sum, NULL);
    for (size_t c = 0; c < s->t.c; c++)
        s->mean[c] = (float)(s->sum[c] / count);
    thaw_kernel_squares(&s->t, run->in[0], s->mean, run->scratch, s->product);
    for (size_t c = 0; c < s->t.c; c++) {
        double variance = s->product[c] / count;
        s->inverse[c] = 1 / sqrt(variance + conf->epsilon);
        if (moving_mean)
            moving_mean[c] = (float)(moving_mean[c] * keep + s->mean[c] * (1 - keep));
        if (moving_variance)
            moving_variance[c] = (float)(moving_variance[c] * keep + variance * (1 - keep));
    }
}

static void moving_statistics(const struct thaw_op *op, struct state *s)
{
    const struct thaw_batch_norm *conf = op->conf;
    const float *moving_mean = thaw_op_param(op, THAW_AFFINE_MEAN);
    for (size_t c = 0; c < s->t.c; c++) {
        s->mean[c] = moving_mean ? moving_mean[c] : 0;
        s->inverse[c] = thaw_affine_inverse(op, conf->epsilon, (int)c);
    }
}

static int forward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                   struct thaw_error *err)
{
    struct state *s = state;
    const float *gamma = thaw_op_param(op, THAW_AFFINE_GAMMA);
    const float *beta = thaw_op_param(op, THAW_AFFINE_BETA);
    (void)err;
    if (run->training)
        batch_statistics(op, s, run);
    else
        moving_statistics(op, s);
    for (size_t c = 0; c < s->t.c; c++) {
        double k = s->inverse[c] * (gamma ? gamma[c] : 1);
        s->k[c] = (float)k;
        s->b[c] = (float)((beta ? beta[c] : 0) - s->mean[c] * k);
    }
    thaw_kernel_affine(&s->t, s->k, s->b, &(struct thaw_act){0}, run->in[0], run->out);
    return 0;
}

/* dx = k (dy - mean(dy) - (x - mean) inverse^2 mean(dy (x - mean))) with batch statistics, else k
 * dy. */
static int backward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                    struct thaw_error *err)
{
    struct state *s = state;
    double count = (double)(s->t.n * s->t.h * s->t.w);
    float *dgamma = thaw_op_grad(op, THAW_AFFINE_GAMMA);
    (void)err;
    thaw_kernel_sums(&s->t, run->dout, run->in[0], s->mean, run->scratch, s->sum, s->product);
    if (run->din[0] && run->training) {
        for (size_t c = 0; c < s->t.c; c++) {
            double inverse = s->inverse[c];
            s->slope[c] = (float)(-s->k[c] * inverse * inverse * s->product[c] / count);
            s->b[c] = (float)(-s->k[c] * s->sum[c] / count);
        }
        thaw_kernel_affine_two(&s->t, s->k, run->dout, s->slope, run->in[0], s->mean, s->b,
                               run->din[0]);
    } else if (run->din[0]) {
        thaw_kernel_affine(&s->t, s->k, NULL, &(struct thaw_act){0}, run->dout, run->din[0]);
    }
    for (size_t c = 0; c < s->t.c; c++)
        s->product[c] *= s->inverse[c];
    thaw_op_add_gradient(dgamma, s->product, s->t.c, run->first);
    thaw_op_add_gradient(thaw_op_grad(op, THAW_AFFINE_BETA), s->sum, s->t.c, run->first);
    return 0;
}

const struct thaw_op_kind thaw_op_batch_norm = {
    .name = "batch_norm",
    .conf_size = sizeof(struct thaw_batch_norm),
    .reads = thaw_reads_input,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
