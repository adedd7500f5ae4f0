#include <math.h>

#include "nn/kernels/bf16.h"
#include "nn/kernels/conv.h"

#include <math.h>

#include "io/base/par.h"

/* Loops over one activation step, written so that the compiler turns the choices into masks. */

THAW_HOT static void relu_backward(const float *y, float *dy, size_t n, float slope)
{
    for (size_t i = 0; i < n; i++)
        dy[i] *= y[i] > 0 ? 1 : slope;
}

THAW_HOT static void clip_backward(const float *y, float *dy, size_t n, float lo, float hi)
{
    for (size_t i = 0; i < n; i++)
        dy[i] = (y[i] > lo) & (y[i] < hi) ? dy[i] : 0;
}

THAW_HOT static void elu_backward(const float *y, float *dy, size_t n, float alpha)
{
    for (size_t i = 0; i < n; i++)
        dy[i] *= y[i] > 0 ? 1 : y[i] + alpha;
}

THAW_HOT static void tanh_backward(const float *y, float *dy, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dy[i] *= 1 - y[i] * y[i];
}

THAW_HOT static void logistic_backward(const float *y, float *dy, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dy[i] *= y[i] * (1 - y[i]);
}

THAW_HOT static void relu_forward(const float *x, float *y, size_t n, float slope)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > 0 ? x[i] : slope * x[i];
}

/* scale x + shift, then clipped. Comparisons in this order keep a NaN a NaN. */
THAW_HOT static void clip_forward(const float *x, float *y, size_t n, float scale, float shift,
                                  float lo, float hi)
{
    for (size_t i = 0; i < n; i++) {
        float v = scale * x[i] + shift;
        v = v < lo ? lo : v;
        y[i] = v > hi ? hi : v;
    }
}

THAW_HOT static void hardswish_forward(const float *x, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float v = x[i] + 3;
        v = v < 0 ? 0 : v;
        y[i] = x[i] * ((v > 6 ? 6 : v) / 6);
    }
}

THAW_HOT static void hardswish_backward(const float *x, float *dy, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float inside = (2 * x[i] + 3) / 6;
        inside = x[i] >= 3 ? 1 : inside;
        dy[i] = x[i] <= -3 ? 0 : dy[i] * inside;
    }
}

struct job {
    const struct thaw_act *act;
    struct thaw_eltwise chain[2];
    int steps;
    const float *value;
    float *out;
    size_t count;
};

/* Ranges are handed out in whole cache lines. */
enum { LINE = 16, PIECE_LINES = 64 };

/* The part of the job that belongs to lines first .. last-1. */
static struct job part_of(const struct job *job, size_t first, size_t last)
{
    struct job part = *job;
    size_t a = first * LINE, b = last * LINE;
    part.value += a;
    part.out += a;
    part.count = (b < job->count ? b : job->count) - a;
    return part;
}

static void backward_range(void *ctx, size_t first, size_t last)
{
    struct job p = part_of(ctx, first, last);
    float alpha = p.chain[0].alpha, beta = p.chain[0].beta;
    enum thaw_eltwise_kind kind = p.chain[0].kind;
    bool from_output = thaw_act_from_output(p.act);
    if (p.steps == 1 && kind == THAW_ELTWISE_HARDSWISH)
        hardswish_backward(p.value, p.out, p.count);
    else if (p.steps == 1 && kind == THAW_ELTWISE_RELU) /* input and output tell the same */
        relu_backward(p.value, p.out, p.count, alpha);
    else if (p.steps == 1 && kind == THAW_ELTWISE_CLIP)
        clip_backward(p.value, p.out, p.count, alpha, beta);
    else if (p.steps == 1 && kind == THAW_ELTWISE_ELU && from_output)
        elu_backward(p.value, p.out, p.count, alpha);
    else if (p.steps == 1 && kind == THAW_ELTWISE_TANH)
        tanh_backward(p.value, p.out, p.count);
    else if (p.steps == 1 && kind == THAW_ELTWISE_LOGISTIC)
        logistic_backward(p.value, p.out, p.count);
    else
        for (size_t i = 0; i < p.count; i++)
            p.out[i] *= p.act->kind->slope(p.value[i], p.act);
}

