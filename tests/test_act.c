#include <float.h>
#include <math.h>

#include "nn/act.h"
#include "nn/kernels/kernels.h"
#include "tests/check.h"
#include "tests/op_case.h"

/* No point is a kink of a function in the table. */
static const float points[] = {-40, -9, -4.1f, -2.7f, -1,   -0.3f, -0.01f, 0.01f, 0.4f,
                               1,   2,  2.8f,  4.4f,  5.9f, 6.3f,  9,      40};
enum { N_POINTS = sizeof points / sizeof *points };

static bool close_to(double a, double b)
{
    return fabs(a - b) <= 3e-6 * fmax(1, fabs(b));
}

static void test_values(void)
{
    for (const struct op_act *a = op_acts; a->name; a++) {
        struct thaw_act act;
        CU_ASSERT_EQUAL_FATAL(thaw_act_find(&act, a->name, NULL), 0);
        CU_ASSERT_STRING_EQUAL(thaw_act_name(&act), a->name);
        for (int i = 0; i < N_POINTS; i++)
            CU_ASSERT(close_to(act.kind->forward(points[i], &act), a->f(points[i])) ||
                      !isfinite((float)a->f(points[i])));
    }
}

static void test_slopes(void)
{
    for (const struct op_act *a = op_acts; a->name; a++) {
        struct thaw_act act;
        thaw_act_find(&act, a->name, NULL);
        for (int i = 0; i < N_POINTS; i++) {
            double x = points[i], h = 1e-6, slope = (a->f(x + h) - a->f(x - h)) / (2 * h);
            float y = act.kind->forward((float)x, &act), value[1], gradient[1] = {1};
            value[0] = thaw_act_from_output(&act) ? y : (float)x;
            thaw_act_backward(&act, value, gradient, 1);
            CU_ASSERT(close_to(gradient[0], slope));
            CU_ASSERT(close_to(act.kind->slope(value[0], &act), slope));
        }
    }
}

static double step(struct thaw_eltwise s, double x)
{
    double alpha = (double)s.alpha, beta = (double)s.beta;
    switch (s.kind) {
    case THAW_ELTWISE_RELU:
        return x > 0 ? x : alpha * x;
    case THAW_ELTWISE_CLIP:
        return fmin(fmax(x, alpha), beta);
    case THAW_ELTWISE_ELU:
        return x > 0 ? x : alpha * (exp(x) - 1);
    case THAW_ELTWISE_LOGISTIC:
        return 1 / (1 + exp(-x));
    case THAW_ELTWISE_TANH:
        return tanh(x);
    case THAW_ELTWISE_SWISH:
        return x / (1 + exp(-alpha * x));
    case THAW_ELTWISE_GELU_ERF:
        return 0.5 * x * (1 + erf(x / sqrt(2)));
    case THAW_ELTWISE_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case THAW_ELTWISE_SOFTPLUS:
        return log1p(exp(x));
    case THAW_ELTWISE_HARDSWISH:
        return x * fmin(fmax(x + 3, 0), 6) / 6;
    case THAW_ELTWISE_EXP:
        return exp(x);
    case THAW_ELTWISE_MISH:
        return x * tanh(log1p(exp(x)));
    case THAW_ELTWISE_LINEAR:
        return alpha * x + beta;
    }
    return NAN;
}

static void check_chain(const struct thaw_act *act)
{
    struct thaw_eltwise chain[2];
    int n = thaw_act_chain(act, chain);
    CU_ASSERT(n == 1 || n == 2);
    for (int i = 0; i < N_POINTS; i++) {
        double y = points[i];
        for (int j = 0; j < n; j++)
            y = step(chain[j], y);
        CU_ASSERT(close_to(act->kind->forward(points[i], act), y) || !isfinite((float)y));
    }
}

