#include <math.h>
#include <stdlib.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "nn/ops/common.h"

enum { GAMMA, BETA };

/* Saved from forward to backward: mean and 1 / sqrt(variance + epsilon) of each cell. */
struct cell {
    float mean, inverse;
};

struct state {
    struct thaw_tensor t;
    double *sum; /* 2 x [C] */
    bool keeps_cells;
};

struct job {
    const struct thaw_tensor *t;
    const float *gamma, *beta, *in, *dout;
    double epsilon;
    float *out; /* backward: the gradient of the input, or NULL */
    struct cell *cells;
    float *partial; /* [n * H][2][C]: sums of a row for gamma and beta, or NULL */
};

static void release(void *state)
{
    struct state *s = state;
    if (!s)
        return;
    free(s->sum);
    free(s);
}

static int prepare(const struct thaw_op *op, struct thaw_op_env *env, void **state,
                   struct thaw_error *err)
{
    struct state *s = thaw_new(1, sizeof *s, err);
    if (!s)
        return -1;
    s->t = thaw_value_tensor(env, op->out);
    if (!(s->sum = thaw_new(2 * s->t.c, sizeof *s->sum, err))) {
        release(s);
        return -1;
    }
    s->keeps_cells = env->training && op->backward;
    if (s->keeps_cells) {
        env->saved_bytes = s->t.n * s->t.h * s->t.w * sizeof(struct cell);
        if (op->trained)
            env->scratch_bytes = s->t.n * s->t.h * 2 * s->t.c * sizeof(float);
    }
    *state = s;
    return 0;
}

/* Offset of the first channel of a cell; the others are thaw_tensor_at(t, 0, 0, c) from there. */
static size_t base_of(const struct thaw_tensor *t, size_t row, size_t x)
{
    return row / t->h * thaw_tensor_sample(t) + thaw_tensor_at(t, row % t->h, x, 0);
}

static struct cell measure(const struct thaw_tensor *t, const float *in, double epsilon)
{
    double sum = 0, squares = 0, count = (double)t->c;
    for (size_t c = 0; c < t->c; c++)
        sum += in[thaw_tensor_at(t, 0, 0, c)];
    double mean = sum / count;
    for (size_t c = 0; c < t->c; c++) {
        double d = in[thaw_tensor_at(t, 0, 0, c)] - mean;
        squares += d * d;
    }
    return (struct cell){(float)mean, (float)(1 / sqrt(squares / count + epsilon))};
}

static void forward_rows(void *ctx, size_t first, size_t last)
{
    const struct job *j = ctx;
    const struct thaw_tensor *t = j->t;
    for (size_t row = first; row < last; row++)
        for (size_t x = 0; x < t->w; x++) {
            const float *in = j->in + base_of(t, row, x);
            float *out = j->out + base_of(t, row, x);
            struct cell cell = measure(t, in, j->epsilon);
            if (j->cells)
                j->cells[row * t->w + x] = cell;
            for (size_t c = 0; c < t->c; c++) {
                size_t at = thaw_tensor_at(t, 0, 0, c);
                float v = (in[at] - cell.mean) * cell.inverse;
                out[at] = v * (j->gamma ? j->gamma[c] : 1) + (j->beta ? j->beta[c] : 0);
            }
        }
}

/* With v the normalised input and g = dy gamma: dx = inverse (g - mean(g) - v mean(g v)). */
static void backward_cell(const struct job *j, const float *in, const float *dout, float *din,
                          struct cell cell)
{
    const struct thaw_tensor *t = j->t;
    double sum = 0, product = 0, count = (double)t->c;
    for (size_t c = 0; c < t->c; c++) {
        size_t at = thaw_tensor_at(t, 0, 0, c);
        float g = dout[at] * (j->gamma ? j->gamma[c] : 1);
        sum += g;
        product += g * ((in[at] - cell.mean) * cell.inverse);
    }
    float mean = (float)(sum / count), pull = (float)(product / count);
    for (size_t c = 0; c < t->c; c++) {
        size_t at = thaw_tensor_at(t, 0, 0, c);
        float g = dout[at] * (j->gamma ? j->gamma[c] : 1);
        din[at] = cell.inverse * (g - mean - (in[at] - cell.mean) * cell.inverse * pull);
    }
}

static void backward_rows(void *ctx, size_t first, size_t last)
{
    const struct job *j = ctx;
    const struct thaw_tensor *t = j->t;
    for (size_t row = first; row < last; row++) {
        float *dgamma = j->partial ? j->partial + row * 2 * t->c : NULL;
        for (size_t i = 0; dgamma && i < 2 * t->c; i++)
            dgamma[i] = 0;
        for (size_t x = 0; x < t->w; x++) {
            struct cell cell = j->cells[row * t->w + x];
            size_t base = base_of(t, row, x);
            const float *in = j->in + base, *dout = j->dout + base;
            for (size_t c = 0; dgamma && c < t->c; c++) {
                size_t at = thaw_tensor_at(t, 0, 0, c);
                dgamma[c] += dout[at] * ((in[at] - cell.mean) * cell.inverse);
                dgamma[t->c + c] += dout[at];
            }
            if (j->out)
                backward_cell(j, in, dout, j->out + base, cell);
        }
    }
}

static int forward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                   struct thaw_error *err)
{
    const struct thaw_layer_norm *conf = op->conf;
    const struct state *s = state;
    struct job job = {.t = &s->t,
                      .gamma = thaw_op_param(op, GAMMA),
                      .beta = thaw_op_param(op, BETA),
                      .in = run->in[0],
                      .out = run->out,
                      .epsilon = conf->epsilon,
                      .cells = s->keeps_cells ? run->saved : NULL};
    (void)err;
    thaw_par_range(s->t.n * s->t.h, forward_rows, &job);
    thaw_kernel_zero_tail(&s->t, run->out);
    return 0;
}

static int backward(const struct thaw_op *op, void *state, const struct thaw_run *run,
                    struct thaw_error *err)
{
    const struct state *s = state;
    size_t channels = s->t.c, rows = s->t.n * s->t.h;
    struct job job = {.t = &s->t,
                      .gamma = thaw_op_param(op, GAMMA),
                      .in = run->in[0],
                      .dout = run->dout,
                      .out = run->din[0],
                      .cells = run->saved,
                      .partial = op->trained ? run->scratch : NULL};
    (void)err;
    thaw_par_range(rows, backward_rows, &job);
    if (run->din[0])
        thaw_kernel_zero_tail(&s->t, run->din[0]);
    if (!op->trained)
        return 0;
    for (size_t i = 0; i < 2 * channels; i++)
        s->sum[i] = 0;
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < 2 * channels; i++)
            s->sum[i] += job.partial[row * 2 * channels + i];
    thaw_op_add_gradient(thaw_op_grad(op, GAMMA), s->sum, channels, run->first);
    thaw_op_add_gradient(thaw_op_grad(op, BETA), s->sum + channels, channels, run->first);
    return 0;
}

const struct thaw_op_kind thaw_op_layer_norm = {
    .name = "layer_norm",
    .conf_size = sizeof(struct thaw_layer_norm),
    .reads = thaw_reads_input,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
