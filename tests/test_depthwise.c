#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "io/base/rng.h"
#include "nn/dnnl/prim.h"
#include "nn/kernels/bf16.h"
#include "nn/kernels/conv.h"
#include "tests/check.h"

static float *numbers(size_t n, uint32_t stream)
{
    struct thaw_rng rng = thaw_rng_at(11, 0, stream, 0);
    float *v = thaw_new_aligned(n, sizeof *v, NULL);
    if (!v)
        abort();
    for (size_t i = 0; i < n; i++)
        v[i] = thaw_rng_normal(&rng);
    return v;
}

/* A case with all its arrays. Where it is bfloat16, the floats hold numbers that are, and in, out,
 * dout stand beside them in 16 bits. */
struct trial {
    struct thaw_depthwise d;
    struct thaw_gate in_gate, out_gate;
    size_t ins, outs, taps, channels;
    float *in, *out, *dout, *kernel, *scratch;
    uint16_t *in16, *out16, *dout16;
    double *din, *dkernel, *dbias; /* by the definition */
};

static uint16_t *narrow(float *v, size_t n)
{
    uint16_t *narrowed = thaw_new_aligned(n, sizeof *narrowed, NULL);
    if (!narrowed)
        abort();
    thaw_bf16_narrow_array(v, narrowed, n);
    thaw_bf16_widen_array(narrowed, v, n);
    return narrowed;
}

static double gated(const struct thaw_gate *gate, float value, double gradient)
{
    return gate->on && !(value > gate->low && value < gate->high) ? 0 : gradient;
}

static void define(struct trial *t)
{
    const struct thaw_depthwise *d = &t->d;
    size_t places = (size_t)(d->ih * d->iw), cells = (size_t)(d->oh * d->ow), taps = t->taps;
    size_t block = (size_t)d->block;
    for (size_t o = 0; o < t->outs; o++) {
        size_t c = o % block, pair = o / block / cells, part = pair % (size_t)d->blocks;
        int y = (int)(o / block % cells) / d->ow, x = (int)(o / block % cells) % d->ow;
        double g = gated(&t->out_gate, t->out[o], (double)t->dout[o]);
        t->dbias[part * block + c] += g;
        for (size_t k = 0; k < taps; k++) {
            int iy = y * d->stride_h - d->pad_top + (int)k / d->kw;
            int ix = x * d->stride_w - d->pad_left + (int)k % d->kw;
            if (iy < 0 || iy >= d->ih || ix < 0 || ix >= d->iw)
                continue;
            size_t i = (pair * places + (size_t)(iy * d->iw + ix)) * block + c;
            size_t w = (part * taps + k) * block + c;
            t->dkernel[w] += g * (double)t->in[i];
            t->din[i] += g * (double)t->kernel[w];
        }
    }
    for (size_t i = 0; i < t->ins; i++)
        t->din[i] = gated(&t->in_gate, t->in[i], t->din[i]);
}

static struct trial trial_of(struct thaw_depthwise d, bool gates)
{
    struct trial t = {.d = d};
    if (gates) {
        t.in_gate = (struct thaw_gate){true, 0, 1.5f};
        t.out_gate = (struct thaw_gate){true, -0.5f, INFINITY};
    }
    t.channels = (size_t)(d.blocks * d.block);
    t.taps = (size_t)(d.kh * d.kw);
    t.ins = (size_t)(d.n * d.ih * d.iw) * t.channels;
    t.outs = (size_t)(d.n * d.oh * d.ow) * t.channels;
    t.in = numbers(t.ins, 1);
    t.out = numbers(t.outs, 2);
    t.dout = numbers(t.outs, 3);
    t.kernel = numbers(t.taps * t.channels, 4);
    t.scratch = numbers(thaw_kernel_depthwise_scratch(&d) / sizeof(float), 5);
    t.in16 = narrow(d.bf16 ? t.in : t.scratch, d.bf16 ? t.ins : 1);
    t.out16 = narrow(d.bf16 ? t.out : t.scratch, d.bf16 ? t.outs : 1);
    t.dout16 = narrow(d.bf16 ? t.dout : t.scratch, d.bf16 ? t.outs : 1);
    t.din = calloc(t.ins, sizeof *t.din);
    t.dkernel = calloc(t.taps * t.channels, sizeof *t.dkernel);
    t.dbias = calloc(t.channels, sizeof *t.dbias);
    if (!t.din || !t.dkernel || !t.dbias)
        abort();
    define(&t);
    return t;
}