static void test_chains(void)
{
    struct thaw_eltwise chain[2];
    struct thaw_act act;
    for (const struct op_act *a = op_acts; a->name; a++) {
        thaw_act_find(&act, a->name, NULL);
        if (act.kind->chain)
            check_chain(&act);
    }
    thaw_act_find(&act, "relu", NULL);
    act.slope = 0.1f;
    act.max = 5;
    check_chain(&act);
    act.threshold = 1;
    CU_ASSERT_EQUAL(thaw_act_chain(&act, chain), 0);
}

/* The ReLU layer with all its numbers: by the formula of its documentation. */
static void test_relu_layer(void)
{
    static const float slopes[] = {0, 0.1f, -0.2f}, maxima[] = {INFINITY, 6, 4},
                       thresholds[] = {0, 1, -1};
    struct thaw_act act;
    thaw_act_find(&act, "relu", NULL);
    for (int i = 0; i < 27; i++) {
        act.slope = slopes[i % 3];
        act.max = maxima[i / 3 % 3];
        act.threshold = thresholds[i / 9];
        CU_ASSERT_EQUAL(thaw_act_from_output(&act), act.slope >= 0 && act.threshold == 0);
        for (int j = 0; j < N_POINTS; j++) {
            float x = points[j], y = act.kind->forward(x, &act), g = 2;
            bool above = x >= act.max, middle = !above && x >= act.threshold;
            float wanted = above ? act.max : middle ? x : act.slope * (x - act.threshold);
            CU_ASSERT(close_to(y, wanted));
            thaw_act_backward(&act, thaw_act_from_output(&act) ? &y : &x, &g, 1);
            CU_ASSERT(close_to(g, above || (x == act.threshold) ? (above ? 0 : 2 * act.slope)
                                  : middle                      ? 2
                                                                : 2 * act.slope));
        }
    }
}

/* The gradient is zero where the function begins and ends to move, as in TensorFlow. */
static void test_ends(void)
{
    struct thaw_act act;
    float value[] = {0, 6, 3}, g[] = {1, 1, 1};
    thaw_act_find(&act, "relu6", NULL);
    thaw_act_backward(&act, value, g, 3);
    CU_ASSERT_EQUAL(g[0], 0);
    CU_ASSERT_EQUAL(g[1], 0);
    CU_ASSERT_EQUAL(g[2], 1);
    thaw_act_find(&act, "relu", NULL);
    g[0] = 1;
    thaw_act_backward(&act, value, g, 1);
    CU_ASSERT_EQUAL(g[0], 0);
}

static void test_names(void)
{
    struct thaw_act act;
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL(thaw_act_find(&act, "silu", &err), 0);
    CU_ASSERT_STRING_EQUAL(thaw_act_name(&act), "swish");
    CU_ASSERT_EQUAL(thaw_act_find(&act, "hard_silu", &err), 0);
    CU_ASSERT_STRING_EQUAL(thaw_act_name(&act), "hard_swish");
    CU_ASSERT_EQUAL(thaw_act_find(&act, "linear", &err), 0);
    CU_ASSERT_PTR_NULL(act.kind);
    CU_ASSERT_STRING_EQUAL(thaw_act_name(&act), "linear");
    CU_ASSERT(thaw_act_from_output(&act));
    CU_ASSERT_EQUAL(thaw_act_find(&act, "rellu", &err), -1);
    CU_ASSERT(thaw_says(&err, "rellu", "known", "linear", "relu6", "mish", NULL));
}

void thaw_test_act(void)
{
    CU_pSuite s = thaw_suite("act");
    CU_add_test(s, "values", test_values);
    CU_add_test(s, "gradients from output or input", test_slopes);
    CU_add_test(s, "chains of steps compute the same", test_chains);
    CU_add_test(s, "ReLU with slope, maximum and threshold", test_relu_layer);
    CU_add_test(s, "no gradient at the ends of ReLU and ReLU6", test_ends);
    CU_add_test(s, "names, aliases, and an error that lists them", test_names);
}
