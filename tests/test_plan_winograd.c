/* 3x3 convolutions by Winograd's algorithm, against sums in double. */
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/rng.h"
#include "nn/exec.h"
#include "nn/ops.h"
#include "nn/stopwatch.h"
#include "nn/tune.h"
#include "tests/net.h"

enum { HEIGHT = 18, WIDTH = 21, IN = 32, OUT = 48, MANY = 6 };

/* One convolution with relu. */
static struct thaw_graph *net(const char *padding, int channels, int kernel, int stride)
{
    struct thaw_graph *g = thaw_graph_create("net", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    thaw_net_add(g, "InputLayer", "image", 0,
                 json_pack("{s:[n,i,i,i]}", "batch_input_shape", HEIGHT, WIDTH, channels));
    int conv =
        thaw_net_add(g, "Conv2D", "conv", 0,
                     json_pack("{s:i, s:i, s:i, s:s, s:s}", "filters", OUT, "kernel_size", kernel,
                               "strides", stride, "padding", padding, "activation", "relu"));
    struct thaw_rng rng = thaw_rng_at(5, 0, 0, 0);
    for (int k = 0; k < g->nodes[conv].n_params; k++)
        for (size_t j = 0; j < g->nodes[conv].params[k].count; j++)
            g->nodes[conv].params[k].data[j] = thaw_rng_uniform(&rng, -0.1f, 0.1f);
    return g;
}

static struct thaw_plan *plan_of(struct thaw_graph *g, bool training)
{
    struct thaw_error err = {0};
    struct thaw_plan_options options = {.last = -1, .training = training};
    struct thaw_plan *p = thaw_plan_create(g, &options, &err);
    CU_ASSERT_FATAL(thaw_told(p ? 0 : -1, &err) == 0);
    return p;
}

static void note_winograd(void *ctx, const struct thaw_op *op, const char *implementation,
                          const char *direction, double seconds)
{
    (void)op, (void)direction, (void)seconds;
    *(bool *)ctx |= strstr(implementation, "wino") != NULL;
}

static void ignore(void *ctx, const struct thaw_op *op, double seconds)
{
    (void)ctx, (void)op, (void)seconds;
}

/* Outputs for MANY pictures; whether one of oneDNN's Winograd kernels made them. */
static bool run(const struct thaw_plan *p, const float *x, float *y)
{
    struct thaw_error err = {0};
    bool seen = false;
    struct thaw_stopwatch watch = {&seen, note_winograd, ignore};
    struct thaw_exec *e = thaw_exec_create(p, MANY, &err);
    CU_ASSERT_FATAL(thaw_told(e ? 0 : -1, &err) == 0);
    thaw_stopwatch_set(&watch);
    CU_ASSERT(thaw_told(thaw_exec_infer(e, x, MANY, y, &err), &err) == 0);
    thaw_stopwatch_set(NULL);
    thaw_exec_free(e);
    return seen;
}

/* y of row, column and output channel, before relu; `pad` rows and columns of zeros stand around.
 */
static double sum_at(const struct thaw_node *conv, const float *x, int row, int column, int o,
                     int pad)
{
    double sum = (double)conv->params[1].data[o];
    for (int ky = 0; ky < 3; ky++)
        for (int kx = 0; kx < 3; kx++)
            for (int i = 0; i < IN; i++) {
                int r = row + ky - pad, c = column + kx - pad;
                if (r >= 0 && r < HEIGHT && c >= 0 && c < WIDTH)
                    sum += (double)x[(r * WIDTH + c) * IN + i] *
                           (double)conv->params[0].data[((ky * 3 + kx) * IN + i) * OUT + o];
            }
    return sum;
}

/* The largest difference from the sums, in parts of the largest output. */
static double error_of(const struct thaw_node *conv, const float *x, const float *y, int pad)
{
    int rows = conv->shape.h, columns = conv->shape.w;
    double most = 0, largest = 0;
    for (int n = 0; n < MANY; n++)
        for (int at = 0; at < rows * columns; at++)
            for (int o = 0; o < OUT; o += 5) {
                double sum =
                    sum_at(conv, x + n * HEIGHT * WIDTH * IN, at / columns, at % columns, o, pad);
                double wanted = fmax(sum, 0), got = (double)y[(n * rows * columns + at) * OUT + o];
                most = fmax(most, fabs(got - wanted));
                largest = fmax(largest, wanted);
            }
    CU_ASSERT(largest > 0.5);
    return most / largest;
}

static void test_sums(void)
{
    static const char *const paddings[] = {"same", "valid"};
    size_t count = (size_t)MANY * HEIGHT * WIDTH * OUT;
    struct thaw_rng rng = thaw_rng_at(3, 0, 0, 0);
    float *x = thaw_new(count, sizeof *x, NULL), *y = thaw_new(count, sizeof *y, NULL);
    CU_ASSERT_FATAL(x && y);
    for (size_t i = 0; i < count; i++)
        x[i] = thaw_rng_uniform(&rng, -1, 1);
    for (int i = 0; i < 2; i++) {
        struct thaw_graph *g = net(paddings[i], IN, 3, 1);
        const struct thaw_node *conv = &g->nodes[thaw_graph_find(g, "conv")];
        struct thaw_plan *p = plan_of(g, false);
        CU_ASSERT_FALSE(run(p, x, y));
        CU_ASSERT(error_of(conv, x, y, i == 0) < 1e-6);
        thaw_plan_use_winograd(p);
        CU_ASSERT(p->winograd);
        if (!run(p, x, y))
            thaw_skip("Winograd's algorithm: oneDNN has it not on this machine");
        CU_ASSERT(error_of(conv, x, y, i == 0) < 3e-6);
        thaw_plan_free(p);
        thaw_graph_free(g);
    }
    free(x);
    free(y);
}

/* Whole batches go through at once then. */
static bool takes(int channels, int kernel, int stride, bool training)
{
    struct thaw_graph *g = net("same", channels, kernel, stride);
    struct thaw_plan *p = plan_of(g, training);
    thaw_plan_use_winograd(p);
    bool any = p->winograd;
    CU_ASSERT_EQUAL(thaw_tune_batch(p, 32, 1000), any ? 32 : 0);
    thaw_plan_free(p);
    thaw_graph_free(g);
    return any;
}

static void test_what_takes_it(void)
{
    CU_ASSERT(takes(IN, 3, 1, false));
    CU_ASSERT_FALSE(takes(IN, 3, 1, true));
    CU_ASSERT_FALSE(takes(IN, 3, 2, false));
    CU_ASSERT_FALSE(takes(IN, 5, 1, false));
    CU_ASSERT_FALSE(takes(3, 3, 1, false));
}

static bool network_takes(const char *name)
{
    struct thaw_error err = {0};
    struct thaw_arch_options options = {.classes = 10};
    struct thaw_graph *g = thaw_model_random(name, &options, 1, &err);
    CU_ASSERT_FATAL(thaw_told(g ? 0 : -1, &err) == 0);
    struct thaw_plan *p = plan_of(g, false);
    thaw_plan_use_winograd(p);
    bool any = p->winograd;
    thaw_plan_free(p);
    thaw_graph_free(g);
    return any;
}

/* Where 3x3 convolutions are most of the work. */
static void test_networks(void)
{
    CU_ASSERT(network_takes("resnet50"));
    CU_ASSERT_FALSE(network_takes("densenet121"));
    CU_ASSERT_FALSE(network_takes("mobilenet_v2"));
}

void thaw_test_plan_winograd(void)
{
    CU_pSuite s = thaw_suite("plan_winograd");
    CU_add_test(s, "the sums themselves", test_sums);
    CU_add_test(s, "what takes it", test_what_takes_it);
    CU_add_test(s, "networks that take it", test_networks);
}
