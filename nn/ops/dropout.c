#include <stdlib.h>

#include "io/base/par.h"
#include "io/base/rng.h"
#include "nn/ops/common.h"

struct job {
    const struct thaw_dropout *conf;
    const struct thaw_tensor *t;
    const struct thaw_run *run;
    const float *from;
    float *to;
};

/* The stream of a sample belongs to its place in the run and to the layer; numbers are drawn in
 * [H,W,C] order, so that what is dropped does not depend on the machine's layout. Forward and
 * backward draw the same. */
static struct thaw_rng stream_of(const struct thaw_run *run, size_t sample)
{
    uint32_t index = run->first_sample + (uint32_t)sample + (run->op_number << 20);
    return thaw_rng_at(run->seed, run->step, index, THAW_RNG_DROPOUT);
}

static void drop_samples(void *ctx, size_t first, size_t last)
{
    const struct job *job = ctx;
    const struct thaw_tensor *t = job->t;
    float rate = job->conf->rate, scale = 1 / (1 - rate);
    size_t size = thaw_tensor_sample(t);
    for (size_t n = first; n < last; n++) {
        struct thaw_rng rng = stream_of(job->run, n);
        const float *from = job->from + n * size;
        float *to = job->to + n * size;
        if (job->conf->per_sample) {
            float factor = thaw_rng_float(&rng) < rate ? 0 : scale;
            for (size_t i = 0; i < size; i++)
                to[i] = from[i] * factor;
            continue;
        }
        for (size_t y = 0; y < t->h; y++)
            for (size_t x = 0; x < t->w; x++)
                for (size_t c = 0; c < t->c; c++) {
                    size_t at = thaw_tensor_at(t, y, x, c);
                    to[at] = thaw_rng_float(&rng) < rate ? 0 : from[at] * scale;
                }
    }
}

static void drop(const struct thaw_op *op, const struct thaw_in_out *s, const struct thaw_run *run,
                 const float *from, float *to)
{
    const struct thaw_dropout *conf = op->conf;
    if (!run->training || !(conf->rate > 0)) {
        thaw_kernel_copy(from, to, s->out.n * thaw_tensor_sample(&s->out) * sizeof *to);
        return;
    }
    struct job job = {conf, &s->out, run, from, to};
    thaw_par_range(s->out.n, drop_samples, &job);
    thaw_kernel_zero_tail(&s->out, to);
}

static int forward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                   struct thaw_error *err)
{
    (void)err;
    drop(op, state, run, run->in[0], run->out);
    return 0;
}

static int backward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                    struct thaw_error *err)
{
    (void)err;
    if (run->din[0])
        drop(op, state, run, run->dout, run->din[0]);
    return 0;
}

const struct thaw_op_kind thaw_op_dropout = {
    .name = "dropout",
    .conf_size = sizeof(struct thaw_dropout),
    .reads = thaw_reads_nothing,
    .prepare = thaw_in_out_prepare,
    .forward = forward,
    .backward = backward,
    .release = free,
};
