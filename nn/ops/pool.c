#include <stdlib.h>

#include "io/base/mem.h"
#include "nn/dnnl/more.h"
#include "nn/kernels/pool.h"
#include "nn/ops/common.h"

struct state {
    struct thaw_tensor in, out;
    struct thaw_pool_prim *prim; /* NULL: over the whole picture */
    bool keeps_cells;            /* where the global maxima were */
};

/* One window that is the picture: loops of our own, which also write vectors. */
static bool is_global(const struct thaw_pool *conf, const struct thaw_tensor *in,
                      const struct thaw_tensor *out)
{
    return (size_t)conf->kh == in->h && (size_t)conf->kw == in->w && out->h * out->w == 1 &&
           !conf->pad_top && !conf->pad_left;
}

static void release(void *state)
{
    struct state *s = state;
    if (!s)
        return;
    thaw_pool_free(s->prim);
    free(s);
}

/* Windows by oneDNN, in any type; the result keeps the scale of what went in. */
static bool takes(const struct thaw_op *op, const struct thaw_value *values,
                  enum thaw_precision precision)
{
    (void)precision;
    struct thaw_tensor in = thaw_tensor_of(values[op->in[0]].shape, values[op->in[0]].layout, 1),
                       out = thaw_tensor_of(values[op->out].shape, values[op->out].layout, 1);
    return !is_global(op->conf, &in, &out);
}

static int prepare(const struct thaw_op *op, struct thaw_op_env *env, void **state,
                   struct thaw_error *err)
{
    const struct thaw_pool *conf = op->conf;
    bool backward = env->training && op->backward;
    struct state *s = thaw_new(1, sizeof *s, err);
    if (!s)
        return -1;
    s->in = thaw_value_tensor(env, op->in[0]);
    s->out = thaw_value_tensor(env, op->out);
    if (is_global(conf, &s->in, &s->out)) {
        s->keeps_cells = backward && conf->max;
        if (s->keeps_cells)
            env->saved_bytes = s->in.n * thaw_tensor_channels(&s->in) * sizeof(int32_t);
    } else {
        s->prim = thaw_pool_create(conf, &env->values[op->in[0]], &env->values[op->out], env->n,
                                   backward, err);
        if (!s->prim) {
            release(s);
            return -1;
        }
        env->saved_bytes = thaw_pool_workspace(s->prim);
        env->scratch_bytes = thaw_pool_scratch(s->prim);
    }
    *state = s;
    return 0;
}

static int forward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                   struct thaw_error *err)
{
    const struct thaw_pool *conf = op->conf;
    const struct state *s = state;
    if (s->prim)
        return thaw_pool_forward(s->prim, run->in[0], run->out, run->saved, run->scratch, err);
    if (conf->max)
        thaw_kernel_global_max(&s->in, run->in[0], &s->out, run->out,
                               s->keeps_cells ? run->saved : NULL);
    else
        thaw_kernel_global_mean(&s->in, run->in[0], &s->out, run->out);
    return 0;
}

static int backward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                    struct thaw_error *err)
{
    const struct thaw_pool *conf = op->conf;
    const struct state *s = state;
    if (!run->din[0])
        return 0;
    if (s->prim)
        return thaw_pool_backward(s->prim, run->dout, run->din[0], run->saved, run->scratch, err);
    if (conf->max)
        thaw_kernel_global_max_backward(&s->in, run->din[0], &s->out, run->dout, run->saved);
    else
        thaw_kernel_global_mean_backward(&s->in, run->din[0], &s->out, run->dout);
    return 0;
}

const struct thaw_op_kind thaw_op_pool = {
    .name = "pool",
    .conf_size = sizeof(struct thaw_pool),
    .takes = takes,
    .keeps_scale = true,
    .reads = thaw_reads_nothing,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
