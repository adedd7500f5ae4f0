#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/rng.h"
#include "nn/dnnl/prim.h"
#include "nn/exec.h"
#include "nn/kernels/bf16.h"
#include "nn/model.h"
#include "nn/ops.h"
#include "tests/check.h"

enum { SIDE = 64, PICTURES = 6 };

static float *pictures(size_t count)
{
    float *x = thaw_new(count, sizeof *x, NULL);
    struct thaw_rng rng = thaw_rng_at(3, 0, 0, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    for (size_t i = 0; i < count; i++)
        x[i] = thaw_rng_uniform(&rng, -1, 1);
    return x;
}

static double rms_error(const float *a, const float *b, size_t n)
{
    double error = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        error += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(error / size);
}

static struct thaw_plan *plan_of(struct thaw_graph *g, enum thaw_precision precision,
                                 const struct thaw_ranges *ranges)
{
    struct thaw_error err = {0};
    struct thaw_plan_options options = {.last = -1, .precision = precision, .ranges = ranges};
    struct thaw_plan *p = thaw_plan_create(g, &options, &err);
    thaw_told(p ? 0 : -1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

/* The network's output for all pictures, computed n at a time. */
static float *run(struct thaw_graph *g, enum thaw_precision precision,
                  const struct thaw_ranges *ranges, const float *x, int n, size_t *count)
{
    struct thaw_error err = {0};
    struct thaw_plan *p = plan_of(g, precision, ranges);
    struct thaw_exec *e = thaw_exec_create(p, n, &err);
    CU_ASSERT_FATAL(thaw_told(e ? 0 : -1, &err) == 0);
    *count = PICTURES * thaw_shape_count(p->values[p->output].shape);
    float *y = thaw_new(*count, sizeof *y, NULL);
    CU_ASSERT_FATAL(y && thaw_told(thaw_exec_infer(e, x, PICTURES, y, &err), &err) == 0);
    thaw_exec_free(e);
    thaw_plan_free(p);
    return y;
}

/* Families with everything that low precision must get right: residual sums of two scales, both
 * signs, depthwise kernels, pooling between convolutions, concatenation in float. */
static const struct {
    const char *spec;
    double bf16, int8; /* largest error, relative to the root mean square of the output */
} nets[] = {{"mobilenet_v2:0.35", 0.05, 0.25},
            {"resnet50", 0.02, 0.06},
            {"squeezenet", 0.02, 0.06},
            {"efficientnet_lite0", 0.05, 0.25}};

static void test_agreement(void)
{
    float *x = pictures((size_t)PICTURES * SIDE * SIDE * 3);
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct thaw_error err = {0};
        struct thaw_arch_options options = {.height = SIDE, .width = SIDE};
        struct thaw_graph *g = thaw_model_random(nets[i].spec, &options, 1, &err);
        struct thaw_ranges ranges;
        size_t n;
        CU_ASSERT_FATAL(thaw_told(g ? 0 : -1, &err) == 0);
        CU_ASSERT_FATAL(thaw_told(thaw_calibrate(g, -1, x, PICTURES, &ranges, &err), &err) == 0);
        float *wanted = run(g, THAW_F32, NULL, x, 2, &n);
        for (enum thaw_precision p = THAW_BF16; p < THAW_PRECISIONS; p++) {
            if (thaw_precision_lacks(p)) {
                thaw_skip("low precision: this machine has no fast path");
                continue;
            }
            float *got = run(g, p, &ranges, x, 2, &n), *other = run(g, p, &ranges, x, 4, &n);
            double error = rms_error(got, wanted, n);
            if (error > (p == THAW_BF16 ? nets[i].bf16 : nets[i].int8))
                printf("%s, %s: %.4f\n", nets[i].spec, thaw_precision_name(p), error);
            CU_ASSERT(error <= (p == THAW_BF16 ? nets[i].bf16 : nets[i].int8));
            CU_ASSERT(error > 1e-6); /* else it was float32 all along */
            CU_ASSERT(memcmp(got, other, n * sizeof *got) == 0);
            free(got);
            free(other);
        }
        free(wanted);
        thaw_ranges_release(&ranges);
        thaw_graph_free(g);
    }
    free(x);
}

static int count_kind(const struct thaw_plan *p, const struct thaw_op_kind *kind)
{
    int n = 0;
    for (int i = 0; i < p->n_ops; i++)
        n += (p->ops[i].kind == kind) + (p->ops[i].then && p->ops[i].then->kind == kind);
    return n;
}

/* All between the picture and the features is low; the ends are float32 in the plan's layout. */
static void test_types(void)
{
    struct thaw_error err = {0};
    struct thaw_arch_options options = {.height = SIDE, .width = SIDE};
    struct thaw_graph *g = thaw_model_random("mobilenet_v2:0.35", &options, 1, &err);
    float *x = pictures((size_t)SIDE * SIDE * 3);
    struct thaw_ranges ranges;
    CU_ASSERT_FATAL(g && thaw_calibrate(g, -1, x, 1, &ranges, &err) == 0);
    for (enum thaw_precision k = THAW_BF16; k < THAW_PRECISIONS; k++) {
        struct thaw_plan *p = plan_of(g, k, &ranges);
        const struct thaw_value *in = &p->values[p->input], *out = &p->values[p->output];
        struct thaw_layout wanted = thaw_layout_of(out->shape, p->block);
        CU_ASSERT(in->type == THAW_TYPE_F32 && out->type == THAW_TYPE_F32);
        CU_ASSERT_EQUAL(out->layout.block, wanted.block);
        CU_ASSERT_EQUAL(count_kind(p, &thaw_op_linear), 52);
        bool channels_last = k == THAW_INT8 || thaw_dnnl_has_tiles();
        CU_ASSERT_EQUAL(count_kind(p, &thaw_op_convert), channels_last ? 2 : 1);
        for (int i = 0; i < p->n_ops; i++)
            if (p->ops[i].kind == &thaw_op_linear)
                CU_ASSERT(p->values[p->ops[i].in[0]].type != THAW_TYPE_F32);
        thaw_plan_free(p);
    }
    thaw_ranges_release(&ranges);
    free(x);
    thaw_graph_free(g);
}

static void test_ranges(void)
{
    struct thaw_error err = {0};
    struct thaw_arch_options options = {.height = 32, .width = 32};
    struct thaw_graph *g = thaw_model_random("mobilenet_v2:0.35", &options, 1, &err);
    size_t sample = 32 * 32 * 3;
    float *x = pictures(2 * sample);
    struct thaw_ranges ranges;
    CU_ASSERT_FATAL(g != NULL);
    x[sample + 5] = 7; /* of the second picture, third channel */
    CU_ASSERT_FATAL(thaw_calibrate(g, -1, x, 2, &ranges, &err) == 0);
    const struct thaw_range *in = thaw_ranges_find(&ranges, 0, 0);
    const struct thaw_range *relu = thaw_ranges_find(&ranges, thaw_graph_find(g, "Conv1_relu"), 0);
    CU_ASSERT_FATAL(in && relu);
    double mean = 0;
    for (size_t i = 2; i < 2 * sample; i += 3)
        mean += (double)x[i] / (2 * 32 * 32);
    CU_ASSERT_DOUBLE_EQUAL(in->high, 7, 0);
    CU_ASSERT(in->low >= -1 && in->low < -0.9F);
    CU_ASSERT_DOUBLE_EQUAL(in->mean[2], mean, 1e-5);
    CU_ASSERT(relu->low == 0 && relu->high > 0 && relu->high <= 6);
    CU_ASSERT_PTR_NULL(thaw_ranges_find(&ranges, 0, 1));
    thaw_ranges_release(&ranges);
    free(x);
    thaw_graph_free(g);
}

static void test_words(void)
{
    struct thaw_error err = {0};
    struct thaw_arch_options options = {.height = 32, .width = 32};
    CU_ASSERT_EQUAL(thaw_precision_find("bf16", &err), THAW_BF16);
    CU_ASSERT_EQUAL(thaw_precision_find("fp16", &err), -1);
    CU_ASSERT(thaw_says(&err, "fp16", "f32", "bf16", "int8", NULL));
    CU_ASSERT_PTR_NULL(thaw_precision_lacks(THAW_F32));
    CU_ASSERT_EQUAL(thaw_precision_for(THAW_F32), THAW_F32);
    CU_ASSERT_EQUAL(thaw_precision_for(THAW_INT8), THAW_INT8);
    enum thaw_precision low = thaw_precision_for(THAW_BF16);
    CU_ASSERT(low == THAW_F32 || (low == THAW_BF16 && !thaw_precision_lacks(THAW_BF16)));
    struct thaw_graph *g = thaw_model_random("squeezenet", &options, 1, &err);
    struct thaw_plan_options int8 = {.last = -1, .precision = THAW_INT8};
    CU_ASSERT_FATAL(g != NULL);
    CU_ASSERT_PTR_NULL(thaw_plan_create(g, &int8, &err));
    CU_ASSERT(thaw_says(&err, "int8", "calibration", NULL));
    thaw_graph_free(g);
}

static double rounded(float x)
{
    return (double)thaw_bf16_widen(thaw_bf16_narrow(x));
}

static void test_rounding(void)
{
    CU_ASSERT_DOUBLE_EQUAL(rounded(1 + 1.0F / 256), 1, 0);             /* tie: even */
    CU_ASSERT_DOUBLE_EQUAL(rounded(1 + 3.0F / 256), 1 + 4.0 / 256, 0); /* tie: even */
    CU_ASSERT_DOUBLE_EQUAL(rounded(-1 - 1.1F / 256), -1 - 2.0 / 256, 0);
    CU_ASSERT_DOUBLE_EQUAL(rounded(0), 0, 0);
}

void thaw_test_precision(void)
{
    CU_pSuite s = thaw_suite("precision");
    CU_add_test(s, "networks in low precision stay near float32", test_agreement);
    CU_add_test(s, "only the ends of a plan are float32", test_types);
    CU_add_test(s, "calibration notes ends and means", test_ranges);
    CU_add_test(s, "names, and int8 without calibration", test_words);
    CU_add_test(s, "bfloat16 rounds to even", test_rounding);
}
