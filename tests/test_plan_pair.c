/* A 1x1 convolution and the depthwise one behind it, as one operation. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "io/base/rng.h"
#include "nn/ops.h"
#include "nn/team.h"
#include "tests/net.h"

/* MANY pictures at once leave more between the two than a second-level cache holds; one does not.
 */
enum { SIDE = 40, CHANNELS = 16, WIDTH = 128, MANY = 32, SAMPLE = SIDE * SIDE * CHANNELS };

static struct thaw_graph *graph_of(int side, int channels)
{
    struct thaw_graph *g = thaw_graph_create("net", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    thaw_net_add(g, "InputLayer", "image", 0,
                 json_pack("{s:[n,i,i,i]}", "batch_input_shape", side, side, channels));
    return g;
}

static int pointwise(struct thaw_graph *g, const char *name, int in, int filters, int stride)
{
    return thaw_net_add(
        g, "Conv2D", name, in,
        json_pack("{s:i, s:i, s:i}", "filters", filters, "kernel_size", 1, "strides", stride));
}

static int depthwise(struct thaw_graph *g, const char *name, int in, int kernel, int stride)
{
    return thaw_net_add(
        g, "DepthwiseConv2D", name, in,
        json_pack("{s:i, s:i, s:s}", "kernel_size", kernel, "strides", stride, "padding", "same"));
}

static int relu6(struct thaw_graph *g, const char *name, int in)
{
    return thaw_net_add(g, "ReLU", name, in, json_pack("{s:f}", "max_value", 6.0));
}

static void randomise(struct thaw_graph *g)
{
    struct thaw_rng rng = thaw_rng_at(11, 0, 0, 0);
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_params; k++)
            for (size_t j = 0; j < g->nodes[i].params[k].count; j++)
                g->nodes[i].params[k].data[j] = thaw_rng_uniform(&rng, -0.4f, 0.5f);
}

/* 1x1, relu6, depthwise, batch norm, relu6, 1x1. */
static struct thaw_graph *pair_net(int kernel, int stride)
{
    struct thaw_graph *g = graph_of(SIDE, CHANNELS);
    int x = relu6(g, "expand_relu", pointwise(g, "expand", 0, WIDTH, 1));
    x = depthwise(g, "depthwise", x, kernel, stride);
    x = thaw_net_add(g, "BatchNormalization", "norm", x, json_pack("{s:f}", "epsilon", 1e-3));
    x = relu6(g, "depthwise_relu", x);
    pointwise(g, "project", x, CHANNELS, 1);
    randomise(g);
    for (int k = 0; k < 4; k++) /* variances among them */
        for (size_t i = 0; i < WIDTH; i++)
            g->nodes[thaw_graph_find(g, "norm")].params[k].data[i] = 0.5f + (float)(i % 7) / 7;
    return g;
}

static struct thaw_plan *plan_of(struct thaw_graph *g, enum thaw_precision precision,
                                 const struct thaw_ranges *ranges, bool apart)
{
    struct thaw_error err = {0};
    struct thaw_plan_options options = {
        .last = -1, .precision = precision, .ranges = ranges, .apart = apart};
    struct thaw_plan *p = thaw_plan_create(g, &options, &err);
    CU_ASSERT_FATAL(thaw_told(p ? 0 : -1, &err) == 0);
    return p;
}

static int count_pairs(const struct thaw_plan *p)
{
    int n = 0;
    for (int i = 0; i < p->n_ops; i++)
        n += p->ops[i].then != NULL;
    return n;
}

