#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "io/base/rng.h"
#include "nn/dnnl/prim.h"
#include "nn/kernels/kernels.h"
#include "nn/ops/affine.h"
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

static void naive(const struct thaw_depthwise *d, const float *in, const float *dout, double *dk,
                  double *db)
{
    int places = d->ih * d->iw, cells = d->oh * d->ow;
    for (int i = 0; i < d->n * d->blocks; i++)
        for (int y = 0; y < d->oh; y++)
            for (int x = 0; x < d->ow; x++)
                for (int c = 0; c < d->block; c++) {
                    double g = (double)dout[((i * cells) + y * d->ow + x) * d->block + c];
                    db[i % d->blocks * d->block + c] += g;
                    for (int k = 0; k < d->kh * d->kw; k++) {
                        int iy = y * d->stride_h - d->pad_top + k / d->kw;
                        int ix = x * d->stride_w - d->pad_left + k % d->kw;
                        if (iy < 0 || iy >= d->ih || ix < 0 || ix >= d->iw)
                            continue;
                        dk[(i % d->blocks * d->kh * d->kw + k) * d->block + c] +=
                            g * (double)in[(i * places + iy * d->iw + ix) * d->block + c];
                    }
                }
}

static bool near_double(const float *a, const double *b, size_t n, double factor)
{
    float *wanted = numbers(n, 0);
    for (size_t i = 0; i < n; i++)
        wanted[i] = (float)(b[i] * factor);
    bool near = thaw_near(a, wanted, n, 2e-6);
    free(wanted);
    return near;
}

