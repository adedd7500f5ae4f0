/* bfloat16 convolutions by loops of our own, Winograd's algorithm and matrix tiles, through the
 * interface of all convolutions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "io/base/rng.h"
#include "nn/dnnl/prim.h"
#include "nn/kernels/bf16.h"
#include "nn/kernels/kernels.h"
#include "tests/check.h"

struct sizes {
    int h, w, in, out, before, after; /* the last two: padding on two sides each */
    int side, stride;
};

/* Every loop has a layout of its own. */
struct loop {
    const char *name;
    bool channels_last;
    double most, usual; /* errors, to the largest output */
};
static const struct loop winograd = {"thaw:winograd", false, 0.02, 0.003},
                         tiles = {"thaw:tiles", true, 0.004, 0.002};

static struct thaw_conv_spec spec_of(const struct loop *loop, struct sizes s, int n, bool addend,
                                     const char *act)
{
    int side = s.side, stride = s.stride, beyond = s.before + s.after - side;
    struct thaw_conv_spec spec = {.n = n,
                                  .has_addend = addend,
                                  .linear = {side, side, stride, stride, 1, 1, s.before, s.before,
                                             s.after, s.after, 1, false}};
    spec.in.shape = (struct thaw_shape){3, s.h, s.w, s.in};
    spec.out.shape =
        (struct thaw_shape){3, (s.h + beyond) / stride + 1, (s.w + beyond) / stride + 1, s.out};
    spec.in.type = spec.out.type = THAW_TYPE_BF16;
    spec.in.channels_last = spec.out.channels_last = loop->channels_last;
    spec.in.layout = loop->channels_last ? thaw_layout_channels_last(spec.in.shape)
                                         : thaw_layout_of(spec.in.shape, thaw_dnnl_block());
    spec.out.layout = loop->channels_last ? thaw_layout_channels_last(spec.out.shape)
                                          : thaw_layout_of(spec.out.shape, thaw_dnnl_block());
    spec.addend = spec.out;
    CU_ASSERT_EQUAL(thaw_act_find(&spec.act, act, NULL), 0);
    return spec;
}

static bool is_by(const struct loop *loop, const struct thaw_conv_spec *spec)
{
    struct thaw_error err = {0};
    struct thaw_conv *conv = thaw_conv_create(spec, &err);
    CU_ASSERT_EQUAL(thaw_told(conv ? 0 : -1, &err), 0);
    bool is = conv && strcmp(thaw_conv_implementation(conv, 0), loop->name) == 0;
    CU_ASSERT_EQUAL(is && loop == &winograd, conv && thaw_conv_by_winograd(conv));
    thaw_conv_free(conv);
    return is;
}

static bool lacks(const struct loop *loop, const char *what)
{
    if (loop->channels_last ? thaw_dnnl_has_tiles() : thaw_dnnl_has_bf16())
        return false;
    thaw_skip(what);
    return true;
}

static float *weights(size_t count, uint32_t stream, float most)
{
    struct thaw_rng rng = thaw_rng_at(4, 0, stream, 0);
    float *v = thaw_new_aligned(count, sizeof *v, NULL);
    if (!v)
        abort();
    for (size_t i = 0; i < count; i++)
        v[i] = thaw_rng_uniform(&rng, -most, most);
    return v;
}

static uint16_t *numbers(size_t count, uint32_t stream)
{
    float *from = weights(count, stream, 2);
    uint16_t *v = thaw_new_aligned(count, sizeof *v, NULL);
    if (!v)
        abort();
    thaw_bf16_narrow_array(from, v, count);
    free(from);
    return v;
}

struct data {
    struct thaw_conv_spec spec;
    uint16_t *in, *addend;
    float *kernel, *bias;
};

static struct data data_of(const struct thaw_conv_spec *spec)
{
    size_t in = spec->in.layout.sample, out = spec->out.layout.sample, n = (size_t)spec->n;
    return (struct data){.spec = *spec,
                         .in = numbers(n * in, 1),
                         .addend = numbers(n * out, 2),
                         .kernel = weights((size_t)(spec->linear.kh * spec->linear.kw *
                                                    spec->in.shape.c * spec->out.shape.c),
                                           3, 0.1F),
                         .bias = weights((size_t)spec->out.shape.c, 4, 0.1F)};
}