static float *pictures(void)
{
    struct thaw_rng rng = thaw_rng_at(3, 0, 0, 0);
    float *x = thaw_new((size_t)MANY * SAMPLE, sizeof *x, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    for (size_t i = 0; i < (size_t)MANY * SAMPLE; i++)
        x[i] = thaw_rng_uniform(&rng, -1, 1);
    return x;
}

/* Outputs for MANY pictures, n at a time; *bytes is what the executor took. */
static float *run(const struct thaw_plan *p, int n, const float *x, size_t *count, size_t *bytes)
{
    struct thaw_error err = {0};
    struct thaw_exec *e = thaw_exec_create(p, n, &err);
    CU_ASSERT_FATAL(thaw_told(e ? 0 : -1, &err) == 0);
    *bytes = thaw_exec_bytes(e);
    *count = MANY * thaw_shape_count(p->values[p->output].shape);
    float *y = thaw_new(*count, sizeof *y, NULL);
    CU_ASSERT_FATAL(y && thaw_told(thaw_exec_infer(e, x, MANY, y, &err), &err) == 0);
    thaw_exec_free(e);
    return y;
}

static void compare(const struct thaw_plan *pair, const struct thaw_plan *apart, const float *x)
{
    size_t count, bytes, more;
    CU_ASSERT_EQUAL(count_pairs(pair), 1);
    CU_ASSERT_EQUAL(count_pairs(apart), 0);
    CU_ASSERT_EQUAL(pair->n_ops, apart->n_ops - 1);
    float *wanted = run(apart, MANY, x, &count, &more);
    for (int n = 1; n <= MANY; n *= MANY) {
        float *y = run(pair, n, x, &count, &bytes);
        CU_ASSERT(memcmp(y, wanted, count * sizeof *y) == 0);
        free(y);
    }
    free(wanted);
    const struct thaw_value *between = &apart->values[apart->ops[0].out];
    if (bytes + MANY * thaw_value_bytes(between) / 2 > more)
        thaw_skip("one primitive for two convolutions: oneDNN has none here");
}

static const struct {
    int kernel, stride;
} kinds[] = {{3, 1}, {3, 2}, {5, 1}, {5, 2}};

static void test_same_bits(void)
{
    float *x = pictures();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct thaw_error err = {0};
        struct thaw_graph *g = pair_net(kinds[i].kernel, kinds[i].stride);
        struct thaw_ranges ranges;
        CU_ASSERT_FATAL(thaw_told(thaw_calibrate(g, -1, x, MANY, &ranges, &err), &err) == 0);
        for (enum thaw_precision k = THAW_F32; k < THAW_PRECISIONS; k++) {
            if (thaw_precision_lacks(k)) {
                thaw_skip("low precision: this machine has no fast path");
                continue;
            }
            struct thaw_plan *pair = plan_of(g, k, &ranges, false);
            struct thaw_plan *apart = plan_of(g, k, &ranges, true);
            compare(pair, apart, x);
            thaw_plan_free(pair);
            thaw_plan_free(apart);
        }
        thaw_ranges_release(&ranges);
        thaw_graph_free(g);
    }
    free(x);
}

/* Executors side by side use one copy of the weights. */
static void test_shared_weights(void)
{
    struct thaw_error err = {0};
    struct thaw_graph *g = pair_net(3, 1);
    struct thaw_plan *p = plan_of(g, THAW_F32, NULL, false);
    int threads = thaw_par_threads();
    float *x = pictures();
    size_t count, bytes;
    float *wanted = run(p, MANY, x, &count, &bytes);
    float *y = thaw_new(count, sizeof *y, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(y);
    thaw_par_set_threads(2);
    for (int n = 1; n < MANY; n *= 2) {
        struct thaw_team *team = thaw_team_create(p, MANY, n, &err);
        CU_ASSERT_FATAL(thaw_told(team ? 0 : -1, &err) == 0);
        CU_ASSERT_EQUAL(thaw_team_size(team), 2);
        CU_ASSERT(thaw_team_infer(team, x, MANY, y, &err) == 0);
        CU_ASSERT(memcmp(y, wanted, count * sizeof *y) == 0);
        thaw_team_free(team);
    }
    thaw_par_set_threads(threads);
    free(wanted);
    free(x);
    free(y);
    thaw_plan_free(p);
    thaw_graph_free(g);
}

/* The range of what lies between must be known for 8 bits. */
static void test_calibration(void)
{
    struct thaw_error err = {0};
    struct thaw_graph *g = pair_net(3, 1);
    float *x = pictures();
    struct thaw_ranges ranges;
    CU_ASSERT_FATAL(thaw_told(thaw_calibrate(g, -1, x, 1, &ranges, &err), &err) == 0);
    struct thaw_plan *p = plan_of(g, THAW_F32, NULL, false);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p->ops[0].then);
    const struct thaw_value *between = &p->values[p->ops[0].then->in[0]];
    const struct thaw_range *range = thaw_ranges_find(&ranges, between->node, between->part);
    CU_ASSERT(range && range->low == 0 && range->high > 0);
    thaw_plan_free(p);
    thaw_ranges_release(&ranges);
    thaw_graph_free(g);
    free(x);
}

