#include <math.h>
#include <stdlib.h>

#include "io/base/par.h"
#include "nn/ops/common.h"

struct job {
    const struct thaw_tensor *t;
    bool log;
    const float *in, *dout; /* backward: in is the output */
    float *out;
};

/* Where the channels of a cell lie: c = 0 at `base`, then by thaw_tensor_at. */
static size_t base_of(const struct thaw_tensor *t, size_t cell)
{
    size_t cells = t->h * t->w;
    return cell / cells * thaw_tensor_sample(t) + cell % cells * t->block;
}

static void forward_cells(void *ctx, size_t first, size_t last)
{
    const struct job *job = ctx;
    const struct thaw_tensor *t = job->t;
    for (size_t cell = first; cell < last; cell++) {
        const float *in = job->in + base_of(t, cell);
        float *out = job->out + base_of(t, cell), most = -INFINITY;
        double sum = 0;
        for (size_t c = 0; c < t->c; c++) {
            float v = in[thaw_tensor_at(t, 0, 0, c)];
            most = v > most ? v : most;
        }
        for (size_t c = 0; c < t->c; c++) {
            size_t at = thaw_tensor_at(t, 0, 0, c);
            out[at] = job->log ? in[at] - most : expf(in[at] - most);
            sum += job->log ? expf(out[at]) : out[at];
        }
        float scale = (float)(1 / sum), shift = (float)log(sum);
        for (size_t c = 0; c < t->c; c++) {
            size_t at = thaw_tensor_at(t, 0, 0, c);
            out[at] = job->log ? out[at] - shift : out[at] * scale;
        }
    }
}

static void backward_cells(void *ctx, size_t first, size_t last)
{
    const struct job *job = ctx;
    const struct thaw_tensor *t = job->t;
    for (size_t cell = first; cell < last; cell++) {
        const float *y = job->in + base_of(t, cell), *dy = job->dout + base_of(t, cell);
        float *dx = job->out + base_of(t, cell);
        double sum = 0;
        for (size_t c = 0; c < t->c; c++) {
            size_t at = thaw_tensor_at(t, 0, 0, c);
            sum += job->log ? (double)dy[at] : (double)dy[at] * y[at];
        }
        float total = (float)sum;
        for (size_t c = 0; c < t->c; c++) {
            size_t at = thaw_tensor_at(t, 0, 0, c);
            dx[at] = job->log ? dy[at] - expf(y[at]) * total : y[at] * (dy[at] - total);
        }
    }
}

static int forward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                   struct thaw_error *err)
{
    const struct thaw_in_out *s = state;
    const struct thaw_softmax *conf = op->conf;
    struct job job = {&s->out, conf->log, run->in[0], NULL, run->out};
    (void)err;
    thaw_par_range(s->out.n * s->out.h * s->out.w, forward_cells, &job);
    thaw_kernel_zero_tail(&s->out, run->out);
    return 0;
}

static int backward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                    struct thaw_error *err)
{
    const struct thaw_in_out *s = state;
    const struct thaw_softmax *conf = op->conf;
    struct job job = {&s->out, conf->log, run->out, run->dout, run->din[0]};
    (void)err;
    if (!run->din[0])
        return 0;
    thaw_par_range(s->out.n * s->out.h * s->out.w, backward_cells, &job);
    thaw_kernel_zero_tail(&s->out, run->din[0]);
    return 0;
}

const struct thaw_op_kind thaw_op_softmax = {
    .name = "softmax",
    .conf_size = sizeof(struct thaw_softmax),
    .reads = thaw_reads_output,
    .prepare = thaw_in_out_prepare,
    .forward = forward,
    .backward = backward,
    .release = free,
};