static void check_depthwise(struct thaw_depthwise d)
{
    size_t channels = (size_t)(d.blocks * d.block), count = channels * (size_t)(d.kh * d.kw);
    float *in = numbers((size_t)(d.n * d.ih * d.iw) * channels, 1);
    float *dout = numbers((size_t)(d.n * d.oh * d.ow) * channels, 2);
    float *dk = numbers(count, 3), *db = numbers(channels, 4), *again = numbers(count, 5);
    float *scratch = numbers(thaw_kernel_depthwise_scratch(&d) / sizeof(float), 6);
    double *wanted = calloc(count + channels, sizeof *wanted);
    int before = thaw_par_threads();
    if (!wanted)
        abort();
    naive(&d, in, dout, wanted, wanted + count);
    thaw_par_set_threads(1);
    thaw_kernel_depthwise_weights(&d, in, dout, true, dk, db, scratch);
    CU_ASSERT(near_double(dk, wanted, count, 1));
    CU_ASSERT(near_double(db, wanted + count, channels, 1));
    thaw_par_set_threads(3);
    thaw_kernel_depthwise_weights(&d, in, dout, true, again, NULL, scratch);
    CU_ASSERT_EQUAL(memcmp(dk, again, count * sizeof *dk), 0);
    thaw_kernel_depthwise_weights(&d, in, dout, false, dk, db, scratch);
    CU_ASSERT(near_double(dk, wanted, count, 2));
    CU_ASSERT(near_double(db, wanted + count, channels, 2));
    thaw_par_set_threads(before);
    free(in);
    free(dout);
    free(dk);
    free(db);
    free(again);
    free(scratch);
    free(wanted);
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

static void test_depthwise(void)
{
    static const int blocks[] = {16, 8, 3},
                     sides[][2] = {{1, 1}, {2, 3}, {7, 7}, {12, 9}, {33, 40}};
    for (int b = 0; b < 3; b++)
        for (int s = 0; s < 5; s++)
            for (int k = 1; k <= 7; k++)
                for (int stride = 1; stride <= 3; stride++)
                    check_depthwise(same(blocks[b], sides[s][0], sides[s][1], k, stride));
}

static void test_depthwise_valid(void)
{
    for (int stride = 1; stride <= 2; stride++) {
        struct thaw_depthwise d = same(16, 11, 14, 5, stride);
        d.pad_top = d.pad_left = 0;
        d.oh = (d.ih - d.kh) / stride + 1;
        d.ow = (d.iw - d.kw) / stride + 1;
        check_depthwise(d);
        d.kh = 3; /* kernels need not be square */
        d.oh = (d.ih - d.kh) / stride + 1;
        d.stride_h = 1;
        d.oh = d.ih - d.kh + 1;
        check_depthwise(d);
    }
    struct thaw_depthwise wide = same(8, 4, 4, 7, 1); /* more padding than `same` has */
    wide.pad_left = wide.pad_top = 5;
    wide.oh = wide.ow = 4 + 10 - 7 + 1;
    check_depthwise(wide);
}

/* The primitive has a fast way of its own for 3x3; both must say the same. */
static void test_depthwise_primitive(void)
{
    enum { C = 24, SIDE = 9 };
    int block = thaw_dnnl_block(), blocks = (C + block - 1) / block;
    for (int stride = 1; stride <= 2; stride++) {
        struct thaw_depthwise d = same(block, SIDE, SIDE, 3, stride);
        d.blocks = blocks;
        size_t width = (size_t)block, channels = (size_t)blocks * width, in_side = SIDE * SIDE;
        struct thaw_conv_spec spec = {.linear = {3, 3, stride, stride, 1, 1, d.pad_top, d.pad_left,
                                                 (d.oh - 1) * stride + 3 - SIDE - d.pad_top,
                                                 (d.ow - 1) * stride + 3 - SIDE - d.pad_left, C,
                                                 true},
                                      .in.shape = {3, SIDE, SIDE, C},
                                      .out.shape = {3, d.oh, d.ow, C},
                                      .n = d.n,
                                      .weight_gradient = true};
        spec.in.layout = (struct thaw_layout){block, blocks, in_side * channels};
        spec.out.layout = (struct thaw_layout){block, blocks, (size_t)(d.oh * d.ow) * channels};
        struct thaw_tensor in = thaw_tensor_of(spec.in.shape, spec.in.layout, d.n);
        struct thaw_tensor out = thaw_tensor_of(spec.out.shape, spec.out.layout, d.n);
        float *x = numbers(in.n * thaw_tensor_sample(&in), 1);
        float *g = numbers(out.n * thaw_tensor_sample(&out), 2);
        float *own = numbers(9 * channels, 3), *bias = numbers(channels, 4);
        float *wanted = numbers(9 * C, 5), *wanted_bias = numbers(C, 6), *got = numbers(9 * C, 7);
        float *scratch = numbers(thaw_kernel_depthwise_scratch(&d) / sizeof(float), 8);
        struct thaw_error err = {0};
        thaw_kernel_zero_tail(&in, x);
        thaw_kernel_zero_tail(&out, g);
        struct thaw_conv *conv = thaw_conv_create(&spec, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(conv);
        void *room = thaw_new_aligned(thaw_conv_scratch(conv), 1, &err);
        CU_ASSERT_EQUAL(thaw_conv_backward_weights(conv, x, g, true, room, &err), 0);
        CU_ASSERT_EQUAL(thaw_conv_gradients(conv, wanted, wanted_bias, &err), 0);
        thaw_kernel_depthwise_weights(&d, x, g, true, own, bias, scratch);
        for (size_t k = 0; k < 9; k++)
            for (size_t c = 0; c < C; c++)
                got[k * C + c] = own[(c / width * 9 + k) * width + c % width];
        CU_ASSERT(thaw_near(got, wanted, 9 * C, 2e-6));
        CU_ASSERT(thaw_near(bias, wanted_bias, C, 2e-6));
        thaw_conv_free(conv);
        float *all[] = {x, g, own, bias, wanted, wanted_bias, got, scratch, room};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free(all[i]);
    }
}

/* dgamma and dbeta through k and b are those of the formula itself. */
static void test_affine_folding(void)
{
    enum { C = 5 };
    float gamma[C] = {1, 2, -0.5f, 0.1f, 3}, beta[C] = {0, 1, 2, 3, 4};
    float mean[C] = {0.3f, -1, 2, 0, 5}, variance[C] = {1, 0.5f, 2, 0.01f, 9};
    struct thaw_param p[4] = {{.data = gamma}, {.data = beta}, {.data = mean}, {.data = variance}};
    struct thaw_affine conf = {.epsilon = 1e-3f};
    struct thaw_op op = {
        .kind = &thaw_op_affine, .conf = &conf, .params = {&p[0], &p[1], &p[2], &p[3]}};
    float k[C], b[C], dk[C] = {1, 2, 3, 4, 5}, db[C] = {-1, 0.5f, 2, 0, 1}, dgamma[C], dbeta[C];
    thaw_affine_fold(&op, C, k, b);
    thaw_affine_gradients(&op, C, dk, db, dgamma, dbeta);
    for (int c = 0; c < C; c++) {
        double s = sqrt((double)variance[c] + 1e-3);
        CU_ASSERT_DOUBLE_EQUAL(k[c], (double)gamma[c] / s, 1e-5);
        CU_ASSERT_DOUBLE_EQUAL(b[c], (double)beta[c] - (double)(mean[c] * gamma[c]) / s, 1e-5);
        CU_ASSERT_DOUBLE_EQUAL(dgamma[c], (double)(dk[c] - mean[c] * db[c]) / s, 1e-4);
        CU_ASSERT_EQUAL(dbeta[c], db[c]);
    }
    thaw_affine_gradients(&op, C, dk, db, dk, NULL);
    CU_ASSERT_EQUAL(memcmp(dk, dgamma, sizeof dk), 0);
    float zero = 0; /* Keras' Normalization divides by 1e-7 at least */
    p[3].data = &zero;
    conf.epsilon = 0;
    CU_ASSERT_DOUBLE_EQUAL(thaw_affine_inverse(&op, 0, 0), 1e7, 1);
}

void thaw_test_kernels(void)
{
    CU_pSuite s = thaw_suite("kernels");
    CU_add_test(s, "depthwise weight gradients, every kernel and stride", test_depthwise);
    CU_add_test(s, "depthwise weight gradients without padding, oblong, and with much",
                test_depthwise_valid);
    CU_add_test(s, "depthwise weight gradients as the primitive has them",
                test_depthwise_primitive);
    CU_add_test(s, "folding an affine map and the way back", test_affine_folding);
}