static void forward_range(void *ctx, size_t first, size_t last)
{
    struct job p = part_of(ctx, first, last);
    const struct thaw_eltwise *c = p.chain;
    if (p.steps == 1 && c[0].kind == THAW_ELTWISE_RELU)
        relu_forward(p.value, p.out, p.count, c[0].alpha);
    else if (p.steps == 1 && c[0].kind == THAW_ELTWISE_CLIP)
        clip_forward(p.value, p.out, p.count, 1, 0, c[0].alpha, c[0].beta);
    else if (p.steps == 1 && c[0].kind == THAW_ELTWISE_HARDSWISH)
        hardswish_forward(p.value, p.out, p.count);
    else if (p.steps == 2 && c[0].kind == THAW_ELTWISE_LINEAR && c[1].kind == THAW_ELTWISE_CLIP)
        clip_forward(p.value, p.out, p.count, c[0].alpha, c[0].beta, c[1].alpha, c[1].beta);
    else
        for (size_t i = 0; i < p.count; i++)
            p.out[i] = p.act->kind->forward(p.value[i], p.act);
}

static void run(const struct thaw_act *act, const float *value, float *out, size_t count,
                void (*body)(void *ctx, size_t first, size_t last))
{
    struct job job = {.act = act, .value = value, .out = out, .count = count};
    job.steps = thaw_act_chain(act, job.chain);
    thaw_par_range((count + LINE - 1) / LINE, body, &job);
}

void thaw_act_backward(const struct thaw_act *act, const float *value, float *dout, size_t count)
{
    if (act->kind)
        run(act, value, dout, count, backward_range);
}

/* --- bfloat16 --- */

THAW_HOT static void clip_backward_bf16(const uint16_t *y, uint16_t *dy, size_t n, float lo,
                                        float hi)
{
    for (size_t i = 0; i < n; i++) {
        float v = thaw_bf16_widen(y[i]);
        dy[i] = (v > lo) & (v < hi) ? dy[i] : 0;
    }
}

struct job_bf16 {
    const struct thaw_act *act;
    const uint16_t *value;
    uint16_t *dout;
    size_t count;
};

/* Steps that only let pass or stop need no arithmetic; the others are done in float32, piece by
 * piece. */
static void backward_range_bf16(void *ctx, size_t first, size_t last)
{
    const struct job_bf16 *job = ctx;
    struct job piece = {.act = job->act};
    piece.steps = thaw_act_chain(job->act, piece.chain);
    const struct thaw_eltwise *c = piece.chain;
    bool relu = piece.steps == 1 && c->kind == THAW_ELTWISE_RELU && c->alpha == 0;
    bool clip = piece.steps == 1 && c->kind == THAW_ELTWISE_CLIP;
    for (size_t line = first; line < last; line += PIECE_LINES) {
        float value[PIECE_LINES * LINE], dout[PIECE_LINES * LINE];
        size_t lines = last - line < PIECE_LINES ? last - line : PIECE_LINES, at = line * LINE;
        size_t n = at + lines * LINE < job->count ? lines * LINE : job->count - at;
        if (relu || clip) {
            clip_backward_bf16(job->value + at, job->dout + at, n, relu ? 0 : c->alpha,
                               relu ? INFINITY : c->beta);
            continue;
        }
        thaw_bf16_widen_array(job->value + at, value, n);
        thaw_bf16_widen_array(job->dout + at, dout, n);
        piece.value = value;
        piece.out = dout;
        piece.count = n;
        backward_range(&piece, 0, lines);
        thaw_bf16_narrow_array(dout, job->dout + at, n);
    }
}

void thaw_act_backward_bf16(const struct thaw_act *act, const uint16_t *value, uint16_t *dout,
                            size_t count)
{
    struct job_bf16 job = {act, value, dout, count};
    if (act->kind)
        thaw_par_range((count + LINE - 1) / LINE, backward_range_bf16, &job);
}

void thaw_act_forward(const struct thaw_act *act, const float *in, float *out, size_t count)
{
    if (act->kind)
        run(act, in, out, count, forward_range);
    else if (in != out)
        thaw_kernel_copy(in, out, count * sizeof *out);
}

bool thaw_act_moves_zero(const struct thaw_act *act)
{
    return act->kind && act->kind->forward(0, act) != 0;
}

bool thaw_gate_of(const struct thaw_act *act, struct thaw_gate *gate)
{
    struct thaw_eltwise chain[2];
    *gate = (struct thaw_gate){0};
    if (!act->kind)
        return true;
    if (thaw_act_chain(act, chain) != 1)
        return false;
    if (chain[0].kind == THAW_ELTWISE_RELU && chain[0].alpha == 0)
        *gate = (struct thaw_gate){true, 0, INFINITY};
    else if (chain[0].kind == THAW_ELTWISE_CLIP)
        *gate = (struct thaw_gate){true, chain[0].alpha, chain[0].beta};
    return gate->on;
}
