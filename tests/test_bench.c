#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/bench.h"
#include "nn/exec.h"
#include "nn/stopwatch.h"

enum { SIDE = 12, BATCH = 4 };

/* oneDNN has no fast weight gradient of a dilated depthwise convolution, on any processor. */
static struct thaw_graph *net(void)
{
    struct thaw_error err = {0};
    struct thaw_graph *g = thaw_graph_create("net", &err);
    const struct {
        const char *kind, *name;
        json_t *config;
    } layers[] = {
        {"InputLayer", "image", json_pack("{s[niii]}", "batch_input_shape", SIDE, SIDE, 3)},
        {"Conv2D", "stem", json_pack("{si si}", "filters", 16, "kernel_size", 3)},
        {"BatchNormalization", "norm", json_object()},
        {"ReLU", "relu", json_object()},
        {"DepthwiseConv2D", "spread", json_pack("{si si}", "kernel_size", 3, "dilation_rate", 2)},
        {"GlobalAveragePooling2D", "pool", json_object()},
        {"Dense", "dense", json_pack("{si ss}", "units", 3, "activation", "softmax")}};
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        int in = (int)i - 1;
        int node =
            thaw_graph_add(g, layers[i].kind, layers[i].name, &in, i > 0, layers[i].config, &err);
        json_decref(layers[i].config);
        CU_ASSERT_EQUAL_FATAL(thaw_told(node, &err), (int)i);
    }
    thaw_graph_init(g, 0, 1);
    return g;
}

static void median(void)
{
    double one[] = {7}, odd[] = {5, 1, 9}, even[] = {4, 1, 2, 8};
    CU_ASSERT_EQUAL(thaw_bench_median(one, 1), 7);
    CU_ASSERT_EQUAL(thaw_bench_median(odd, 3), 5);
    CU_ASSERT_EQUAL(thaw_bench_median(even, 4), 3);
    CU_ASSERT(even[0] == 1 && even[3] == 8);
}

static void slow_names(void)
{
    CU_ASSERT(thaw_bench_is_slow("ref:any"));
    CU_ASSERT(thaw_bench_is_slow("gemm:jit"));
    CU_ASSERT(thaw_bench_is_slow("x64:gemm:jit"));
    CU_ASSERT(thaw_bench_is_slow("gemm_s8u8s32:jit"));
    CU_ASSERT(thaw_bench_is_slow("brgemm:gemm"));
    CU_ASSERT_FALSE(thaw_bench_is_slow("brgemm:avx512_core"));
    CU_ASSERT_FALSE(thaw_bench_is_slow("brgemm_bwd_w:avx512_core"));
    CU_ASSERT_FALSE(thaw_bench_is_slow("jit_1x1:avx512_core"));
    CU_ASSERT_FALSE(thaw_bench_is_slow(""));
}

static bool plausible(const struct thaw_bench_figures *f)
{
    return f->seconds > 0 && isfinite(f->seconds) && f->fastest > 0 && f->fastest <= f->seconds &&
           f->seconds <= f->slowest && f->in_primitives > 0 && f->in_kernels > 0 &&
           f->in_primitives + f->in_kernels < 1;
}

static int entries(const struct thaw_bench_figures *f, const char *layer, const char *direction)
{
    int n = 0;
    for (size_t i = 0; i < f->n_slow; i++)
        n += !strcmp(f->slow[i].layer, layer) && !strcmp(f->slow[i].direction, direction);
    return n;
}

