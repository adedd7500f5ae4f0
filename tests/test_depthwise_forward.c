/* The forward pass of bfloat16 depthwise convolutions by our own loop. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "io/base/rng.h"
#include "nn/kernels/bf16.h"
#include "nn/kernels/depthwise_forward.h"
#include "tests/check.h"

enum {
    MANY = 3,   /* samples */
    GUARD = 64, /* numbers on either side of an array that must not be touched */
    UNTOUCHED = 0x4242,
    NOT_A_NUMBER = 0x7FC1
};

static const struct thaw_gate open_gate = {false, 0, 0}, relu = {true, 0, INFINITY},
                              narrow_gate = {true, -0.5F, 1.5F};

struct trial {
    struct thaw_depthwise_forward d; /* of all samples */
    size_t ins, outs;                /* of a sample */
    uint16_t *in;                    /* NaNs on either side */
    float *keras, *bias, *kernel;
};

static float *numbers(size_t count, uint32_t stream)
{
    struct thaw_rng rng = thaw_rng_at(9, 0, stream, 0);
    float *v = thaw_new_aligned(count, sizeof *v, NULL);
    if (!v)
        abort();
    for (size_t i = 0; i < count; i++)
        v[i] = thaw_rng_uniform(&rng, -1, 1);
    return v;
}

/* `count` numbers between two guards. */
static uint16_t *guarded(size_t count, uint16_t guard)
{
    uint16_t *v = thaw_new_aligned(count + (size_t)2 * GUARD, sizeof *v, NULL);
    if (!v)
        abort();
    for (size_t i = 0; i < count + (size_t)2 * GUARD; i++)
        v[i] = guard;
    return v;
}

static struct trial trial_of(struct thaw_depthwise_forward d)
{
    struct trial t = {.d = d};
    size_t channels = (size_t)d.channels, taps = (size_t)(d.kh * d.kw);
    t.ins = (size_t)(d.ih * d.iw) * channels;
    t.outs = (size_t)(d.oh * d.ow) * channels;
    float *in = numbers((size_t)d.n * t.ins, 1);
    t.in = guarded((size_t)d.n * t.ins, NOT_A_NUMBER);
    thaw_bf16_narrow_array(in, t.in + GUARD, (size_t)d.n * t.ins);
    free(in);
    t.keras = numbers(taps * channels, 2);
    t.bias = numbers(channels, 3);
    t.kernel = numbers(thaw_depthwise_forward_kernel_bytes(&d) / sizeof *t.kernel, 4);
    thaw_depthwise_forward_pack(&d, t.keras, t.kernel);
    return t;
}

static void release(struct trial *t)
{
    free(t->in);
    free(t->keras);
    free(t->bias);
    free(t->kernel);
}

/* `count` samples from `first` on, at so many threads; what is beside the outputs is left alone. */
static uint16_t *run(const struct trial *t, int first, int count, int threads)
{
    struct thaw_depthwise_forward d = t->d;
    size_t outs = (size_t)count * t->outs;
    uint16_t *out = guarded(outs, UNTOUCHED);
    int before = thaw_par_threads(), touched = 0;
    d.n = count;
    CU_ASSERT(thaw_depthwise_forward_takes(&d));
    thaw_par_set_threads(threads);
    thaw_depthwise_forward_run(&d, t->in + GUARD + (size_t)first * t->ins, t->kernel, t->bias,
                               out + GUARD);
    thaw_par_set_threads(before);
    for (size_t i = 0; i < GUARD; i++)
        touched += (out[i] != UNTOUCHED) + (out[GUARD + outs + i] != UNTOUCHED);
    CU_ASSERT_EQUAL(touched, 0);
    return out;
}

/* The sum by the definition; *sizes is that of absolute values. */
static double sum_at(const struct trial *t, size_t sample, int y, int x, int c, double *sizes)
{
    const struct thaw_depthwise_forward *d = &t->d;
    const uint16_t *in = t->in + GUARD + sample * t->ins;
    double sum = (double)t->bias[c];
    *sizes = fabs(sum);
    for (int k = 0; k < d->kh * d->kw; k++) {
        int row = y * d->stride_h - d->pad_top + k / d->kw;
        int column = x * d->stride_w - d->pad_left + k % d->kw;
        if (row < 0 || row >= d->ih || column < 0 || column >= d->iw)
            continue;
        double product = (double)t->keras[k * d->channels + c] *
                         (double)thaw_bf16_widen(in[(row * d->iw + column) * d->channels + c]);
        sum += product;
        *sizes += fabs(product);
    }
    return sum;
}

/* Each output is the sum rounded once, but for the error of float32. */
static int wrong_outputs(const struct trial *t, const uint16_t *out)
{
    const struct thaw_depthwise_forward *d = &t->d;
    int wrong = 0;
    for (size_t sample = 0; sample < (size_t)d->n; sample++)
        for (int i = 0; i < d->oh * d->ow; i++)
            for (int c = 0; c < d->channels; c++) {
                double sizes, wanted = sum_at(t, sample, i / d->ow, i % d->ow, c, &sizes);
                int exponent;
                if (d->gate.on)
                    wanted = fmin(fmax(wanted, (double)d->gate.low), (double)d->gate.high);
                frexp(wanted, &exponent);
                double got = (double)thaw_bf16_widen(*out++);
                double most = ldexp(1, exponent - 9) + 2e-6 * sizes;
                wrong += !(fabs(got - wanted) <= most);
            }
    return wrong;
}

