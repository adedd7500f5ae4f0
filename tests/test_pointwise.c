#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "io/base/rng.h"
#include "nn/dnnl/prim.h"
#include "nn/kernels/conv.h"
#include "tests/check.h"

enum { BLOCK = THAW_POINTWISE_BLOCK, SQUARE = BLOCK * BLOCK };

static float *numbers(size_t n, uint32_t stream)
{
    struct thaw_rng rng = thaw_rng_at(12, 0, stream, 0);
    float *v = thaw_new_aligned(n, sizeof *v, NULL);
    if (!v)
        abort();
    for (size_t i = 0; i < n; i++)
        v[i] = thaw_rng_normal(&rng);
    return v;
}

static size_t blocks(size_t channels)
{
    return (channels + BLOCK - 1) / BLOCK;
}

/* [n][blocks][cells][16], zero beyond the channels. */
static float *values(const struct thaw_pointwise *p, size_t channels, uint32_t stream)
{
    struct thaw_tensor t = {p->n, blocks(channels), 1, p->cells, BLOCK, channels};
    float *v = numbers(t.n * thaw_tensor_sample(&t), stream);
    thaw_kernel_zero_tail(&t, v);
    return v;
}

static float at(const struct thaw_pointwise *p, const float *v, size_t channels, size_t sample,
                size_t cell, size_t channel)
{
    return v[((sample * blocks(channels) + channel / BLOCK) * p->cells + cell) * BLOCK +
             channel % BLOCK];
}

/* Where the kernel keeps the gradient of a weight. */
static size_t place(const struct thaw_pointwise *p, size_t in, size_t out)
{
    size_t ib = in / BLOCK, ob = out / BLOCK, i = in % BLOCK, o = out % BLOCK;
    return thaw_pointwise_by_input(p) ? (ib * blocks(p->out_channels) + ob) * SQUARE + o * BLOCK + i
                                      : (ob * blocks(p->in_channels) + ib) * SQUARE + i * BLOCK + o;
}

