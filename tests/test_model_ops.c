/* Arithmetic between layers as Keras 2 and 3 record it, and layers that stand for one activation.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net.h"

enum { SIDE = 2, COUNT = SIDE * SIDE * 3 };

static const char INPUT[] = "{\"class_name\":\"InputLayer\",\"name\":\"in\",\"inbound_nodes\":[],"
                            "\"config\":{\"batch_input_shape\":[null,2,2,3],\"name\":\"in\"}}";

/* One layer's JSON: Keras 2's, and an operation of Keras 3. */
#define LAYER(class, name, config, inputs)                                                         \
    ",{\"class_name\":\"" class "\",\"name\":\"" name "\",\"config\":{\"name\":\"" name            \
                                "\",\"trainable\":true" config "},\"inbound_nodes\":" inputs "}"
#define TF(name, function, inputs)                                                                 \
    LAYER("TFOpLambda", name, ",\"function\":\"" function "\"", inputs)
#define FROM(name) "[[[\"" name "\",0,0,{}]]]"
#define OP(class, name, args)                                                                      \
    ",{\"class_name\":\"" class "\",\"name\":\"" name "\",\"config\":{\"name\":\"" name            \
                                "\"},\"inbound_nodes\":[{\"args\":[" args "],\"kwargs\":{}}]}"
#define T(name)                                                                                    \
    "{\"class_name\":\"__keras_tensor__\",\"config\":{\"shape\":[null,2,2,3],\"keras_history\":["  \
    "\"" name "\",0,0]}}"

/* The network of these layers, whose last one is "out". NULL with the reason in err. */
static struct thaw_graph *load(const char *layers, int major, struct thaw_error *err)
{
    struct thaw_keras_file *file = thaw_keras_create(err);
    char *text = NULL;
    int length =
        asprintf(&text,
                 "{\"class_name\":\"Functional\",\"config\":{\"name\":\"m\",\"layers\":["
                 "%s%s],\"input_layers\":[[\"in\",0,0]],\"output_layers\":[[\"out\",0,0]]}}",
                 INPUT, layers);
    CU_ASSERT_TRUE_FATAL(file && length > 0);
    file->config = thaw_json_parse(text, (size_t)length, "model_config", err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file->config);
    file->keras_major = major;
    struct thaw_graph *graph = thaw_model_from_keras(file, NULL, NULL, err);
    free(text);
    thaw_keras_free(file);
    return graph;
}