static void check(struct thaw_depthwise_forward d)
{
    struct trial t = trial_of(d);
    size_t bytes = t.outs * sizeof(uint16_t);
    uint16_t *all = run(&t, 0, d.n, 1), *again = run(&t, 0, d.n, 3);
    CU_ASSERT_EQUAL(wrong_outputs(&t, all + GUARD), 0);
    CU_ASSERT_EQUAL(memcmp(all + GUARD, again + GUARD, (size_t)d.n * bytes), 0);
    free(again);
    for (int i = 0; i < d.n && d.n > 1; i++) {
        uint16_t *alone = run(&t, i, 1, 1);
        CU_ASSERT_EQUAL(memcmp(all + GUARD + (size_t)i * t.outs, alone + GUARD, bytes), 0);
        free(alone);
    }
    free(all);
    release(&t);
}

static struct thaw_depthwise_forward shape(int n, int channels, int h, int w, int side, int stride)
{
    return (struct thaw_depthwise_forward){.n = n,
                                           .channels = channels,
                                           .ih = h,
                                           .iw = w,
                                           .kh = side,
                                           .kw = side,
                                           .stride_h = stride,
                                           .stride_w = stride};
}

/* Sets paddings and from them the size of the output; false when it has none. */
static bool pad(struct thaw_depthwise_forward *d, int top, int left, int bottom, int right)
{
    int h = d->ih + top + bottom - d->kh, w = d->iw + left + right - d->kw;
    d->pad_top = top;
    d->pad_left = left;
    d->oh = h / d->stride_h + 1;
    d->ow = w / d->stride_w + 1;
    return h >= 0 && w >= 0;
}

static bool lacks(const char *what)
{
    struct thaw_depthwise_forward d = shape(1, 32, 8, 8, 3, 1);
    if (pad(&d, 1, 1, 1, 1) && thaw_depthwise_forward_takes(&d))
        return false;
    thaw_skip(what);
    return true;
}

static void test_sums(void)
{
    static const int sides[][2] = {{1, 2}, {7, 7}, {6, 11}, {5, 17}, {8, 8}, {3, 24}, {2, 31}};
    static const int counts[] = {1, 8, 16, 24, 32, 40, 48, 96};
    const struct thaw_gate gates[] = {open_gate, relu, narrow_gate};
    int number = 0, done = 0;
    if (lacks("bfloat16 depthwise sums: need AVX-512 with bf16"))
        return;
    for (int side = 3; side <= 5; side += 2)
        for (int stride = 1; stride <= 2; stride++)
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
                for (int p = 0; p < side; p++, number++) {
                    const int *s = sides[number % 7];
                    struct thaw_depthwise_forward d =
                        shape(number % 2 ? 1 : MANY, counts[c], s[0], s[1], side, stride);
                    d.gate = gates[number % 3];
                    if (!pad(&d, p, (p + 2) % side, (2 * p + number) % side, (p + number) % side))
                        continue;
                    check(d);
                    done++;
                }
    CU_ASSERT(done > 80);
}

/* Several tiles without an edge between those that have one. */
static void test_wide(void)
{
    if (lacks("bfloat16 depthwise sums of wide pictures: need AVX-512 with bf16"))
        return;
    for (int i = 0; i < 8; i++) {
        struct thaw_depthwise_forward d =
            shape(1, 20, 9 + i % 3, 50 + 9 * i, i % 2 ? 5 : 3, 1 + i / 2 % 2);
        d.gate = relu;
        CU_ASSERT(pad(&d, d.kh / 2, d.kw / 2, d.kh / 2, d.kw / 2));
        check(d);
    }
}

/* A NaN stays one, whatever the gate, where it is met and nowhere else. */
static void test_nan(void)
{
    if (lacks("a NaN in a bfloat16 depthwise convolution: needs AVX-512 with bf16"))
        return;
    struct thaw_depthwise_forward d = shape(1, 40, 9, 9, 3, 1);
    d.gate = narrow_gate;
    CU_ASSERT(pad(&d, 1, 1, 1, 1));
    struct trial t = trial_of(d);
    const int channel = 33;
    t.in[GUARD + (4 * 9 + 4) * 40 + channel] = NOT_A_NUMBER;
    uint16_t *out = run(&t, 0, 1, 1);
    int odd = 0;
    for (int i = 0; i < 81; i++)
        for (int c = 0; c < 40; c++) {
            bool meets = abs(i / 9 - 4) <= 1 && abs(i % 9 - 4) <= 1 && c == channel;
            odd += isnan(thaw_bf16_widen(out[GUARD + i * 40 + c])) != meets;
        }
    CU_ASSERT_EQUAL(odd, 0);
    free(out);
    release(&t);
}

static void test_what_it_takes(void)
{
    if (lacks("what the bfloat16 depthwise loop takes: needs AVX-512 with bf16"))
        return;
    struct thaw_depthwise_forward d = shape(1, 32, 16, 16, 7, 1);
    CU_ASSERT_FALSE(thaw_depthwise_forward_takes(&d));
    d = shape(1, 32, 16, 16, 3, 3);
    CU_ASSERT_FALSE(thaw_depthwise_forward_takes(&d));
    d = shape(1, 32, 16, 16, 3, 1);
    d.kh = 5;
    CU_ASSERT_FALSE(thaw_depthwise_forward_takes(&d));
    d = shape(1, 32, 16, 16, 3, 1);
    d.stride_h = 2;
    CU_ASSERT_FALSE(thaw_depthwise_forward_takes(&d));
}

void thaw_test_depthwise_forward(void)
{
    CU_pSuite s = thaw_suite("depthwise_forward");
    CU_add_test(s, "as the definition, at any number of samples and threads", test_sums);
    CU_add_test(s, "wide pictures", test_wide);
    CU_add_test(s, "a NaN stays one", test_nan);
    CU_add_test(s, "what it takes", test_what_it_takes);
}