static void release(struct data *d)
{
    free(d->in);
    free(d->addend);
    free(d->kernel);
    free(d->bias);
}

/* `count` samples from `first` on, at so many threads, into out, which holds the addend before. */
static void run(const struct data *d, int first, int count, int threads, uint16_t *out)
{
    struct thaw_error err = {0};
    struct thaw_conv_spec spec = d->spec;
    size_t in = spec.in.layout.sample, size = spec.out.layout.sample;
    int before = thaw_par_threads();
    spec.n = count;
    thaw_par_set_threads(threads);
    struct thaw_conv *conv = thaw_conv_create(&spec, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(conv);
    void *scratch = thaw_new_aligned(thaw_conv_scratch(conv), 1, &err);
    memcpy(out, d->addend + (size_t)first * size, (size_t)count * size * sizeof *out);
    CU_ASSERT_EQUAL(thaw_conv_set_weights(conv, d->kernel, d->bias, &err), 0);
    CU_ASSERT_EQUAL(thaw_conv_forward(conv, d->in + (size_t)first * in,
                                      spec.has_addend ? out : NULL, out, scratch, &err),
                    0);
    thaw_par_set_threads(before);
    thaw_conv_free(conv);
    free(scratch);
}

static size_t place(const struct thaw_value *v, int sample, int y, int x, int c)
{
    struct thaw_tensor t = thaw_tensor_of(v->shape, v->layout, 1);
    return (size_t)sample * v->layout.sample + thaw_tensor_at(&t, (size_t)y, (size_t)x, (size_t)c);
}

static double sum_at(const struct data *d, int sample, int y, int x, int o)
{
    const struct thaw_linear *l = &d->spec.linear;
    struct thaw_shape in = d->spec.in.shape, out = d->spec.out.shape;
    double sum = (double)d->bias[o];
    for (int ky = 0; ky < l->kh; ky++)
        for (int kx = 0; kx < l->kw; kx++)
            for (int c = 0; c < in.c; c++) {
                int r = y * l->stride_h + ky - l->pad_top, q = x * l->stride_w + kx - l->pad_left;
                if (r >= 0 && q >= 0 && r < in.h && q < in.w)
                    sum += (double)thaw_bf16_widen(d->in[place(&d->spec.in, sample, r, q, c)]) *
                           (double)d->kernel[((ky * l->kw + kx) * in.c + c) * out.c + o];
            }
    if (d->spec.has_addend)
        sum += (double)thaw_bf16_widen(d->addend[place(&d->spec.out, sample, y, x, o)]);
    return sum;
}

/* Some outputs, all edges among them. */
static void compare(const struct loop *loop, const struct data *d, const uint16_t *got, double low,
                    double high)
{
    struct thaw_shape out = d->spec.out.shape;
    double most = 0, largest = 0, square = 0;
    int count = 0;
    for (int sample = 0; sample < d->spec.n; sample++)
        for (int y = 0; y < out.h; y++)
            for (int x = 0; x < out.w; x++)
                for (int o = (x + y) % 7; o < out.c; o += 13) {
                    double wanted = fmin(fmax(sum_at(d, sample, y, x, o), low), high);
                    double error =
                        (double)thaw_bf16_widen(got[place(&d->spec.out, sample, y, x, o)]) - wanted;
                    most = fmax(most, fabs(error));
                    largest = fmax(largest, fabs(wanted));
                    square += error * error;
                    count++;
                }
    CU_ASSERT(largest > 1);
    CU_ASSERT(most < loop->most * largest);
    CU_ASSERT(sqrt(square / count) < loop->usual * largest);
}

static void check(const struct loop *loop, struct sizes sizes, bool addend, const char *act,
                  double low, double high)
{
    enum { MANY = 3 };
    struct thaw_conv_spec spec = spec_of(loop, sizes, MANY, addend, act);
    struct data d = data_of(&spec);
    size_t size = spec.out.layout.sample, bytes = size * sizeof(uint16_t);
    uint16_t *all = numbers(MANY * size, 5), *again = numbers(MANY * size, 6);
    CU_ASSERT(is_by(loop, &spec));
    run(&d, 0, MANY, 1, all);
    compare(loop, &d, all, low, high);
    run(&d, 0, MANY, 3, again);
    CU_ASSERT_EQUAL(memcmp(all, again, MANY * bytes), 0);
    run(&d, 1, 1, 2, again);
    CU_ASSERT_EQUAL(memcmp(all + size, again, bytes), 0);
    release(&d);
    free(all);
    free(again);
}

static void test_winograd(void)
{
    if (lacks(&winograd, "bfloat16 convolutions by Winograd's algorithm: need AVX-512 with bf16"))
        return;
    check(&winograd, (struct sizes){14, 14, 64, 64, 1, 1, 3, 1}, false, "linear", -INFINITY,
          INFINITY);
    check(&winograd, (struct sizes){7, 7, 64, 128, 1, 1, 3, 1}, false, "relu", 0, INFINITY);
    check(&winograd, (struct sizes){9, 16, 64, 112, 1, 1, 3, 1}, true, "relu6", 0, 6);
    check(&winograd, (struct sizes){10, 13, 80, 64, 0, 0, 3, 1}, true, "relu", 0, INFINITY);
    check(&winograd, (struct sizes){12, 8, 64, 64, 0, 1, 3, 1}, true, "linear", -INFINITY,
          INFINITY);
    check(&winograd, (struct sizes){11, 9, 64, 64, 2, 1, 3, 1}, false, "relu", 0, INFINITY);
    check(&winograd, (struct sizes){28, 28, 128, 64, 1, 1, 3, 1}, false, "relu", 0, INFINITY);
}

static void test_tiles(void)
{
    if (lacks(&tiles, "bfloat16 convolutions in matrix tiles: need AMX"))
        return;
    check(&tiles, (struct sizes){5, 6, 64, 64, 1, 1, 3, 1}, false, "linear", -INFINITY, INFINITY);
    check(&tiles, (struct sizes){7, 7, 88, 128, 1, 1, 3, 1}, true, "relu", 0, INFINITY);
    check(&tiles, (struct sizes){4, 9, 96, 72, 1, 1, 3, 1}, false, "relu6", 0, 6);
    check(&tiles, (struct sizes){1, 2, 256, 48, 1, 1, 3, 1}, true, "linear", -INFINITY, INFINITY);
    check(&tiles, (struct sizes){2, 9, 64, 40, 1, 1, 3, 1}, true, "relu", 0, INFINITY);
    check(&tiles, (struct sizes){14, 14, 256, 256, 1, 1, 3, 1}, false, "relu", 0, INFINITY);
    check(&tiles, (struct sizes){5, 5, 512, 200, 0, 0, 1, 1}, true, "relu", 0, INFINITY);
    check(&tiles, (struct sizes){7, 7, 1032, 208, 0, 0, 1, 1}, false, "relu6", 0, 6);
    check(&tiles, (struct sizes){7, 6, 520, 72, 0, 0, 1, 2}, true, "linear", -INFINITY, INFINITY);
    check(&tiles, (struct sizes){1, 1, 1024, 80, 0, 0, 1, 1}, false, "relu", 0, INFINITY);
    check(&tiles, (struct sizes){8, 8, 1024, 1024, 0, 0, 1, 1}, true, "relu", 0, INFINITY);
}

/* A NaN stays one, through the activation as well, where it is met and nowhere else. */
static void check_nan(const struct loop *loop)
{
    struct thaw_conv_spec spec =
        spec_of(loop, (struct sizes){8, 8, 128, 128, 1, 1, 3, 1}, 1, false, "relu6");
    struct data d = data_of(&spec);
    uint16_t *out = numbers(spec.out.layout.sample, 5);
    d.in[place(&spec.in, 0, 4, 4, 3)] = thaw_bf16_narrow(NAN);
    run(&d, 0, 1, 1, out);
    CU_ASSERT(isnan(thaw_bf16_widen(out[place(&spec.out, 0, 4, 4, 0)])));
    CU_ASSERT_FALSE(isnan(thaw_bf16_widen(out[place(&spec.out, 0, 0, 0, 0)])));
    release(&d);
    free(out);
}

static void test_nan(void)
{
    if (!lacks(&winograd, "a NaN through Winograd's algorithm: needs AVX-512 with bf16"))
        check_nan(&winograd);
    if (!lacks(&tiles, "a NaN through matrix tiles: needs AMX"))
        check_nan(&tiles);
}

static void check_common(const struct loop *loop, struct sizes usual)
{
    struct thaw_conv_spec spec = spec_of(loop, usual, 1, false, "relu");
    CU_ASSERT(is_by(loop, &spec));
    spec.data_gradient = true;
    CU_ASSERT_FALSE(is_by(loop, &spec));
    spec = spec_of(loop, usual, 1, false, "relu");
    spec.out.type = THAW_TYPE_F32;
    CU_ASSERT_FALSE(is_by(loop, &spec));
    spec = spec_of(loop, usual, 1, false, "swish");
    CU_ASSERT_FALSE(is_by(loop, &spec));
}

static void test_what_winograd_takes(void)
{
    if (lacks(&winograd, "what runs by Winograd's algorithm in bfloat16: needs AVX-512 with bf16"))
        return;
    static const struct sizes not_taken[] = {{14, 14, 32, 64, 1, 1, 3, 1},  /* transforms */
                                             {14, 14, 64, 80, 1, 1, 3, 1},  /* rounds up to 128 */
                                             {3, 3, 64, 64, 1, 1, 3, 1},    /* rounds up to 4 x 4 */
                                             {14, 14, 72, 64, 1, 1, 3, 1}}; /* no whole blocks */
    check_common(&winograd, (struct sizes){14, 14, 64, 64, 1, 1, 3, 1});
    for (size_t i = 0; i < sizeof not_taken / sizeof *not_taken; i++) {
        struct thaw_conv_spec spec = spec_of(&winograd, not_taken[i], 1, false, "relu");
        CU_ASSERT_FALSE(is_by(&winograd, &spec));
    }
}

static void test_what_tiles_take(void)
{
    if (lacks(&tiles, "what runs in matrix tiles: needs AMX"))
        return;
    static const struct sizes not_taken[] = {
        {7, 7, 256, 256, 0, 0, 3, 1},  {7, 7, 256, 256, 1, 2, 3, 1},
        {7, 7, 256, 256, 1, 1, 3, 2},  {7, 7, 256, 256, 2, 2, 5, 1},
        {5, 5, 512, 512, 1, 1, 1, 1},  {56, 56, 64, 64, 1, 1, 3, 1}, /* small kernels */
        {14, 14, 512, 512, 0, 0, 1, 1}};
    check_common(&tiles, (struct sizes){7, 7, 256, 256, 1, 1, 3, 1});
    for (size_t i = 0; i < sizeof not_taken / sizeof *not_taken; i++) {
        struct thaw_conv_spec spec = spec_of(&tiles, not_taken[i], 1, false, "relu");
        CU_ASSERT_FALSE(is_by(&tiles, &spec));
    }
}

void thaw_test_conv_own(void)
{
    CU_pSuite s = thaw_suite("conv_own");
    CU_add_test(s, "Winograd: as the definition, at any number of samples and threads",
                test_winograd);
    CU_add_test(s, "tiles: as the definition, at any number of samples and threads", test_tiles);
    CU_add_test(s, "a NaN stays one", test_nan);
    CU_add_test(s, "what Winograd's algorithm takes", test_what_winograd_takes);
    CU_add_test(s, "what tiles take", test_what_tiles_take);
}
