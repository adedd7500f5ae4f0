#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/rng.h"
#include "nn/dnnl/prim.h"
#include "tests/check.h"

/* Convolutions in 8 bits against sums in whole numbers: scales by channel, biases, addends of
 * another scale, activations that do and do not commute with scales. */

enum { SIDE = 7, SAMPLES = 2, MAX_CHANNELS = 800 };

struct eight {
    const char *name;
    int in_channels, channels, groups, k, stride;
    enum thaw_type in, out;
    const char *act; /* NULL: none */
    float in_scale, out_scale;
    bool has_addend;
    enum thaw_type addend;
    float addend_scale;
    bool tiles; /* by our own loop, where the machine has them */
};

static const struct eight cases[] = {
    {"3x3 of signed", 24, 40, 1, 3, 2, THAW_TYPE_S8, THAW_TYPE_S8, NULL, 0.02f, 0.1f, 0, 0, 0,
     false},
    {"1x1, relu6", 24, 40, 1, 1, 1, THAW_TYPE_U8, THAW_TYPE_U8, "relu6", 0.02f, 6 / 255.f, 0, 0, 0,
     false},
    {"1x1, swish", 24, 40, 1, 1, 1, THAW_TYPE_U8, THAW_TYPE_S8, "swish", 0.02f, 0.1f, 0, 0, 0,
     false},
    {"to float", 24, 40, 1, 1, 1, THAW_TYPE_S8, THAW_TYPE_F32, "relu", 0.02f, 1, 0, 0, 0, false},
    {"addend", 24, 40, 1, 1, 1, THAW_TYPE_U8, THAW_TYPE_S8, NULL, 0.02f, 0.1f, 1, THAW_TYPE_S8,
     0.07f, false},
    {"addend, relu", 24, 40, 1, 3, 1, THAW_TYPE_U8, THAW_TYPE_U8, "relu", 0.02f, 0.05f, 1,
     THAW_TYPE_S8, 0.07f, false},
    {"depthwise, relu6", 40, 40, 40, 3, 2, THAW_TYPE_U8, THAW_TYPE_U8, "relu6", 0.02f, 6 / 255.f, 0,
     0, 0, false},
    {"3x3 tiles, relu6", 136, 128, 1, 3, 1, THAW_TYPE_U8, THAW_TYPE_U8, "relu6", 0.02f, 6 / 255.f,
     0, 0, 0, true},
    {"3x3 tiles, unsigned to signed", 200, 88, 1, 3, 1, THAW_TYPE_U8, THAW_TYPE_S8, NULL, 0.02f,
     0.1f, 1, THAW_TYPE_S8, 0.07f, true},
    {"3x3 tiles, signed", 128, 80, 1, 3, 1, THAW_TYPE_S8, THAW_TYPE_S8, NULL, 0.02f, 0.1f, 0, 0, 0,
     true},
    {"3x3 tiles, signed to unsigned", 128, 80, 1, 3, 1, THAW_TYPE_S8, THAW_TYPE_U8, "relu", 0.02f,
     0.05f, 0, 0, 0, true},
    {"1x1 tiles in steps of two", 520, 304, 1, 1, 2, THAW_TYPE_U8, THAW_TYPE_U8, "relu", 0.02f,
     0.05f, 0, 0, 0, true},
    {"1x1 tiles, addend of unsigned", 512, 800, 1, 1, 1, THAW_TYPE_U8, THAW_TYPE_U8, "relu", 0.02f,
     0.05f, 1, THAW_TYPE_U8, 0.03f, true},
    {"groups, relu", 32, 64, 2, 3, 1, THAW_TYPE_U8, THAW_TYPE_U8, "relu", 0.02f, 0.05f, 0, 0, 0,
     false}};

static int stored(const void *tensor, enum thaw_type type, size_t i)
{
    return type == THAW_TYPE_S8 ? ((const int8_t *)tensor)[i] : ((const uint8_t *)tensor)[i];
}