static int pairs_of(struct thaw_graph *g)
{
    struct thaw_plan *p = plan_of(g, THAW_F32, NULL, false);
    int n = count_pairs(p);
    thaw_plan_free(p);
    thaw_graph_free(g);
    return n;
}

static void test_what_stays_apart(void)
{
    struct thaw_graph *g = graph_of(8, 16);
    depthwise(g, "pair", pointwise(g, "first", 0, 32, 1), 3, 1);
    CU_ASSERT_EQUAL(pairs_of(g), 1);

    g = graph_of(8, 16);
    depthwise(g, "behind_a_stride", pointwise(g, "first", 0, 32, 2), 3, 1);
    CU_ASSERT_EQUAL(pairs_of(g), 0);

    g = graph_of(8, 16);
    depthwise(g, "half_a_block", pointwise(g, "first", 0, 36, 1), 3, 1);
    CU_ASSERT_EQUAL(pairs_of(g), 0);

    g = graph_of(8, 16);
    thaw_net_add(g, "DepthwiseConv2D", "loses_the_rim", pointwise(g, "first", 0, 32, 1),
                 json_pack("{s:i, s:s}", "kernel_size", 3, "padding", "valid"));
    CU_ASSERT_EQUAL(pairs_of(g), 0);

    g = graph_of(8, 16);
    thaw_net_add(
        g, "DepthwiseConv2D", "two_of_each", pointwise(g, "first", 0, 32, 1),
        json_pack("{s:i, s:i, s:s}", "kernel_size", 3, "depth_multiplier", 2, "padding", "same"));
    CU_ASSERT_EQUAL(pairs_of(g), 0);

    g = graph_of(8, 16);
    int shared = pointwise(g, "read_twice", 0, 32, 1), both[] = {shared, 0};
    both[1] = depthwise(g, "reader", shared, 3, 1);
    struct thaw_error err = {0};
    CU_ASSERT(thaw_graph_add(g, "Add", "other_reader", both, 2, NULL, &err) > 0);
    CU_ASSERT_EQUAL(pairs_of(g), 0);

    g = graph_of(8, 16);
    depthwise(g, "trained", pointwise(g, "first", 0, 32, 1), 3, 1);
    struct thaw_plan_options training = {.last = -1, .training = true};
    struct thaw_plan *p = thaw_plan_create(g, &training, &err);
    CU_ASSERT_FATAL(thaw_told(p ? 0 : -1, &err) == 0);
    CU_ASSERT_EQUAL(count_pairs(p), 0);
    thaw_plan_free(p);
    thaw_graph_free(g);
}

void thaw_test_plan_pair(void)
{
    CU_pSuite s = thaw_suite("plan_pair");
    CU_add_test(s, "the bits of two convolutions", test_same_bits);
    CU_add_test(s, "executors side by side", test_shared_weights);
    CU_add_test(s, "calibration sees what lies between", test_calibration);
    CU_add_test(s, "what stays apart", test_what_stays_apart);
}
