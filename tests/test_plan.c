#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/rng.h"
#include "nn/exec.h"
#include "nn/ops.h"
#include "tests/net.h"

/* A residual block as networks have it: picture -> conv+bn+relu6 -> [1x1 conv+bn, added to its
 * input] -> depthwise 5x5+bn+relu6 -> pool -> dense. */
enum { SIDE = 9, WIDTH = 20, CLASSES = 3 };

static int add(struct thaw_graph *g, const char *kind, const char *name, const int *in, int n,
               json_t *config)
{
    struct thaw_error err = {0};
    int node = thaw_graph_add(g, kind, name, in, n, config, &err);
    json_decref(config);
    if (node < 0)
        printf("%s\n", err.text);
    CU_ASSERT_FATAL(node >= 0);
    return node;
}

static void randomise(struct thaw_graph *g)
{
    struct thaw_rng rng = thaw_rng_at(5, 0, 0, 0);
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_params; k++) {
            struct thaw_param *p = &g->nodes[i].params[k];
            bool variance = strstr(p->role, "variance") != NULL, gamma = !strcmp(p->role, "gamma");
            for (size_t j = 0; j < p->count; j++)
                p->data[j] = variance || gamma ? thaw_rng_uniform(&rng, 0.5f, 1.5f)
                                               : thaw_rng_uniform(&rng, -0.4f, 0.4f);
        }
}

