#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/model.h"
#include "tests/check.h"
#include "tests/net.h"

/* --- models written for the occasion --- */

static const char INPUT[] = "{\"class_name\":\"InputLayer\",\"name\":\"in\",\"inbound_nodes\":[],"
                            "\"config\":{\"batch_input_shape\":[null,6,6,3],\"name\":\"in\"}}";

/* A layer of a Functional; `inbound` is the text of its calls. */
#define LAYER(class, name, config, inbound)                                                        \
    "{\"class_name\":\"" class "\",\"name\":\"" name "\",\"inbound_nodes\":[" inbound              \
                               "],\"config\":{\"name\":\"" name "\"" config "}}"
#define FROM(name) "[[\"" name "\",0,0,{}]]"
#define CONV(name, inbound)                                                                        \
    LAYER("Conv2D", name, ",\"filters\":2,\"kernel_size\":[1,1],\"use_bias\":false", inbound)

static struct thaw_keras_file *file_of(const char *text, int major)
{
    struct thaw_error err = {0};
    struct thaw_keras_file *file = thaw_keras_create(&err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    file->keras_major = major;
    file->config = thaw_json_parse(text, strlen(text), "model_config", &err);
    thaw_told(file->config ? 0 : -1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file->config);
    return file;
}

static struct thaw_keras_file *functional(const char *layers, const char *output, int major)
{
    char text[4096];
    snprintf(text, sizeof text,
             "{\"class_name\":\"Functional\",\"config\":{\"name\":\"m\",\"layers\":[%s,%s],"
             "\"input_layers\":[[\"in\",0,0]],\"output_layers\":%s}}",
             INPUT, layers, output);
    return file_of(text, major);
}

static void add_tensor(struct thaw_keras_file *file, const char *group, const char *name,
                       const long *dims, int rank, float first)
{
    struct thaw_error err = {0};
    struct thaw_keras_group *g = NULL;
    float values[64];
    for (int i = 0; i < 64; i++)
        values[i] = first + (float)i;
    for (size_t i = 0; i < file->n_groups; i++)
        if (!strcmp(file->groups[i].name, group))
            g = &file->groups[i];
    if (!g)
        g = thaw_keras_add_group(file, group, &err);
    CU_ASSERT_EQUAL(thaw_keras_add_tensor(file, g, name, dims, rank, values, &err), 0);
}

/* Loads and frees the file; the error must say all of these. */
static void refused(struct thaw_keras_file *file, const char *a, const char *b, const char *c)
{
    struct thaw_error err = {0};
    struct thaw_graph *graph = thaw_model_from_keras(file, NULL, NULL, &err);
    CU_ASSERT_PTR_NULL(graph);
    CU_ASSERT_TRUE(thaw_says(&err, a, b, c, NULL));
    thaw_graph_free(graph);
    thaw_keras_free(file);
}

static void test_layers(void)
{
    const char *out = "[[\"c\",0,0]]";
    refused(functional(LAYER("Lambda", "c", "", FROM("in")), out, 2), "layer c", "Lambda",
            "never run");
    refused(functional(LAYER("TFOpLambda", "c", "", "[\"in\",0,0,{\"y\":3.0}]"), out, 2), "layer c",
            "TFOpLambda", NULL);
    refused(functional(LAYER("Conv3D", "c", "", FROM("in")), out, 2), "layer c", "Conv3D",
            "DepthwiseConv2D");
    refused(functional(LAYER("ReLU", "c", ",\"knee\":0.5", FROM("in")), out, 2), "layer c", "knee",
            "0.5");
    refused(
        functional(LAYER("Conv2D", "c", ",\"filters\":2,\"kernel_size\":9", FROM("in")), out, 2),
        "layer c", "Conv2D", NULL);
    refused(functional(LAYER("Activation", "c", ",\"activation\":\"wobble\"", FROM("in")), out, 2),
            "layer c", "wobble", "softplus");
    refused(
        functional(LAYER("ZeroPadding2D", "c", ",\"data_format\":\"channels_first\"", FROM("in")),
                   out, 2),
        "layer c", "channels_first", "channels_last");
    refused(functional("{\"name\":\"c\",\"config\":{}}", out, 2), "class_name", "c", NULL);
}

static void test_wiring(void)
{
    const char *out = "[[\"c\",0,0]]";
    refused(functional(CONV("c", FROM("in") "," FROM("in")), out, 2), "layer c", "used 2 times",
            "shared");
    refused(functional(CONV("c", "[[\"in\",3,0,{}]]"), out, 2), "layer c", "more than once", "in");
    refused(functional(CONV("c", "[[\"in\",0,1,{}]]"), out, 2), "layer c", "output 1", "in");
    refused(functional(CONV("c", FROM("zzz")), out, 2), "layer c", "zzz", NULL);
    refused(functional(CONV("c", ""), out, 2), "layer c", "reads no layer", NULL);
    refused(functional(CONV("c", FROM("d")) "," CONV("d", FROM("c")), out, 2), "loop", "layer c",
            NULL);
    refused(functional(CONV("c", FROM("in")) "," CONV("c", FROM("in")), out, 2), "two layers", "c",
            NULL);
    refused(functional(CONV("c", FROM("in")) "," CONV("d", FROM("in")), out, 2), "layer d",
            "does not lead", NULL);
    refused(functional(CONV("c", FROM("in")), "[[\"c\",0,0],[\"in\",0,0]]", 2), "2 outputs", "c",
            "in");
    refused(functional(CONV("c", FROM("in")), "[[\"q\",0,0]]", 2), "output", "q", NULL);
    refused(functional(CONV("c", FROM("in")), "[]", 2), "output_layers", NULL, NULL);
    refused(functional(CONV("c", "[[\"in\",0,0,{\"training\":true}]]"), out, 2), "layer c",
            "training", "true");
    refused(functional(LAYER("Add", "c", "", "{\"args\":[3.5],\"kwargs\":{}}"), out, 3), "layer c",
            "3.5", "arithmetic");
    refused(functional(LAYER("InputLayer", "more", "", "") "," CONV("c", FROM("in")), out, 2),
            "second input", "more", NULL);
    refused(file_of("{\"class_name\":\"Fancy\",\"config\":{}}", 2), "Fancy", "Sequential", NULL);
    refused(file_of("[1]", 2), "class_name", NULL, NULL);
    refused(file_of("{\"class_name\":\"Sequential\",\"config\":{\"layers\":[]}}", 2), "no layers",
            NULL, NULL);
    refused(file_of("{\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\",\"layers\":["
                    "{\"class_name\":\"Dense\",\"config\":{\"name\":\"d\",\"units\":2,"
                    "\"batch_input_shape\":[null,7]}}]}}",
                    2),
            "model s", "[null,7]", "height");
    refused(file_of("{\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\",\"layers\":["
                    "{\"class_name\":\"Flatten\",\"config\":{\"name\":\"f\"}}]}}",
                    2),
            "model s", "not given", NULL);
}

/* Deeper than any stack should follow. */
static void test_nesting(void)
{
    enum { DEPTH = 40 };
    char *text = calloc(DEPTH, 200);
    for (int i = 0; i < DEPTH; i++)
        strcat(text, "{\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\",\"layers\":[");
    strcat(text, "{\"class_name\":\"Flatten\",\"config\":{\"name\":\"f\"}}");
    for (int i = 0; i < DEPTH; i++)
        strcat(text, "]}}");
    refused(file_of(text, 2), "nested", NULL, NULL);
    free(text);
}

/* --- binding --- */

static const long KERNEL[4] = {1, 1, 3, 2}, OTHER[4] = {1, 1, 2, 2}, VECTOR[1] = {2};

/* in -> c -> d, without weights yet */
static struct thaw_keras_file *two_convs(void)
{
    return functional(CONV("c", FROM("in")) "," CONV("d", FROM("c")), "[[\"d\",0,0]]", 2);
}

static void test_binding(void)
{
    struct thaw_error err = {0};
    struct thaw_keras_file *file = two_convs();
    add_tensor(file, "c", "c/kernel:0", KERNEL, 4, 1);
    add_tensor(file, "d", "d/kernel:0", OTHER, 4, 10);
    struct thaw_graph *graph = thaw_model_from_keras(file, NULL, NULL, &err);
    thaw_told(graph ? 0 : -1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(graph);
    CU_ASSERT_EQUAL(graph->nodes[2].params[0].data[3], 13);
    thaw_graph_free(graph);
    thaw_keras_free(file);

    file = two_convs();
    add_tensor(file, "c", "c/kernel:0", OTHER, 4, 1);
    refused(file, "c/kernel:0", "[1,1,2,2]", "[1,1,3,2]");
    file = two_convs();
    add_tensor(file, "c", "c/kernel:0", KERNEL, 4, 1);
    refused(file, "layer d", "no such group", NULL);
    file = two_convs();
    add_tensor(file, "c", "c/kernel:0", KERNEL, 4, 1);
    add_tensor(file, "c", "c/bias:0", VECTOR, 1, 1);
    add_tensor(file, "d", "d/kernel:0", OTHER, 4, 1);
    refused(file, "layer c needs 1 tensors, the file has 2", "c/bias:0 [2]", NULL);
    file = two_convs();
    add_tensor(file, "c", "c/kernel:0", KERNEL, 4, 1);
    add_tensor(file, "d", "d/kernel:0", OTHER, 4, 1);
    add_tensor(file, "e", "e/kernel:0", OTHER, 4, 1);
    refused(file, "group e", "no layer", NULL);
    file = two_convs();
    add_tensor(file, "d", "d/kernel:0", OTHER, 4, 1);
    add_tensor(file, "c", "c/kernel:0", KERNEL, 4, 1);
    refused(file, "group c", "positions", NULL);
}

/* Many faults: all are counted, the text stays within its bounds. */
static void test_many_faults(void)
{
    struct thaw_error err = {0};
    struct thaw_arch_options options = {.height = 64, .width = 64};
    struct thaw_graph *graph = thaw_model_random("mobilenet:0.25", &options, 1, &err);
    struct thaw_keras_file *file = thaw_keras_create(&err);
    CU_ASSERT_TRUE_FATAL(graph && file && thaw_model_to_keras(graph, file, &err) == 0);
    file->n_groups = 0;
    CU_ASSERT_PTR_NULL(thaw_model_from_keras(file, NULL, NULL, &err));
    CU_ASSERT_TRUE(thaw_says(&err, "layer conv1 needs 1 tensors", " more", NULL));
    CU_ASSERT_TRUE(strlen(err.text) < sizeof err.text);
    file->n_groups = (size_t)graph->n_nodes;
    thaw_keras_free(file);
    thaw_graph_free(graph);
}

/* --- what is read differently --- */

/* 1.5 lies where the two meanings differ: 0.8 in Keras 2, 0.75 in Keras 3. */
static void test_hard_sigmoid(void)
{
    for (int major = 2; major <= 3; major++) {
        struct thaw_error err = {0};
        struct thaw_keras_file *file =
            functional(LAYER("Activation", "c", ",\"activation\":\"hard_sigmoid\"", FROM("in")),
                       "[[\"c\",0,0]]", major);
        struct thaw_graph *graph = thaw_model_from_keras(file, NULL, NULL, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(graph);
        struct thaw_graph *back = thaw_net_round_trip(graph, "hard.h5");
        CU_ASSERT_PTR_NOT_NULL_FATAL(back);
        /* Keras 3's is written as three layers and becomes one again. */
        CU_ASSERT_TRUE(thaw_graph_find(back, "c") >= 0 && back->n_nodes == (major == 2 ? 3 : 2));
        float x[6 * 6 * 3];
        for (int i = 0; i < 6 * 6 * 3; i++)
            x[i] = 1.5f;
        float *y = thaw_net_run(graph, -1, x, 1), *z = thaw_net_run(back, -1, x, 1);
        CU_ASSERT_TRUE(y && z);
        if (y && z) {
            CU_ASSERT_DOUBLE_EQUAL((double)y[0], major == 2 ? 0.8 : 0.75, 1e-6);
            CU_ASSERT_DOUBLE_EQUAL((double)z[0], (double)y[0], 1e-6);
        }
        free(y);
        free(z);
        thaw_graph_free(graph);
        thaw_graph_free(back);
        thaw_keras_free(file);
    }
}

/* Two inner models that use the same names; a size that the file leaves open. */
static void test_inner_names(void)
{
    static const char text[] =
        "{\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\",\"layers\":["
        "{\"class_name\":\"InputLayer\",\"config\":{\"batch_input_shape\":[null,null,null,3],"
        "\"name\":\"in\"}},"
        "{\"class_name\":\"Sequential\",\"config\":{\"name\":\"one\",\"layers\":["
        "{\"class_name\":\"MaxPooling2D\",\"config\":{\"name\":\"p\"}}]}},"
        "{\"class_name\":\"Sequential\",\"config\":{\"name\":\"two\",\"layers\":["
        "{\"class_name\":\"RandomFlip\",\"config\":{\"name\":\"f\"}},"
        "{\"class_name\":\"MaxPooling2D\",\"config\":{\"name\":\"p\"}}]}}]}}";
    struct thaw_error err = {0};
    struct thaw_model_notes notes = {0};
    struct thaw_model_options options = {.width = 40};
    struct thaw_keras_file *file = file_of(text, 2);
    struct thaw_graph *graph = thaw_model_from_keras(file, &options, &notes, &err);
    thaw_told(graph ? 0 : -1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(graph);
    CU_ASSERT_EQUAL(graph->n_nodes, 3);
    CU_ASSERT_STRING_EQUAL(graph->nodes[1].name, "p");
    CU_ASSERT_STRING_EQUAL(graph->nodes[2].name, "two_p");
    CU_ASSERT_TRUE(graph->nodes[0].shape.h == 224 && graph->nodes[0].shape.w == 40);
    bool flip = false, size = false;
    for (size_t i = 0; i < notes.n; i++) {
        flip |= strstr(notes.lines[i], "RandomFlip") != NULL;
        size |= strstr(notes.lines[i], "224 x 40") != NULL;
    }
    CU_ASSERT_TRUE(flip && size);
    thaw_model_notes_release(&notes);
    thaw_graph_free(graph);
    thaw_keras_free(file);
}

/* --- heads, blocks, preprocessing --- */

static void check_head(const char *spec, const char *feature)
{
    struct thaw_error err = {0};
    struct thaw_arch_options options = {.height = 64, .width = 64, .classes = 9};
    struct thaw_graph *graph = thaw_model_random(spec, &options, 1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(graph);
    for (int again = 0; again < 2; again++) {
        int head = thaw_model_replace_head(graph, 3 + again, "softmax", 0.25f, 5, &err);
        CU_ASSERT_EQUAL_FATAL(thaw_told(head < 0 ? -1 : 0, &err), 0);
        CU_ASSERT_STRING_EQUAL(graph->nodes[head - 1].name, feature);
        CU_ASSERT_STRING_EQUAL(graph->nodes[head].name, "thaw_pool");
        CU_ASSERT_STRING_EQUAL(graph->nodes[head + 1].name, "thaw_dropout");
        CU_ASSERT_STRING_EQUAL(graph->nodes[head + 2].name, "thaw_logits");
        CU_ASSERT_EQUAL(graph->output, head + 2);
        CU_ASSERT_EQUAL(graph->n_nodes, head + 3);
        const struct thaw_node *dense = &graph->nodes[graph->output];
        CU_ASSERT_EQUAL(dense->shape.c, 3 + again);
        CU_ASSERT_NOT_EQUAL(dense->params[0].data[0], 0);
    }
    thaw_graph_free(graph);
}

static void test_head(void)
{
    check_head("mobilenet:0.25", "conv_pw_13_relu");
    check_head("mobilenet_v2:0.35", "out_relu");
    check_head("squeezenet", "fire9_concat");
    check_head("resnet50", "conv5_block3_out");
    check_head("efficientnet_lite0", "top_relu");
}

/* A network that nobody knows: blocks begin where the map gets smaller, with what belongs to a
 * convolution on its side. */
static void test_unknown_blocks(void)
{
    struct thaw_error err = {0};
    struct thaw_graph *graph = thaw_graph_create("plain", &err);
    char text[200], name[16];
    int last = -1, stages = 4;
    struct thaw_blocks blocks;
    json_t *config = json_pack("{s:[niii]}", "batch_input_shape", 64, 64, 3);
    last = thaw_graph_add(graph, "InputLayer", "in", NULL, 0, config, &err);
    json_decref(config);
    for (int i = 0; i < 2 * stages; i++) {
        snprintf(text, sizeof text,
                 "{\"filters\":4,\"kernel_size\":3,\"strides\":%d,\"padding\":\"same\"}",
                 i % 2 ? 1 : 2);
        config = thaw_json_parse(text, strlen(text), "config", &err);
        snprintf(name, sizeof name, "c%d", i);
        last = thaw_graph_add(graph, "Conv2D", name, &last, 1, config, &err);
        json_decref(config);
        snprintf(name, sizeof name, "b%d", i);
        last = thaw_graph_add(graph, "BatchNormalization", name, &last, 1, NULL, &err);
    }
    CU_ASSERT_EQUAL(thaw_told(thaw_model_blocks(graph, last + 1, &blocks, &err), &err), 0);
    CU_ASSERT_EQUAL(blocks.n, stages);
    for (int i = 0; i < blocks.n; i++) {
        snprintf(name, sizeof name, "c%d", 2 * i);
        CU_ASSERT_STRING_EQUAL(graph->nodes[blocks.starts[i]].name, name);
    }
    thaw_blocks_release(&blocks);
    thaw_graph_free(graph);
}

static void test_preprocessing(void)
{
    struct thaw_error err = {0};
    struct thaw_arch_options options = {.height = 64, .width = 64};
    struct thaw_graph *graph = thaw_model_random("squeezenet", &options, 1, &err);
    const float scale[3] = {0.5f, 0.25f, 2}, offset[3] = {-1, 3, 0.5f};
    enum { N = 64 * 64 * 3 };
    float *x = malloc(N * sizeof *x), *raw = malloc(N * sizeof *raw);
    for (int i = 0; i < N; i++)
        raw[i] = (float)(i * 37 % 256);
    for (int i = 0; i < N; i++) { /* channel c of x is channel 2 - c of the picture */
        int c = i % 3;
        x[i] = raw[i - c + (2 - c)] * scale[c] + offset[c];
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(graph);
    struct thaw_graph *front = thaw_model_with_preprocessing(graph, scale, offset, true, &err);
    thaw_told(front ? 0 : -1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(front);
    CU_ASSERT_EQUAL(front->n_nodes, graph->n_nodes + 2);
    CU_ASSERT_FALSE(front->nodes[1].trainable);
    struct thaw_graph *back = thaw_net_round_trip(front, "front.h5");
    CU_ASSERT_TRUE(back && thaw_net_same(front, back));
    float *y = thaw_net_run(graph, -1, x, 1), *z = thaw_net_run(front, -1, raw, 1);
    CU_ASSERT_TRUE(y && z &&
                   thaw_near(z, y, thaw_shape_count(graph->nodes[graph->output].shape), 1e-5));
    const float one[3] = {1, 1, 1}, zero[3] = {0, 0, 0};
    struct thaw_graph *same = thaw_model_with_preprocessing(graph, one, zero, false, &err);
    CU_ASSERT_TRUE(same && thaw_net_same(graph, same));
    thaw_graph_free(same);
    thaw_graph_free(back);
    thaw_graph_free(front);
    thaw_graph_free(graph);
    free(x);
    free(raw);
    free(y);
    free(z);
}

void thaw_test_model_config(void)
{
    CU_pSuite s = thaw_suite("model_config");
    CU_add_test(s, "layers that cannot be read", test_layers);
    CU_add_test(s, "wiring that cannot be read", test_wiring);
    CU_add_test(s, "models nested too deep", test_nesting);
    CU_add_test(s, "tensors that do not fit", test_binding);
    CU_add_test(s, "many faults in one text", test_many_faults);
    CU_add_test(s, "hard_sigmoid of Keras 2 and 3", test_hard_sigmoid);
    CU_add_test(s, "names used twice, open sizes, layers left out", test_inner_names);
    CU_add_test(s, "heads", test_head);
    CU_add_test(s, "blocks of an unknown network", test_unknown_blocks);
    CU_add_test(s, "preprocessing in front", test_preprocessing);
}