/* Does the network answer f(x) to x, in as many layers (the input counts)? */
static void check(const char *layers, int major, double (*f)(double x), int n_layers)
{
    struct thaw_error err = {0};
    struct thaw_graph *graph = load(layers, major, &err);
    float x[COUNT];
    for (int i = 0; i < COUNT; i++)
        x[i] = (float)(i - 5) * 0.9f;
    CU_ASSERT_EQUAL_FATAL(thaw_told(graph ? 0 : -1, &err), 0);
    CU_ASSERT_EQUAL(graph->n_nodes, n_layers);
    float *y = thaw_net_run(graph, -1, x, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(y);
    for (int i = 0; i < COUNT; i++)
        CU_ASSERT_DOUBLE_EQUAL((double)y[i], f((double)x[i]), 1e-5);
    free(y);
    thaw_graph_free(graph);
}

static void refused(const char *layers, int major, const char *a, const char *b)
{
    struct thaw_error err = {0};
    struct thaw_graph *graph = load(layers, major, &err);
    CU_ASSERT_PTR_NULL(graph);
    CU_ASSERT_TRUE(thaw_says(&err, "layer out", a, b, NULL));
    thaw_graph_free(graph);
}

/* --- numbers --- */

static double chain(double x)
{
    return 1 - (0.5 + (x - 1) / 2 * 3);
}

static void test_numbers(void)
{
    check(OP("Subtract", "a", T("in") ",1.0") OP("TrueDivide", "b", T("a") ",2")
              OP("Multiply", "c", T("b") ",3.0") OP("Add", "d", "0.5," T("c"))
                  OP("Subtract", "out", "1.0," T("d")),
          3, chain, 6);
    check(TF("a", "math.subtract", "[[\"in\",0,0,{\"y\":1.0,\"name\":null}]]")
              TF("b", "math.truediv", "[[\"a\",0,0,{\"y\":2,\"name\":null}]]")
                  TF("c", "math.multiply", "[[\"b\",0,0,{\"y\":3.0,\"name\":null}]]")
                      TF("d", "__operators__.add", "[[\"c\",0,0,{\"y\":0.5,\"name\":null}]]")
                          TF("out", "math.subtract",
                             "[[\"_CONSTANT_VALUE\",-1,1.0,{\"y\":[\"d\",0,0],\"name\":null}]]"),
          2, chain, 6);
}

/* One number for each channel: Keras 2 writes it so for published EfficientNets, and for
 * preprocess_input() within a model. */
static void test_channels(void)
{
    static const char *const forms[] = {
        TF("out", "math.multiply", "[[\"in\",0,0,{\"y\":[[[[0.5,2.0,4.0]]]]}]]"),
        TF("out", "math.truediv", "[[\"in\",0,0,{\"y\":[2.0,0.5,0.25]}]]"),
        TF("a", "nn.bias_add", "[[\"in\",0,0,{\"bias\":[1.0,-2.0,3.0],\"data_format\":\"NHWC\"}]]")
            TF("b", "math.truediv", "[[\"a\",0,0,{\"y\":[2.0,0.5,0.25]}]]")
                TF("out", "math.subtract", "[[\"b\",0,0,{\"y\":[[0.5,-4.0,12.0]]}]]"),
        OP("Multiply", "out",
           T("in") ",{\"class_name\":\"__numpy__\",\"config\":{\"value\":[0.5,2.0,4.0],"
                   "\"dtype\":\"float32\"}}")};
    for (int i = 0; i < 4; i++) {
        struct thaw_error err = {0};
        struct thaw_graph *graph = load(forms[i], i < 3 ? 2 : 3, &err);
        float x[COUNT];
        for (int k = 0; k < COUNT; k++)
            x[k] = (float)k - 4;
        CU_ASSERT_EQUAL_FATAL(thaw_told(graph ? 0 : -1, &err), 0);
        float *y = thaw_net_run(graph, -1, x, 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(y);
        for (int k = 0; k < COUNT; k++)
            CU_ASSERT_EQUAL(y[k], x[k] * (k % 3 == 0 ? 0.5f : k % 3 == 1 ? 2 : 4));
        free(y);
        thaw_graph_free(graph);
    }
}

/* --- two outputs of layers --- */

static double squares(double x)
{
    return x * x + x;
}

static void test_tensors(void)
{
    check(OP("Multiply", "a", T("in") "," T("in")) OP("Add", "out", T("a") "," T("in")), 3, squares,
          3);
    check(TF("a", "math.multiply", "[[\"in\",0,0,{\"y\":[\"in\",0,0],\"name\":null}]]")
              TF("out", "__operators__.add", "[[\"a\",0,0,{\"y\":[\"in\",0,0],\"name\":null}]]"),
          2, squares, 3);
}

static double scaled_sum(double x)
{
    return x + 0.17 * (x > 0 ? x : 0);
}

/* Keras' own Inception-ResNet v2, before and since it has a class for the sum. */
static void test_scaled_sum(void)
{
#define RELU LAYER("ReLU", "relu", "", FROM("in"))
#define BOTH "[[[\"in\",0,0,{}],[\"relu\",0,0,{}]]]"
#define CODE ",\"function\":[\"4wEA\",null,null],\"arguments\":{\"scale\":0.17}"
    check(RELU LAYER("CustomScaleLayer", "out", ",\"scale\":0.17", BOTH), 3, scaled_sum, 3);
    check(RELU LAYER("Custom>CustomScaleLayer", "out", ",\"scale\":0.17", BOTH), 2, scaled_sum, 3);
    check(RELU LAYER("Lambda", "block35_1", CODE, BOTH)
              LAYER("Activation", "out", ",\"activation\":\"linear\"", FROM("block35_1")),
          2, scaled_sum, 4);
}

static void test_refused(void)
{
    refused(TF("out", "nn.dropout", "[[\"in\",0,0,{\"rate\":0.5}]]"), 2, "nn.dropout", "add");
    refused(OP("TrueDivide", "out", "1.0," T("in")), 3, "arithmetic with = 1.0", "divided");
    refused(OP("TrueDivide", "out", T("in") ",0"), 3, "arithmetic with = 0", "divided");
    refused(OP("Add", "out", "1.0,2.0," T("in")), 3, "arithmetic with = 2.0", "one number");
    refused(OP("Subtract", "out", T("in") "," T("in")), 3, "Subtract", "sums and products");
    refused(OP("Add", "out", T("in") ",\"three\""), 3, "three", "no layer's output");
    refused(TF("out", "math.add", "[[\"in\",0,0,{\"y\":[0.1,0.2]}]]"), 2, "offset 2", "channels");
    refused(TF("out", "math.add", "[[\"in\",0,0,{\"y\":[[0.1],[0.2]]}]]"), 2, "arithmetic with",
            "something else");
    refused(LAYER("Lambda", "out", ",\"arguments\":{\"scale\":0.17}", FROM("in")), 2, "Lambda",
            "never run");
    refused(LAYER("Add", "out", ",\"dtype\":\"float32\"", "[[[\"in\",0,0,{\"y\":3.0}]]]"), 2, "3.0",
            "not supported");
}

/* --- hard swish --- */

static double gate(double x)
{
    return fmin(fmax(x + 3, 0), 6) / 6;
}

static double hard_swish(double x)
{
    return x * gate(x);
}

static double swish_and_gate(double x)
{
    return x * gate(x) + gate(x);
}

static double other(double x)
{
    return x * fmin(fmax(x + 3, 0), 6) / 5;
}

#define GATE_3(factor)                                                                             \
    OP("Add", "a", T("in") ",3.0")                                                                 \
    LAYER("ReLU", "b", ",\"max_value\":6.0", FROM("a")) OP("Multiply", "c", T("b") "," factor)

static void test_fused(void)
{
    check(GATE_3("0.16666666666666666")
              LAYER("Activation", "out", ",\"activation\":\"linear\"", FROM("c")),
          3, gate, 3);
    check(GATE_3("0.16666666666666666") OP("Multiply", "out", T("in") "," T("c")), 3, hard_swish,
          2);
    check(TF("a", "__operators__.add", "[[\"in\",0,0,{\"y\":3.0,\"name\":null}]]")
              LAYER("ReLU", "b", ",\"max_value\":6.0,\"negative_slope\":0.0,\"threshold\":0.0",
                    FROM("a")) TF("c", "math.multiply", "[[\"b\",0,0,{\"y\":0.16666666666666666}]]")
                  LAYER("Multiply", "out", "", "[[[\"c\",0,0,{}],[\"in\",0,0,{}]]]"),
          2, hard_swish, 2);
    /* The gate is needed by itself; and another number. */
    check(GATE_3("0.16666666666666666") OP("Multiply", "d", T("in") "," T("c"))
              OP("Add", "out", T("d") "," T("c")),
          3, swish_and_gate, 4);
    check(GATE_3("0.2") OP("Multiply", "out", T("in") "," T("c")), 3, other, 5);
}

/* --- a model used as a layer, in a weights-only file --- */

/* All weights in one group: first what trains, then the moving statistics. */
static void test_nested_weights(void)
{
    struct thaw_error err = {0};
    struct thaw_arch_options size = {.height = 32, .width = 32};
    struct thaw_model_options options = {.arch = "mobilenet:0.25", .height = 32, .width = 32};
    struct thaw_graph *graph = thaw_model_random("mobilenet:0.25", &size, 1, &err), *back;
    struct thaw_keras_file *file = thaw_keras_create(&err);
    struct thaw_keras_group *group = thaw_keras_add_group(file, "mobilenet_0.25_224", &err);
    int *order = calloc((size_t)graph->n_nodes, sizeof *order);
    CU_ASSERT_TRUE_FATAL(graph && group && order && !thaw_graph_keras_order(graph, order, &err));
    for (int trains = 1; trains >= 0; trains--)
        for (int i = 0; i < graph->n_nodes; i++) {
            const struct thaw_node *node = &graph->nodes[order[i]];
            for (int k = 0; k < node->n_params; k++) {
                const struct thaw_param *p = &node->params[k];
                char name[80];
                snprintf(name, sizeof name, "%s/%s:0", node->name, p->role);
                if (p->trainable == trains)
                    CU_ASSERT_EQUAL(
                        thaw_keras_add_tensor(file, group, name, p->dims, p->rank, p->data, &err),
                        0);
            }
        }
    back = thaw_model_from_keras(file, &options, NULL, &err);
    thaw_told(back ? 0 : -1, &err);
    CU_ASSERT_TRUE(back && thaw_net_same(graph, back));
    thaw_graph_free(back);
    thaw_graph_free(graph);
    thaw_keras_free(file);
    free(order);
}

void thaw_test_model_ops(void)
{
    CU_pSuite s = thaw_suite("model_ops");
    CU_add_test(s, "layers plus, minus, times and by numbers", test_numbers);
    CU_add_test(s, "layers times a number for each channel", test_channels);
    CU_add_test(s, "sums and products of layers", test_tensors);
    CU_add_test(s, "scaled sums of Keras' own network", test_scaled_sum);
    CU_add_test(s, "what else is arithmetic is refused", test_refused);
    CU_add_test(s, "hard swish in four layers", test_fused);
    CU_add_test(s, "a nested model's weights in one group", test_nested_weights);
}