static struct thaw_graph *residual_net(void)
{
    struct thaw_graph *g = thaw_graph_create("net", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    int x = add(g, "InputLayer", "image", NULL, 0,
                json_pack("{s:[n,i,i,i]}", "batch_input_shape", SIDE, SIDE, 3));
    x = add(g, "Conv2D", "stem", &x, 1,
            json_pack("{s:i, s:i, s:i, s:s, s:b}", "filters", WIDTH, "kernel_size", 3, "strides", 2,
                      "padding", "same", "use_bias", 0));
    x = add(g, "BatchNormalization", "stem_bn", &x, 1, json_pack("{s:f}", "epsilon", 1e-3));
    int trunk = x = add(g, "ReLU", "stem_relu", &x, 1, json_pack("{s:f}", "max_value", 6.0));
    x = add(g, "Conv2D", "project", &x, 1,
            json_pack("{s:i, s:i, s:b}", "filters", WIDTH, "kernel_size", 1, "use_bias", 1));
    x = add(g, "BatchNormalization", "project_bn", &x, 1, json_pack("{s:f}", "epsilon", 1e-3));
    int both[] = {trunk, x};
    x = add(g, "Add", "add", both, 2, NULL);
    x = add(g, "ZeroPadding2D", "pad", &x, 1, json_pack("{s:i}", "padding", 2));
    x = add(g, "DepthwiseConv2D", "depthwise", &x, 1,
            json_pack("{s:i, s:s, s:b}", "kernel_size", 5, "padding", "valid", "use_bias", 0));
    x = add(g, "BatchNormalization", "depthwise_bn", &x, 1, json_pack("{s:f}", "epsilon", 1e-3));
    x = add(g, "ReLU", "depthwise_relu", &x, 1, json_pack("{s:f}", "max_value", 6.0));
    x = add(g, "GlobalAveragePooling2D", "pool", &x, 1, NULL);
    add(g, "Dense", "dense", &x, 1,
        json_pack("{s:i, s:s}", "units", CLASSES, "activation", "softmax"));
    randomise(g);
    return g;
}

static struct thaw_plan *plan_of(struct thaw_graph *g, struct thaw_plan_options options)
{
    struct thaw_error err = {0};
    struct thaw_plan *p = thaw_plan_create(g, &options, &err);
    if (!p)
        printf("%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

static const struct thaw_op *op_of(const struct thaw_plan *p, const char *node)
{
    for (int i = 0; i < p->n_ops; i++)
        if (strcmp(p->ops[i].node->name, node) == 0)
            return &p->ops[i];
    return NULL;
}

static void test_folding(void)
{
    struct thaw_graph *g = residual_net();
    struct thaw_plan *p =
        plan_of(g, (struct thaw_plan_options){.last = -1, .training = true, .logits = true});
    CU_ASSERT_EQUAL(p->n_ops, 5); /* stem, project, depthwise, pool, dense */
    CU_ASSERT(p->softmax_left_out);
    const struct thaw_op *stem = op_of(p, "stem"), *project = op_of(p, "project"),
                         *depthwise = op_of(p, "depthwise");
    CU_ASSERT_FATAL(stem && project && depthwise);
    CU_ASSERT(stem->norm && stem->act.kind && stem->addend < 0);
    CU_ASSERT(project->norm && !project->act.kind && project->addend == stem->out);
    CU_ASSERT_EQUAL(((const struct thaw_linear *)depthwise->conf)->pad_top, 2);
    CU_ASSERT_EQUAL(p->n_trained, 3 + 4 + 3 + 2);
    CU_ASSERT_FALSE(p->values[p->input].has_grad);
    thaw_plan_free(p);
    thaw_graph_free(g);
}

/* conv with `activation` -> padding -> largest of 3x3, step 2 */
static struct thaw_graph *padded_pool(const char *activation, int padding)
{
    struct thaw_graph *g = thaw_graph_create("net", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    int x = add(g, "InputLayer", "image", NULL, 0,
                json_pack("{s:[n,i,i,i]}", "batch_input_shape", SIDE, SIDE, 3));
    x = add(
        g, "Conv2D", "conv", &x, 1,
        json_pack("{s:i, s:i, s:s}", "filters", WIDTH, "kernel_size", 1, "activation", activation));
    x = add(g, "ZeroPadding2D", "pad", &x, 1, json_pack("{s:i}", "padding", padding));
    add(g, "MaxPooling2D", "pool", &x, 1,
        json_pack("{s:i, s:i, s:s}", "pool_size", 3, "strides", 2, "padding", "valid"));
    randomise(g);
    return g;
}

/* Zeros around what relu leaves change no maximum; where they would, or where there is nothing but
 * them, the padding stays. */
static void test_padding_before_pool(void)
{
    static const struct {
        const char *activation;
        int padding, ops;
    } cases[] = {{"relu", 1, 2}, {"relu", 2, 2}, {"relu", 3, 3}, {"linear", 1, 3}, {"elu", 1, 3}};
    float x[SIDE * SIDE * 3];
    struct thaw_rng rng = thaw_rng_at(8, 0, 0, 0);
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = thaw_rng_uniform(&rng, -1, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct thaw_graph *g = padded_pool(cases[i].activation, cases[i].padding);
        struct thaw_plan *p = plan_of(g, (struct thaw_plan_options){.last = -1});
        CU_ASSERT_EQUAL(p->n_ops, cases[i].ops);
        thaw_plan_free(p);
        struct thaw_shape in = g->nodes[thaw_graph_find(g, "pad")].shape,
                          out = g->nodes[g->output].shape;
        float *padded = thaw_net_run(g, thaw_graph_find(g, "pad"), x, 1);
        float *pooled = thaw_net_run(g, -1, x, 1);
        CU_ASSERT_FATAL(padded && pooled);
        for (int k = 0; k < out.h * out.w * out.c; k++) {
            int row = k / out.c / out.w * 2, column = k / out.c % out.w * 2;
            float most = -INFINITY;
            for (int t = 0; t < 9; t++)
                most =
                    fmaxf(most, padded[((row + t / 3) * in.w + column + t % 3) * in.c + k % out.c]);
            CU_ASSERT_EQUAL(pooled[k], most);
        }
        free(padded);
        free(pooled);
        thaw_graph_free(g);
    }
}

static void test_frozen_part(void)
{
    struct thaw_graph *g = residual_net();
    int depthwise = thaw_graph_find(g, "depthwise");
    for (int i = 0; i < g->n_nodes; i++)
        g->nodes[i].trainable = i >= depthwise;
    struct thaw_plan *p =
        plan_of(g, (struct thaw_plan_options){.last = -1, .training = true, .logits = true});
    CU_ASSERT_FALSE(op_of(p, "stem")->backward);
    CU_ASSERT_FALSE(op_of(p, "project")->backward);
    CU_ASSERT(op_of(p, "depthwise")->backward && op_of(p, "depthwise")->trained);
    CU_ASSERT_FALSE(p->values[op_of(p, "depthwise")->in[0]].has_grad);
    CU_ASSERT_EQUAL(p->n_trained, 3 + 2);
    thaw_plan_free(p);
    thaw_graph_free(g);
}

static void test_no_cut(void)
{
    struct thaw_graph *g = residual_net();
    struct thaw_error err = {0};
    struct thaw_plan_options options = {.first = thaw_graph_find(g, "project"), .last = -1};
    CU_ASSERT_PTR_NULL(thaw_plan_create(g, &options, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "stem_relu"));
    thaw_graph_free(g);
}

struct tried {
    float x[4 * SIDE * SIDE * 3], direction[4 * CLASSES];
};

static struct tried try_data(void)
{
    struct tried t;
    struct thaw_rng rng = thaw_rng_at(7, 0, 0, 0);
    for (size_t i = 0; i < sizeof t.x / sizeof *t.x; i++)
        t.x[i] = thaw_rng_uniform(&rng, -1, 1);
    for (size_t i = 0; i < sizeof t.direction / sizeof *t.direction; i++)
        t.direction[i] = thaw_rng_uniform(&rng, -1, 1);
    return t;
}

/* Sum of direction * logits over 4 samples, and its gradients into e when asked. */
static double project(struct thaw_exec *e, const struct tried *t, bool gradients)
{
    double sum = 0;
    int n = thaw_exec_batch(e);
    float y[4 * CLASSES];
    for (int i = 0; i < 4; i += n) {
        struct thaw_pass pass = {.x = t->x + (size_t)i * SIDE * SIDE * 3,
                                 .form = THAW_NHWC,
                                 .count = 4 - i < n ? 4 - i : n,
                                 .training = true};
        const float *direction = t->direction + (size_t)i * CLASSES;
        CU_ASSERT_EQUAL(thaw_exec_forward(e, &pass, NULL), 0);
        thaw_exec_read(e, pass.count, y);
        for (int k = 0; k < pass.count * CLASSES; k++)
            sum += (double)direction[k] * y[k];
        if (gradients)
            CU_ASSERT_EQUAL(thaw_exec_backward(e, direction, pass.count, i == 0, NULL), 0);
    }
    if (gradients)
        CU_ASSERT_EQUAL(thaw_exec_gradients(e, NULL), 0);
    return sum;
}

/* Every weight of the folded, residual network, gamma and beta included, against differences. */
static void test_gradients(void)
{
    struct thaw_graph *g = residual_net();
    struct thaw_plan *p =
        plan_of(g, (struct thaw_plan_options){.last = -1, .training = true, .logits = true});
    struct thaw_exec *e = thaw_exec_create(p, 4, NULL);
    struct tried t = try_data();
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    project(e, &t, true);
    for (int i = 0; i < p->n_trained; i++) {
        struct thaw_param *param = p->trained[i].param;
        double wrong = 0, norm = 1e-12;
        size_t stride = param->count / 7 + 1;
        for (size_t j = 0; j < param->count; j += stride) {
            const float step = 5e-4f;
            float kept = param->data[j], up, down;
            param->data[j] = up = kept + step;
            CU_ASSERT_EQUAL(thaw_exec_update(e, NULL), 0);
            double high = project(e, &t, false);
            param->data[j] = down = kept - step;
            CU_ASSERT_EQUAL(thaw_exec_update(e, NULL), 0);
            double low = project(e, &t, false);
            param->data[j] = kept;
            double slope = (high - low) / ((double)up - down), got = thaw_exec_gradient(e, i)[j];
            wrong += (slope - got) * (slope - got);
            norm += slope * slope;
        }
        if (sqrt(wrong / norm) > 1e-2)
            printf("%s %s: %g\n", p->trained[i].node->name, param->role, sqrt(wrong / norm));
        CU_ASSERT(sqrt(wrong / norm) <= 1e-2);
    }
    thaw_exec_free(e);
    thaw_plan_free(p);
    thaw_graph_free(g);
}

/* Gradients in bfloat16 point where those in float32 do, whatever size the micro-batches have. One
 * value that rounding brings across the bend of its activation is a tenth of such a small net's
 * first gradient. */
static void test_bf16_gradients(void)
{
    if (thaw_precision_lacks(THAW_BF16)) {
        thaw_skip("gradients in bfloat16: this machine has no fast path");
        return;
    }
    struct thaw_graph *g = residual_net();
    struct thaw_plan_options options = {.last = -1, .training = true, .logits = true};
    struct thaw_plan *p = plan_of(g, options);
    options.precision = THAW_BF16;
    struct thaw_plan *low = plan_of(g, options);
    struct tried t = try_data();
    struct thaw_exec *a = thaw_exec_create(p, 4, NULL), *b = thaw_exec_create(low, 3, NULL);
    CU_ASSERT_FATAL(a && b);
    CU_ASSERT_DOUBLE_EQUAL(project(b, &t, true) / project(a, &t, true), 1, 2e-2);
    CU_ASSERT_EQUAL_FATAL(low->n_trained, p->n_trained);
    for (int i = 0; i < p->n_trained; i++) {
        const float *wanted = thaw_exec_gradient(a, i), *got = thaw_exec_gradient(b, i);
        double wrong = 0, norm = 1e-12;
        for (size_t j = 0; j < p->trained[i].param->count; j++) {
            double d = (double)got[j] - (double)wanted[j];
            wrong += d * d;
            norm += (double)wanted[j] * (double)wanted[j];
        }
        if (sqrt(wrong / norm) > 0.12)
            printf("%s %s: %g\n", p->trained[i].node->name, p->trained[i].param->role,
                   sqrt(wrong / norm));
        CU_ASSERT(sqrt(wrong / norm) <= 0.12);
        CU_ASSERT(i > 0 || wrong > 0); /* else nothing was computed in bfloat16 */
    }
    thaw_exec_free(a);
    thaw_exec_free(b);
    thaw_plan_free(p);
    thaw_plan_free(low);
    thaw_graph_free(g);
}

/* With moving statistics a batch is the sum of its micro-batches, also when the last one is not
 * full. */
static void test_micro_batches(void)
{
    struct thaw_graph *g = residual_net();
    struct thaw_plan *p =
        plan_of(g, (struct thaw_plan_options){.last = -1, .training = true, .logits = true});
    struct tried t = try_data();
    struct thaw_exec *whole = thaw_exec_create(p, 4, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
    double expected = project(whole, &t, true);
    for (int n = 1; n <= 3; n++) {
        struct thaw_exec *part = thaw_exec_create(p, n, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(part);
        CU_ASSERT_DOUBLE_EQUAL(project(part, &t, true), expected, 1e-4);
        for (int i = 0; i < p->n_trained; i++)
            CU_ASSERT(thaw_distance(thaw_exec_gradient(part, i), thaw_exec_gradient(whole, i),
                                    p->trained[i].param->count) < 1e-5);
        thaw_exec_free(part);
    }
    thaw_exec_free(whole);
    thaw_plan_free(p);
    thaw_graph_free(g);
}

/* A frozen part of its own and the rest give what the whole gives. */
static void test_two_parts(void)
{
    struct thaw_graph *g = residual_net();
    struct tried t = try_data();
    int cut = thaw_graph_find(g, "add");
    struct thaw_plan *whole = plan_of(g, (struct thaw_plan_options){.last = -1});
    struct thaw_plan *below = plan_of(g, (struct thaw_plan_options){.last = cut});
    struct thaw_plan *above = plan_of(g, (struct thaw_plan_options){.first = cut, .last = -1});
    struct thaw_exec *a = thaw_exec_create(whole, 2, NULL), *b = thaw_exec_create(below, 2, NULL),
                     *c = thaw_exec_create(above, 2, NULL);
    CU_ASSERT_FATAL(a && b && c);
    float y[2 * CLASSES], z[2 * CLASSES], sum = 0;
    CU_ASSERT_EQUAL(thaw_exec_infer(a, t.x, 2, y, NULL), 0);
    struct thaw_pass first = {.x = t.x, .form = THAW_NHWC, .count = 2};
    CU_ASSERT_EQUAL(thaw_exec_forward(b, &first, NULL), 0);
    struct thaw_pass second = {.x = thaw_exec_output(b), .form = THAW_PACKED, .count = 2};
    CU_ASSERT_EQUAL(thaw_exec_forward(c, &second, NULL), 0);
    thaw_exec_read(c, 2, z);
    CU_ASSERT(thaw_distance(z, y, 2 * CLASSES) < 1e-6);
    for (int k = 0; k < CLASSES; k++)
        sum += y[k];
    CU_ASSERT_DOUBLE_EQUAL(sum, 1, 1e-5); /* probabilities: the softmax is in */
    thaw_exec_free(a);
    thaw_exec_free(b);
    thaw_exec_free(c);
    thaw_plan_free(whole);
    thaw_plan_free(below);
    thaw_plan_free(above);
    thaw_graph_free(g);
}

void thaw_test_plan(void)
{
    CU_pSuite s = thaw_suite("plan");
    CU_add_test(s, "padding, norms, residual adds and activations fold", test_folding);
    CU_add_test(s, "padding before a maximum", test_padding_before_pool);
    CU_add_test(s, "frozen layers take no part in backward", test_frozen_part);
    CU_add_test(s, "a plan begins at a cut or not at all", test_no_cut);
    CU_add_test(s, "gradients of a folded residual network", test_gradients);
    CU_add_test(s, "gradients in bfloat16", test_bf16_gradients);
    CU_add_test(s, "a batch is the sum of its micro-batches", test_micro_batches);
    CU_add_test(s, "frozen part and rest give what the whole gives", test_two_parts);
}