static void forward_only(void)
{
    struct thaw_error err = {0};
    struct thaw_graph *g = net();
    struct thaw_bench_options options = {.batch = BATCH, .micro_batch = 3, .repeats = 2};
    struct thaw_bench_figures f;
    float *x = thaw_bench_input(g, BATCH, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    CU_ASSERT_EQUAL(thaw_told(thaw_bench_forward(g, &options, x, &f, &err), &err), 0);
    CU_ASSERT(plausible(&f));
    CU_ASSERT_EQUAL(f.micro_batch, 3);
    CU_ASSERT_EQUAL(entries(&f, "spread", "backward weights"), 0);
    thaw_bench_figures_release(&f);
    options.micro_batch = 0;
    CU_ASSERT_EQUAL(thaw_told(thaw_bench_forward(g, &options, x, &f, &err), &err), 0);
    CU_ASSERT(f.micro_batch >= 1 && f.micro_batch <= BATCH);
    thaw_bench_figures_release(&f);
    free(x);
    thaw_graph_free(g);
}

/* A slow primitive is named once, however many micro-batches it ran for. */
static void training(void)
{
    struct thaw_error err = {0};
    struct thaw_graph *g = net();
    struct thaw_bench_options options = {.batch = BATCH, .micro_batch = 2, .repeats = 1};
    struct thaw_bench_figures f;
    float *x = thaw_bench_input(g, BATCH, &err), *kernel = g->nodes[1].params[0].data;
    float before = kernel[0];
    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    CU_ASSERT_EQUAL(
        thaw_told(thaw_bench_train(g, thaw_graph_find(g, "pool"), &options, x, &f, &err), &err), 0);
    CU_ASSERT(plausible(&f));
    CU_ASSERT_EQUAL(f.micro_batch, 2);
    CU_ASSERT_EQUAL(entries(&f, "spread", "backward weights"), 1);
    CU_ASSERT_EQUAL(entries(&f, "stem", "backward data"), 0);
    for (size_t i = 0; i < f.n_slow; i++) {
        CU_ASSERT(thaw_bench_is_slow(f.slow[i].implementation));
        CU_ASSERT(f.slow[i].seconds > 0);
        CU_ASSERT(i == 0 || f.slow[i].seconds <= f.slow[i - 1].seconds);
    }
    CU_ASSERT_NOT_EQUAL(kernel[0], before); /* updates were made */
    thaw_bench_figures_release(&f);
    free(x);
    thaw_graph_free(g);
}

static void bare(void)
{
    struct thaw_error err = {0};
    struct thaw_graph *g = net();
    struct thaw_bench_options options = {.batch = BATCH, .repeats = 2};
    double forward = 0, both = 0;
    CU_ASSERT_EQUAL(thaw_told(thaw_bench_bare(g, false, &options, &forward, &err), &err), 0);
    CU_ASSERT_EQUAL(thaw_told(thaw_bench_bare(g, true, &options, &both, &err), &err), 0);
    CU_ASSERT(forward > 0 && isfinite(forward));
    CU_ASSERT(both > 0 && isfinite(both));
    thaw_graph_free(g);
}

/* In whatever numbers this machine computes fast; nothing trains in 8 bits. */
static void precisions(void)
{
    struct thaw_error err = {0};
    struct thaw_graph *g = net();
    struct thaw_ranges ranges = {0};
    struct thaw_bench_figures f;
    float *x = thaw_bench_input(g, BATCH, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    CU_ASSERT_EQUAL(thaw_told(thaw_calibrate(g, -1, x, BATCH, &ranges, &err), &err), 0);
    for (int i = THAW_F32 + 1; i < THAW_PRECISIONS; i++) {
        struct thaw_bench_options options = {
            .precision = (enum thaw_precision)i, .ranges = &ranges, .batch = BATCH, .repeats = 1};
        bool trains = i != THAW_INT8;
        double seconds = 0;
        if (thaw_precision_lacks(options.precision)) {
            thaw_skip(trains ? "measuring in bf16: this processor lacks it"
                             : "measuring in int8: this processor lacks it");
            continue;
        }
        CU_ASSERT_EQUAL(thaw_told(thaw_bench_forward(g, &options, x, &f, &err), &err), 0);
        CU_ASSERT(plausible(&f));
        thaw_bench_figures_release(&f);
        CU_ASSERT_EQUAL(thaw_bench_train(g, 5, &options, x, &f, &err), trains ? 0 : -1);
        CU_ASSERT(trains ? plausible(&f) : thaw_says(&err, "bf16 or f32", NULL));
        thaw_bench_figures_release(&f);
        CU_ASSERT_EQUAL(thaw_told(thaw_bench_bare(g, trains, &options, &seconds, &err), &err), 0);
        CU_ASSERT(seconds > 0 && isfinite(seconds));
    }
    thaw_ranges_release(&ranges);
    free(x);
    thaw_graph_free(g);
}

/* A network that fails to train is an error, and nothing watches afterwards. */
static void failure(void)
{
    struct thaw_error err = {0};
    struct thaw_graph *g = net();
    struct thaw_bench_options options = {.batch = BATCH, .repeats = 1};
    struct thaw_bench_figures f;
    float *x = thaw_bench_input(g, BATCH, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    x[0] = NAN;
    CU_ASSERT_EQUAL(thaw_bench_train(g, thaw_graph_find(g, "pool"), &options, x, &f, &err), -1);
    CU_ASSERT(thaw_says(&err, "diverged", NULL));
    CU_ASSERT_EQUAL(thaw_stopwatch_begin(NULL), 0);
    thaw_bench_figures_release(&f);
    free(x);
    thaw_graph_free(g);
}

/* --- the watcher --- */

struct seen {
    int primitives, operations;
    const char *layers[8];
    double within; /* seconds of the primitives since the last operation */
};

static void on_primitive(void *ctx, const struct thaw_op *op, const char *implementation,
                         const char *direction, double seconds)
{
    struct seen *s = ctx;
    s->primitives++;
    s->within += seconds;
    CU_ASSERT_PTR_NOT_NULL(op);
    CU_ASSERT(*implementation && !strcmp(direction, "forward"));
}

static void on_operation(void *ctx, const struct thaw_op *op, double seconds)
{
    struct seen *s = ctx;
    CU_ASSERT(s->within <= seconds);
    s->within = 0;
    if (s->operations < 8)
        s->layers[s->operations] = op->node->name;
    s->operations++;
}

/* Each operation is told with its layer, after the primitives within it; without a watcher, none.
 */
static void watching(void)
{
    struct thaw_error err = {0};
    struct thaw_graph *g = net();
    struct thaw_plan_options options = {.last = -1};
    struct thaw_plan *plan = thaw_plan_create(g, &options, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(plan);
    struct thaw_exec *exec = thaw_exec_create(plan, 1, &err);
    float *x = thaw_bench_input(g, 1, &err), y[3];
    struct seen seen = {0};
    struct thaw_stopwatch watch = {&seen, on_primitive, on_operation};
    CU_ASSERT_PTR_NOT_NULL_FATAL(exec);
    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    CU_ASSERT_EQUAL(thaw_exec_infer(exec, x, 1, y, &err), 0);
    CU_ASSERT_EQUAL(seen.operations, 0);
    thaw_stopwatch_set(&watch);
    CU_ASSERT_EQUAL(thaw_exec_infer(exec, x, 1, y, &err), 0);
    thaw_stopwatch_set(NULL);
    CU_ASSERT_EQUAL_FATAL(seen.operations, plan->n_ops);
    CU_ASSERT(seen.primitives >= 3);
    for (int i = 0; i < plan->n_ops && i < 8; i++)
        CU_ASSERT_STRING_EQUAL(seen.layers[i], plan->ops[i].node->name);
    CU_ASSERT_EQUAL(thaw_exec_infer(exec, x, 1, y, &err), 0);
    CU_ASSERT_EQUAL(seen.operations, plan->n_ops);
    free(x);
    thaw_exec_free(exec);
    thaw_plan_free(plan);
    thaw_graph_free(g);
}

void thaw_test_bench(void)
{
    CU_pSuite s = thaw_suite("bench");
    CU_add_test(s, "the median", median);
    CU_add_test(s, "which implementations are slow", slow_names);
    CU_add_test(s, "forward", forward_only);
    CU_add_test(s, "a training step", training);
    CU_add_test(s, "bare primitives", bare);
    CU_add_test(s, "lower precisions", precisions);
    CU_add_test(s, "a failure", failure);
    CU_add_test(s, "operations and primitives are told to a watcher", watching);
}
