#include <stdlib.h>

#include "io/base/mem.h"
#include "nn/kernels/combine.h"
#include "nn/ops/common.h"

struct state {
    struct thaw_tensor out;
    struct thaw_tensor in[];
};

static unsigned reads(const struct thaw_op *op)
{
    const struct thaw_combine *conf = op->conf;
    return conf->product ? THAW_READS_INPUT : 0u;
}

static int prepare(const struct thaw_op *op, struct thaw_op_env *env, void **state,
                   struct thaw_error *err)
{
    const struct thaw_combine *conf = op->conf;
    struct state *s = thaw_new(1, sizeof *s + (size_t)op->n_in * sizeof *s->in, err);
    if (!s)
        return -1;
    s->out = thaw_value_tensor(env, op->out);
    for (int i = 0; i < op->n_in; i++)
        s->in[i] = thaw_value_tensor(env, op->in[i]);
    if (env->training && op->backward && conf->product)
        env->scratch_bytes = s->out.n * thaw_tensor_sample(&s->out) * sizeof(float);
    *state = s;
    return 0;
}

/* out = in[0] op in[1] op ... but without in[skip]; -1 skips none. */
static void combine(const struct thaw_op *op, const struct state *s, const struct thaw_run *run,
                    int skip, float *out)
{
    const struct thaw_combine *conf = op->conf;
    const struct thaw_tensor *held = NULL;
    const float *so_far = NULL;
    for (int i = 0; i < op->n_in; i++) {
        if (i == skip)
            continue;
        if (so_far) {
            thaw_kernel_combine(held, so_far, &s->in[i], run->in[i], conf->product, &s->out, out);
            so_far = out;
            held = &s->out;
        } else {
            so_far = run->in[i];
            held = &s->in[i];
        }
    }
    if (so_far != out)
        thaw_kernel_combine(held, so_far, NULL, NULL, conf->product, &s->out, out);
}

static int forward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                   struct thaw_error *err)
{
    (void)err;
    combine(op, state, run, -1, run->out);
    return 0;
}

static int backward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                    struct thaw_error *err)
{
    const struct thaw_combine *conf = op->conf;
    const struct state *s = state;
    (void)err;
    for (int i = 0; i < op->n_in; i++) {
        if (!run->din[i])
            continue;
        float *others = conf->product ? run->scratch : NULL;
        if (others)
            combine(op, s, run, i, others);
        thaw_kernel_reduce(&s->out, run->dout, others, &s->in[i], run->din[i]);
    }
    return 0;
}

const struct thaw_op_kind thaw_op_combine = {
    .name = "combine",
    .conf_size = sizeof(struct thaw_combine),
    .reads = reads,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = free,
};
