#include "nn/ops/affine.h"

#include <math.h>
#include <stdlib.h>

#include "io/base/mem.h"
#include "nn/kernels/kernels.h"

static const float *param(const struct thaw_op *op, int i)
{
    return op->params[i] ? op->params[i]->data : NULL;
}

double thaw_affine_inverse(const struct thaw_op *affine, double epsilon, int c)
{
    const float *variance = param(affine, THAW_AFFINE_VARIANCE);
    return variance ? 1 / fmax(sqrt((double)variance[c] + epsilon), 1e-7) : 1;
}

void thaw_affine_fold(const struct thaw_op *affine, int channels, float *k, float *b)
{
    const struct thaw_affine *conf = affine->conf;
    const float *gamma = param(affine, THAW_AFFINE_GAMMA), *beta = param(affine, THAW_AFFINE_BETA);
    const float *mean = param(affine, THAW_AFFINE_MEAN);
    for (int c = 0; c < channels; c++) {
        if (conf->n_constants) {
            int i = conf->n_constants == 1 ? 0 : c;
            k[c] = conf->scale ? conf->scale[i] : 1;
            b[c] = conf->offset ? conf->offset[i] : 0;
            continue;
        }
        double slope = thaw_affine_inverse(affine, conf->epsilon, c) * (gamma ? gamma[c] : 1);
        k[c] = (float)slope;
        b[c] = (float)((beta ? beta[c] : 0) - (mean ? mean[c] : 0) * slope);
    }
}

void thaw_affine_gradients(const struct thaw_op *affine, int channels, const float *dk,
                           const float *db, float *dgamma, float *dbeta)
{
    const struct thaw_affine *conf = affine->conf;
    const float *mean = param(affine, THAW_AFFINE_MEAN);
    for (int c = 0; c < channels; c++) {
        double shift = mean ? mean[c] : 0, sum = db[c];
        if (dgamma)
            dgamma[c] =
                (float)((dk[c] - shift * sum) * thaw_affine_inverse(affine, conf->epsilon, c));
        if (dbeta)
            dbeta[c] = (float)sum;
    }
}

struct state {
    struct thaw_tensor t;
    float *k, *b;      /* [channels rounded up] */
    double *sum;       /* two times [channels rounded up] */
    float *shift;      /* the mean, zero beyond C */
    size_t value_size; /* floats */
};

static bool needs_input(const struct thaw_op *op)
{
    return op->wants[THAW_AFFINE_GAMMA] || !thaw_act_from_output(&op->act);
}

static unsigned reads(const struct thaw_op *op)
{
    bool output = op->act.kind && thaw_act_from_output(&op->act);
    return (needs_input(op) ? THAW_READS_INPUT : 0u) | (output ? THAW_READS_OUTPUT : 0u);
}

static void release(void *state)
{
    struct state *s = state;
    if (!s)
        return;
    free(s->k);
    free(s->b);
    free(s->sum);
    free(s->shift);
    free(s);
}

static int prepare(const struct thaw_op *op, struct thaw_op_env *env, void **state,
                   struct thaw_error *err)
{
    const struct thaw_value *v = &env->values[op->out];
    struct state *s = thaw_new(1, sizeof *s, err);
    if (!s)
        return -1;
    s->t = thaw_tensor_of(v->shape, v->layout, env->n);
    s->value_size = s->t.n * v->layout.sample;
    size_t channels = thaw_tensor_channels(&s->t);
    if (!(s->k = thaw_new_aligned(channels, sizeof *s->k, err)) ||
        !(s->b = thaw_new_aligned(channels, sizeof *s->b, err)) ||
        !(s->sum = thaw_new(2 * channels, sizeof *s->sum, err)) ||
        !(s->shift = thaw_new(channels, sizeof *s->shift, err))) {
        release(s);
        return -1;
    }
    if (env->training && op->backward) {
        size_t pre = thaw_act_from_output(&op->act) ? 0 : s->value_size * sizeof(float);
        size_t sums = op->trained ? thaw_kernel_sums_scratch(&s->t) : 0;
        env->scratch_bytes = pre > sums ? pre : sums;
    }
    *state = s;
    return 0;
}

static int update(const struct thaw_op *op, void *state, struct thaw_error *err)
{
    struct state *s = state;
    (void)err;
    thaw_affine_fold(op, (int)s->t.c, s->k, s->b);
    return 0;
}

static int forward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                   struct thaw_error *err)
{
    struct state *s = state;
    (void)err;
    thaw_kernel_affine(&s->t, s->k, s->b, &op->act, run->in[0], run->out);
    return 0;
}

/* Adds to the gradient of this batch, or starts it. */
static void add_gradients(const struct thaw_op *op, struct state *s, bool first)
{
    const struct thaw_affine *conf = op->conf;
    const double *sum = s->sum, *product = s->sum + thaw_tensor_channels(&s->t);
    float *dgamma = op->wants[THAW_AFFINE_GAMMA] ? op->grads[THAW_AFFINE_GAMMA] : NULL;
    float *dbeta = op->wants[THAW_AFFINE_BETA] ? op->grads[THAW_AFFINE_BETA] : NULL;
    for (int c = 0; c < (int)s->t.c; c++) {
        if (dgamma)
            dgamma[c] = (float)((first ? 0 : dgamma[c]) +
                                product[c] * thaw_affine_inverse(op, conf->epsilon, c));
        if (dbeta)
            dbeta[c] = (float)((first ? 0 : dbeta[c]) + sum[c]);
    }
}

static int backward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                    struct thaw_error *err)
{
    struct state *s = state;
    const struct thaw_act identity = {0};
    const float *in = needs_input(op) ? run->in[0] : NULL;
    (void)err;
    if (thaw_act_from_output(&op->act)) {
        thaw_act_backward(&op->act, run->out, run->dout, s->value_size);
    } else {
        thaw_kernel_affine(&s->t, s->k, s->b, &identity, in, run->scratch);
        thaw_act_backward(&op->act, run->scratch, run->dout, s->value_size);
    }
    if (op->trained) {
        const float *mean = param(op, THAW_AFFINE_MEAN);
        for (size_t c = 0; c < s->t.c; c++)
            s->shift[c] = mean ? mean[c] : 0;
        thaw_kernel_sums(&s->t, run->dout, op->wants[THAW_AFFINE_GAMMA] ? in : NULL, s->shift,
                         run->scratch, s->sum, s->sum + thaw_tensor_channels(&s->t));
        add_gradients(op, s, run->first);
    }
    if (run->din[0])
        thaw_kernel_affine(&s->t, s->k, NULL, &identity, run->dout, run->din[0]);
    return 0;
}

const struct thaw_op_kind thaw_op_affine = {
    .name = "affine",
    .conf_size = sizeof(struct thaw_affine),
    .affine = true,
    .reads = reads,
    .prepare = prepare,
    .update = update,
    .forward = forward,
    .backward = backward,
    .release = release,
};