static struct thaw_value value(int side, int channels, enum thaw_type type, float scale)
{
    struct thaw_shape shape = {3, side, side, channels};
    return (struct thaw_value){.shape = shape,
                               .layout = thaw_layout_channels_last(shape),
                               .type = type,
                               .channels_last = true,
                               .scale = scale};
}

static struct thaw_conv_spec spec_of(const struct eight *e, const float *kernel_scale)
{
    int side = (SIDE - 1) / e->stride + 1, pad = e->k / 2;
    struct thaw_conv_spec s = {.linear = {e->k, e->k, e->stride, e->stride, 1, 1, pad, pad, pad,
                                          pad, e->groups, e->groups == e->in_channels},
                               .in = value(SIDE, e->in_channels, e->in, e->in_scale),
                               .out = value(side, e->channels, e->out, e->out_scale),
                               .n = SAMPLES,
                               .has_addend = e->has_addend,
                               .addend = value(side, e->channels, e->addend, e->addend_scale),
                               .kernel_scale = kernel_scale};
    if (e->act)
        CU_ASSERT_EQUAL_FATAL(thaw_act_find(&s.act, e->act, NULL), 0);
    return s;
}

/* Bytes are any of a signed type, or of an unsigned one. */
static void *bytes(size_t n, uint32_t stream)
{
    struct thaw_rng rng = thaw_rng_at(21, 0, stream, 0);
    uint8_t *b = thaw_new_aligned(n, 1, NULL);
    if (!b)
        abort();
    for (size_t i = 0; i < n; i++)
        b[i] = (uint8_t)thaw_rng_uniform(&rng, 0, 256);
    return b;
}

struct tensors {
    void *in, *addend, *out, *scratch;
    float *kernel, scale[MAX_CHANNELS], bias[MAX_CHANNELS];
};

/* Weights are whole multiples of their scale, which differs from channel to channel. */
static struct tensors tensors_of(const struct eight *e, size_t outputs)
{
    size_t channels = (size_t)e->channels, inputs = (size_t)(e->in_channels / e->groups);
    size_t weights = (size_t)(e->k * e->k) * inputs * channels;
    struct tensors t = {.in = bytes((size_t)(SAMPLES * SIDE * SIDE * e->in_channels), 1),
                        .addend = bytes(outputs, 2),
                        .out = thaw_new_aligned(outputs, thaw_type_size(e->out), NULL),
                        .kernel = thaw_new_aligned(weights, sizeof *t.kernel, NULL)};
    struct thaw_rng rng = thaw_rng_at(21, 0, 3, 0);
    if (!t.out || !t.kernel)
        abort();
    for (size_t o = 0; o < channels; o++) {
        t.scale[o] = 0.0005f * (float)(1 + o % 5);
        t.bias[o] = thaw_rng_uniform(&rng, -3, 3);
    }
    for (size_t i = 0; i < weights; i++)
        t.kernel[i] = nearbyintf(thaw_rng_uniform(&rng, -127, 127)) * t.scale[i % channels];
    return t;
}

static void release(struct tensors *t)
{
    free(t->in);
    free(t->addend);
    free(t->out);
    free(t->scratch);
    free(t->kernel);
}

/* The sum of products of output channel o at (sample, y, x), in units of both scales. */
static long sum_at(const struct eight *e, const struct tensors *t, int sample, int y, int x, int o)
{
    int inputs = e->in_channels / e->groups, first = o / (e->channels / e->groups) * inputs;
    long sum = 0;
    for (int ky = 0; ky < e->k; ky++)
        for (int kx = 0; kx < e->k; kx++) {
            int iy = y * e->stride + ky - e->k / 2, ix = x * e->stride + kx - e->k / 2;
            if (iy < 0 || iy >= SIDE || ix < 0 || ix >= SIDE)
                continue;
            size_t at = (size_t)(((sample * SIDE + iy) * SIDE + ix) * e->in_channels + first);
            for (int i = 0; i < inputs; i++) {
                float weight = t->kernel[((ky * e->k + kx) * inputs + i) * e->channels + o];
                sum += lrintf(weight / t->scale[o]) * stored(t->in, e->in, at + (size_t)i);
            }
        }
    return sum;
}