static void check(struct thaw_pointwise p)
{
    float *in = values(&p, p.in_channels, 1), *dout = values(&p, p.out_channels, 2);
    size_t count = blocks(p.in_channels) * blocks(p.out_channels) * SQUARE;
    size_t outs = blocks(p.out_channels) * BLOCK;
    float *dk = numbers(count, 3), *again = numbers(count, 4), *db = numbers(outs, 5);
    float *wanted = numbers(p.in_channels * p.out_channels, 6), *sums = numbers(outs, 7);
    float *got = numbers(p.in_channels * p.out_channels, 8);
    int before = thaw_par_threads();
    for (size_t o = 0; o < p.out_channels; o++) {
        double sum = 0;
        for (size_t i = 0; i < p.in_channels; i++) {
            double product = 0;
            for (size_t cell = 0; cell < p.n * p.cells; cell++)
                product += (double)at(&p, in, p.in_channels, cell / p.cells, cell % p.cells, i) *
                           (double)at(&p, dout, p.out_channels, cell / p.cells, cell % p.cells, o);
            wanted[i * p.out_channels + o] = (float)(2 * product);
        }
        for (size_t cell = 0; cell < p.n * p.cells; cell++)
            sum += (double)at(&p, dout, p.out_channels, cell / p.cells, cell % p.cells, o);
        sums[o] = (float)(2 * sum);
    }
    for (int threads = 1; threads <= 3; threads += 2) {
        thaw_par_set_threads(threads);
        float *kernel = threads == 1 ? dk : again;
        thaw_kernel_pointwise_weights(&p, in, dout, true, kernel, db);
        thaw_kernel_pointwise_weights(&p, in, dout, false, kernel, db);
    }
    thaw_par_set_threads(before);
    CU_ASSERT_EQUAL(memcmp(dk, again, count * sizeof *dk), 0);
    for (size_t i = 0; i < p.in_channels * p.out_channels; i++)
        got[i] = dk[place(&p, i / p.out_channels, i % p.out_channels)];
    CU_ASSERT(thaw_near(got, wanted, p.in_channels * p.out_channels, 5e-6));
    CU_ASSERT(thaw_near(db, sums, p.out_channels, 5e-6));
    float *all[] = {in, dout, dk, again, db, wanted, sums, got};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void test_definition(void)
{
    static const size_t channels[][2] = {{16, 96}, {96, 24},  {24, 48},  {1, 5},   {5, 1},
                                         {17, 16}, {16, 17},  {40, 120}, {33, 80}, {80, 33},
                                         {8, 8},   {112, 20}, {20, 112}};
    static const size_t cells[] = {1, 3, 49, 100, 101, 230};
    if (!thaw_cpu_has_avx512()) {
        thaw_skip("gradients of 1x1 kernels: needs AVX-512");
        return;
    }
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
        for (size_t s = 0; s < sizeof cells / sizeof *cells; s++)
            check((struct thaw_pointwise){c % 4 + 1, cells[s], channels[c][0], channels[c][1]});
}

static void gradients(const struct thaw_conv_spec *spec, const float *x, const float *g, float *dk,
                      float *db, const char *implementation)
{
    struct thaw_error err = {0};
    size_t outs = (size_t)spec->n * spec->out.layout.sample;
    struct thaw_conv *conv = thaw_conv_create(spec, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(conv);
    const char *name = thaw_conv_implementation(conv, 2);
    CU_ASSERT_EQUAL(strncmp(name, "thaw:", 5) == 0, *implementation != 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(name, implementation));
    void *room = thaw_new_aligned(thaw_conv_scratch(conv), 1, &err);
    float *dout = numbers(outs, 9);
    memcpy(dout, g, outs * sizeof *g);
    struct thaw_conv_gradient gradient = {.in = x, .dout = dout, .scratch = room, .first = true};
    CU_ASSERT_EQUAL(thaw_conv_backward(conv, &gradient, &err), 0);
    gradient.first = false;
    CU_ASSERT_EQUAL(thaw_conv_backward(conv, &gradient, &err), 0);
    CU_ASSERT_EQUAL(thaw_conv_gradients(conv, dk, db, &err), 0);
    thaw_conv_free(conv);
    free(room);
    free(dout);
}

/* The middle of a 3x3 kernel with one cell of padding sees what a 1x1 kernel sees; that one goes to
 * the primitive. */
static void test_primitive(void)
{
    enum { IN = 40, OUT = 24, SIDE = 13, N = 2 };
    if (thaw_dnnl_block() != BLOCK) {
        thaw_skip("gradients of 1x1 kernels against the primitive: needs AVX-512");
        return;
    }
    struct thaw_pointwise p = {N, SIDE * SIDE, IN, OUT};
    struct thaw_conv_spec spec = {.linear = {1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, false},
                                  .in.shape = {3, SIDE, SIDE, IN},
                                  .out.shape = {3, SIDE, SIDE, OUT},
                                  .n = N,
                                  .weight_gradient = true};
    spec.in.layout = thaw_layout_of(spec.in.shape, BLOCK);
    spec.out.layout = thaw_layout_of(spec.out.shape, BLOCK);
    float *x = values(&p, IN, 1), *g = values(&p, OUT, 2);
    float *own = numbers(IN * OUT, 3), *wide = numbers(9 * IN * OUT, 4),
          *db[2] = {numbers(OUT, 5), numbers(OUT, 6)};
    gradients(&spec, x, g, own, db[0], "thaw:pointwise");
    spec.linear = (struct thaw_linear){3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, false};
    gradients(&spec, x, g, wide, db[1], "");
    CU_ASSERT(thaw_near(own, wide + 4 * IN * OUT, IN * OUT, 5e-6));
    CU_ASSERT(thaw_near(db[0], db[1], OUT, 5e-6));
    float *all[] = {x, g, own, wide, db[0], db[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

void thaw_test_pointwise(void)
{
    CU_pSuite s = thaw_suite("pointwise");
    CU_add_test(s, "as the definition", test_definition);
    CU_add_test(s, "as the primitive", test_primitive);
}