static void trial_release(struct trial *t)
{
    void *all[] = {t->in,    t->out,    t->dout, t->kernel,  t->scratch, t->in16,
                   t->out16, t->dout16, t->din,  t->dkernel, t->dbias};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static bool near_double(const float *a, const double *b, size_t n, double factor, double limit)
{
    float *wanted = numbers(n, 0);
    for (size_t i = 0; i < n; i++)
        wanted[i] = (float)(b[i] * factor);
    bool near = thaw_near(a, wanted, n, limit);
    free(wanted);
    return near;
}

static void check(struct thaw_depthwise d, bool gates)
{
    struct trial t = trial_of(d, gates);
    size_t count = t.taps * t.channels;
    float *din = numbers(t.ins, 6), *again = numbers(t.ins, 7), *dk = numbers(2 * count, 8),
          *db = numbers(t.channels, 9);
    struct thaw_depthwise_pass pass = {.in = d.bf16 ? (void *)t.in16 : t.in,
                                       .out = d.bf16 ? (void *)t.out16 : t.out,
                                       .dout = d.bf16 ? (void *)t.dout16 : t.dout,
                                       .kernel = t.kernel,
                                       .in_gate = t.in_gate,
                                       .out_gate = t.out_gate,
                                       .din = din,
                                       .dkernel = dk,
                                       .dbias = db};
    int before = thaw_par_threads();
    thaw_par_set_threads(1);
    thaw_kernel_depthwise_backward(&d, &pass, true, t.scratch);
    if (d.bf16) { /* din holds 16 bits a number */
        thaw_bf16_widen_array((const uint16_t *)(const void *)din, again, t.ins);
        CU_ASSERT(near_double(again, t.din, t.ins, 1, 4e-3));
    } else {
        CU_ASSERT(near_double(din, t.din, t.ins, 1, 2e-6));
    }
    CU_ASSERT(near_double(dk, t.dkernel, count, 1, 2e-6));
    CU_ASSERT(near_double(db, t.dbias, t.channels, 1, 2e-6));
    thaw_par_set_threads(3);
    pass.din = again;
    pass.dkernel = dk + count;
    pass.dbias = NULL;
    thaw_kernel_depthwise_backward(&d, &pass, true, t.scratch);
    CU_ASSERT_EQUAL(memcmp(dk, dk + count, count * sizeof *dk), 0);
    CU_ASSERT_EQUAL(memcmp(din, again, t.ins * (d.bf16 ? sizeof(uint16_t) : sizeof(float))), 0);
    pass.din = NULL; /* only the kernel's, added */
    pass.dkernel = dk;
    pass.dbias = db;
    thaw_kernel_depthwise_backward(&d, &pass, false, t.scratch);
    CU_ASSERT(near_double(dk, t.dkernel, count, 2, 2e-6));
    CU_ASSERT(near_double(db, t.dbias, t.channels, 2, 2e-6));
    thaw_par_set_threads(before);
    free(din);
    free(again);
    free(dk);
    free(db);
    trial_release(&t);
}

/* TensorFlow's `same`: the odd cell of padding is at the end. */
static struct thaw_depthwise same(int block, int h, int w, int k, int stride)
{
    int oh = (h + stride - 1) / stride, ow = (w + stride - 1) / stride;
    int pad_h = (oh - 1) * stride + k - h, pad_w = (ow - 1) * stride + k - w;
    return (struct thaw_depthwise){.n = 2,
                                   .blocks = 3,
                                   .block = block,
                                   .ih = h,
                                   .iw = w,
                                   .oh = oh,
                                   .ow = ow,
                                   .kh = k,
                                   .kw = k,
                                   .stride_h = stride,
                                   .stride_w = stride,
                                   .pad_top = pad_h > 0 ? pad_h / 2 : 0,
                                   .pad_left = pad_w > 0 ? pad_w / 2 : 0};
}

static void test_same(void)
{
    static const int blocks[] = {16, 8, 3},
                     sides[][2] = {{1, 1}, {2, 3}, {7, 7}, {12, 9}, {21, 26}};
    for (int b = 0; b < 3; b++)
        for (int s = 0; s < 5; s++)
            for (int k = 1; k <= 7; k++)
                for (int stride = 1; stride <= 3; stride++)
                    check(same(blocks[b], sides[s][0], sides[s][1], k, stride), (k + s) % 2);
}

static void test_bf16(void)
{
    for (int k = 3; k <= 8; k++)
        for (int stride = 1; stride <= 2; stride++)
            for (int block = 8; block <= 16; block += 8) {
                struct thaw_depthwise d = same(block, 12, 9, k, stride);
                d.bf16 = true;
                check(d, k % 2);
            }
}

/* One (sample, cell, channel) with channels last, and in blocks. */
static size_t in_block(const struct thaw_depthwise *d, size_t cells, size_t i)
{
    size_t channels = (size_t)d->channels, c = i % channels, cell = i / channels;
    size_t block = (size_t)d->block, blocks = (size_t)d->blocks;
    return ((cell / cells * blocks + c / block) * cells + cell % cells) * block + c % block;
}

static uint16_t *to_last(const struct thaw_depthwise *d, size_t cells, const uint16_t *blocked)
{
    size_t n = (size_t)d->n * cells * (size_t)d->channels;
    uint16_t *last = thaw_new_aligned(n, sizeof *last, NULL);
    if (!last)
        abort();
    for (size_t i = 0; i < n; i++)
        last[i] = blocked[in_block(d, cells, i)];
    return last;
}

/* Runs with and without channels last: to the same bits, wherever there is a channel. */
static void check_last(struct thaw_depthwise d, int channels)
{
    struct trial t = trial_of(d, true);
    size_t count = t.taps * t.channels, ins = (size_t)(d.ih * d.iw), outs = (size_t)(d.oh * d.ow);
    uint16_t *din = narrow(t.in, t.ins), *din_last = narrow(t.in, t.ins);
    float *dk = numbers(2 * count, 8), *db = numbers(2 * t.channels, 9);
    struct thaw_depthwise_pass pass = {.in = t.in16,
                                       .out = t.out16,
                                       .dout = t.dout16,
                                       .kernel = t.kernel,
                                       .in_gate = t.in_gate,
                                       .out_gate = t.out_gate,
                                       .din = din,
                                       .dkernel = dk,
                                       .dbias = db};
    thaw_kernel_depthwise_backward(&d, &pass, true, t.scratch);
    d.channels = channels;
    uint16_t *in = to_last(&d, ins, t.in16), *out = to_last(&d, outs, t.out16);
    uint16_t *dout = to_last(&d, outs, t.dout16);
    float *scratch = numbers(thaw_kernel_depthwise_scratch(&d) / sizeof(float), 5);
    pass.in = in;
    pass.out = out;
    pass.dout = dout;
    pass.din = din_last;
    pass.dkernel = dk + count;
    pass.dbias = db + t.channels;
    thaw_kernel_depthwise_backward(&d, &pass, true, scratch);
    size_t wrong = 0;
    for (size_t i = 0; i < (size_t)d.n * ins * (size_t)channels; i++)
        wrong += din_last[i] != din[in_block(&d, ins, i)];
    for (size_t i = 0; i < t.taps * (size_t)channels; i++) {
        size_t at = in_block(
            &(struct thaw_depthwise){
                .n = 1, .blocks = d.blocks, .block = d.block, .channels = channels},
            t.taps, i);
        wrong += dk[count + at] != dk[at];
    }
    for (size_t c = 0; c < (size_t)channels; c++)
        wrong += db[t.channels + c] != db[c];
    CU_ASSERT_EQUAL(wrong, 0);
    void *all[] = {din, din_last, dk, db, in, out, dout, scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    trial_release(&t);
}

static void test_channels_last(void)
{
    for (int k = 3; k <= 7; k++)
        for (int stride = 1; stride <= 3; stride++)
            for (int block = 8; block <= 16; block += 8)
                for (int lacks = 0; lacks < block; lacks += 5) {
                    struct thaw_depthwise d = same(block, 12, 9, k, stride);
                    d.bf16 = true;
                    check_last(d, d.blocks * block - lacks);
                }
}

static void test_valid(void)
{
    for (int stride = 1; stride <= 2; stride++) {
        struct thaw_depthwise d = same(16, 11, 14, 5, stride);
        d.pad_top = d.pad_left = 0;
        d.oh = (d.ih - d.kh) / stride + 1;
        d.ow = (d.iw - d.kw) / stride + 1;
        check(d, true);
        d.kh = 3; /* kernels need not be square, nor strides equal */
        d.stride_h = 1;
        d.oh = d.ih - d.kh + 1;
        check(d, true);
    }
}

/* More padding than `same` has, on every side: rows of output that meet no input. */
static void test_wide(void)
{
    for (int stride = 1; stride <= 2; stride++)
        for (int pad = 3; pad <= 9; pad++) {
            struct thaw_depthwise d = same(16, 4, 5, 7, stride);
            d.pad_left = d.pad_top = pad;
            d.oh = (4 + 2 * pad - 7) / stride + 1;
            d.ow = (5 + 2 * pad - 7) / stride + 1;
            check(d, true);
        }
}

/* A grouped convolution that is not called depthwise goes to the primitives: both must agree,
 * activations included. */
static void test_primitive(void)
{
    enum { C = 24, SIDE = 9, N = 2, TAPS = 9 };
    int block = thaw_dnnl_block(), blocks = (C + block - 1) / block;
    for (int stride = 1; stride <= 2; stride++) {
        struct thaw_depthwise d = same(block, SIDE, SIDE, 3, stride);
        size_t channels = (size_t)(blocks * block), cells = (size_t)(d.oh * d.ow);
        struct thaw_error err = {0};
        struct thaw_conv_spec spec = {.linear = {3, 3, stride, stride, 1, 1, d.pad_top, d.pad_left,
                                                 (d.oh - 1) * stride + 3 - SIDE - d.pad_top,
                                                 (d.ow - 1) * stride + 3 - SIDE - d.pad_left, C,
                                                 true},
                                      .in.shape = {3, SIDE, SIDE, C},
                                      .out.shape = {3, d.oh, d.ow, C},
                                      .n = N,
                                      .data_gradient = true,
                                      .weight_gradient = true};
        CU_ASSERT_EQUAL_FATAL(thaw_act_find(&spec.act, "relu6", &err), 0);
        spec.in.layout = (struct thaw_layout){block, blocks, SIDE * SIDE * channels};
        spec.out.layout = (struct thaw_layout){block, blocks, cells * channels};
        struct thaw_tensor in = thaw_tensor_of(spec.in.shape, spec.in.layout, N);
        struct thaw_tensor out = thaw_tensor_of(spec.out.shape, spec.out.layout, N);
        size_t ins = N * thaw_tensor_sample(&in), outs = N * thaw_tensor_sample(&out);
        float *x = numbers(ins, 1), *y = numbers(outs, 2), *g = numbers(outs, 3);
        float *kernel = numbers(TAPS * C, 4), *bias = numbers(C, 5);
        float *din[2] = {numbers(ins, 6), numbers(ins, 7)};
        float *dk[2] = {numbers(TAPS * C, 8), numbers(TAPS * C, 9)},
              *db[2] = {numbers(C, 10), numbers(C, 11)};
        thaw_kernel_zero_tail(&in, x);
        thaw_kernel_zero_tail(&out, g);
        for (int own = 0; own < 2; own++) {
            float *dout = numbers(outs, 12);
            memcpy(dout, g, outs * sizeof *g);
            spec.linear.depthwise = own;
            spec.in_act = own ? spec.act : (struct thaw_act){0};
            struct thaw_conv *conv = thaw_conv_create(&spec, &err);
            CU_ASSERT_PTR_NOT_NULL_FATAL(conv);
            CU_ASSERT_EQUAL(!strcmp(thaw_conv_implementation(conv, 2), "thaw:depthwise"), own);
            void *room = thaw_new_aligned(thaw_conv_scratch(conv), 1, &err);
            CU_ASSERT_EQUAL(thaw_conv_set_weights(conv, kernel, bias, &err), 0);
            CU_ASSERT_EQUAL(thaw_conv_forward(conv, x, NULL, y, room, &err), 0);
            struct thaw_conv_gradient gradient = {
                .in = x, .out = y, .dout = dout, .din = din[own], .first = true, .scratch = room};
            CU_ASSERT_EQUAL(thaw_conv_backward(conv, &gradient, &err), 0);
            if (!own)
                thaw_act_backward(&spec.act, x, din[0], ins);
            CU_ASSERT_EQUAL(thaw_conv_gradients(conv, dk[own], db[own], &err), 0);
            thaw_conv_free(conv);
            free(room);
            free(dout);
        }
        CU_ASSERT(thaw_near(din[1], din[0], ins, 2e-6));
        CU_ASSERT(thaw_near(dk[1], dk[0], TAPS * C, 2e-6));
        CU_ASSERT(thaw_near(db[1], db[0], C, 2e-6));
        float *all[] = {x, y, g, kernel, bias, din[0], din[1], dk[0], dk[1], db[0], db[1]};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free(all[i]);
    }
}

void thaw_test_depthwise(void)
{
    CU_pSuite s = thaw_suite("depthwise");
    CU_add_test(s, "every width and stride", test_same);
    CU_add_test(s, "bfloat16", test_bf16);
    CU_add_test(s, "channels last", test_channels_last);
    CU_add_test(s, "no padding, uneven strides", test_valid);
    CU_add_test(s, "much padding", test_wide);
    CU_add_test(s, "as the primitives", test_primitive);
}