static double wanted_at(const struct eight *e, const struct tensors *t,
                        const struct thaw_conv_spec *s, size_t i)
{
    int o = (int)i % e->channels, cell = (int)i / e->channels, side = s->out.shape.w;
    long sum = sum_at(e, t, cell / (side * side), cell / side % side, cell % side, o);
    double y = (double)sum * (double)e->in_scale * (double)t->scale[o] + (double)t->bias[o];
    if (e->has_addend)
        y += stored(t->addend, e->addend, i) * (double)e->addend_scale;
    return e->act ? (double)s->act.kind->forward((float)y, &s->act) : y;
}

/* A result half way between two numbers may become either. */
static bool agrees(const struct eight *e, const struct tensors *t, size_t i, double wanted)
{
    if (e->out == THAW_TYPE_F32)
        return fabs((double)((float *)t->out)[i] - wanted) <= 1e-4 * (1 + fabs(wanted));
    double low = e->out == THAW_TYPE_S8 ? -128 : 0, high = e->out == THAW_TYPE_S8 ? 127 : 255;
    double units = fmin(fmax(wanted / (double)e->out_scale, low), high);
    return fabs(stored(t->out, e->out, i) - units) <= 0.51;
}

static void check(const struct eight *e)
{
    struct thaw_error err = {0};
    struct thaw_conv_spec s = spec_of(e, NULL);
    size_t outputs = SAMPLES * thaw_shape_count(s.out.shape), wrong = 0;
    struct tensors t = tensors_of(e, outputs);
    s.kernel_scale = t.scale;
    struct thaw_conv *c = thaw_conv_create(&s, &err);
    CU_ASSERT_FATAL(thaw_told(c ? 0 : -1, &err) == 0);
    CU_ASSERT_EQUAL(strcmp(thaw_conv_implementation(c, 0), "thaw:tiles") == 0,
                    e->tiles && thaw_dnnl_has_tiles());
    t.scratch = thaw_new_aligned(thaw_conv_scratch(c), 1, NULL);
    CU_ASSERT_FATAL(thaw_conv_set_weights(c, t.kernel, t.bias, &err) == 0);
    CU_ASSERT_FATAL(thaw_conv_forward(c, t.in, t.addend, t.out, t.scratch, &err) == 0);
    for (size_t i = 0; i < outputs; i++)
        wrong += !agrees(e, &t, i, wanted_at(e, &t, &s, i));
    if (s.has_addend && thaw_conv_adds_in_place(&s.addend, &s.out)) { /* where it is best found */
        memcpy(t.out, t.addend, outputs);
        CU_ASSERT_FATAL(thaw_conv_forward(c, t.in, t.out, t.out, t.scratch, &err) == 0);
        for (size_t i = 0; i < outputs; i++)
            wrong += !agrees(e, &t, i, wanted_at(e, &t, &s, i));
    }
    if (wrong)
        printf("%s (%s): %zu of %zu differ\n", e->name, thaw_conv_implementation(c, 0), wrong,
               outputs);
    CU_ASSERT_EQUAL(wrong, 0);
    thaw_conv_free(c);
    release(&t);
}

static void test_exact_sums(void)
{
    if (!thaw_dnnl_has_int8()) {
        thaw_skip("convolutions in 8 bits: this machine has no fast path");
        return;
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

void thaw_test_conv_8bit(void)
{
    CU_pSuite s = thaw_suite("conv_8bit");
    CU_add_test(s, "exact sums of products", test_exact_sums);
}
