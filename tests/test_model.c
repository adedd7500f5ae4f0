#include "nn/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net.h"
#include "tests/npz.h"
#include "vision/pixels.h"

/* --- files written by many versions of Keras --- */

static const struct {
    const char *file, *io, *y;
} samples[] = {
    {"acts_tfkeras_2.21", NULL, "y"},
    {"adapted_tfkeras_2.21", NULL, "y"},
    {"chunked_nested_tfkeras_2.21", NULL, "y"},
    {"chunked_tfkeras_2.21", NULL, "y"},
    {"deferred_keras_2.2.4", NULL, "y"},
    {"f16_keras_3.15.1", NULL, "y32"},
    {"f16_tfkeras_2.21", NULL, "y32"},
    {"f64_tfkeras_2.21", NULL, "y"},
    {"guide_frozen_keras_3.15.1", NULL, "y"},
    {"guide_frozen_tfkeras_2.21", NULL, "y"},
    {"kinds_3.0.5", NULL, "y"},
    {"kinds_3.0.5.keras", "kinds_3.0.5", "y"},
    {"kinds_3.0.5_nocompile", "kinds_3.0.5", "y"},
    {"kinds_3.12.1", NULL, "y"},
    {"kinds_3.12.1.keras", "kinds_3.12.1", "y"},
    {"kinds_3.12.1_nocompile", "kinds_3.12.1", "y"},
    {"kinds_3.15.1", NULL, "y"},
    {"kinds_3.15.1.keras", "kinds_3.15.1", "y"},
    {"kinds_3.15.1_nocompile", "kinds_3.15.1", "y"},
    {"kinds_3.16.0", NULL, "y"},
    {"kinds_3.16.0.keras", "kinds_3.16.0", "y"},
    {"kinds_3.16.0_nocompile", "kinds_3.16.0", "y"},
    {"kinds_keras_2.2.4", NULL, "y"},
    {"kinds_tfkeras_2.21", NULL, "y"},
    {"kinds_tfkeras_2.21_nocompile", "kinds_tfkeras_2.21", "y"},
    {"mixed16_tfkeras_2.21", NULL, "y32"},
    {"names_tfkeras_2.21", NULL, "y"},
    {"nested_frozen_keras_3.15.1", NULL, "y"},
    {"nested_frozen_tf_2.6.5", NULL, "y"},
    {"nested_frozen_tfkeras_2.21", NULL, "y"},
    {"nested_part_keras_2.2.4", NULL, "y"},
    {"nested_part_keras_3.15.1", NULL, "y"},
    {"nested_part_tfkeras_2.21", NULL, "y"},
    {"nested_thawed_keras_3.15.1", NULL, "y"},
    {"nested_thawed_tfkeras_2.21", NULL, "y"},
    {"oldseq_keras_2.0.9", NULL, "y"},
    {"resaved_keras_2.2.4", NULL, "y"},
    {"universal_full", "universal", "y"},
    {"universal_kinds_a_tfkeras_2.21", "kinds_tfkeras_2.21", "y"},
    {"universal_min", "universal", "y"},
};
enum { N_SAMPLES = sizeof samples / sizeof *samples };

static const char *sample_path(const char *stem, const char *end)
{
    static char name[160];
    snprintf(name, sizeof name, "keras-samples/%s%s", stem, end);
    return thaw_shared(name);
}

static struct thaw_graph *load(const char *path, int size, struct thaw_error *err)
{
    struct thaw_model_options options = {.height = size, .width = size};
    struct thaw_keras_file *file = thaw_keras_load(path, err);
    struct thaw_graph *graph = file ? thaw_model_from_keras(file, &options, NULL, err) : NULL;
    thaw_keras_free(file);
    return graph;
}

/* What the writer itself predicted, from the file and from what Thaw makes of it. */
static void check_sample(int i)
{
    struct thaw_error err = {0};
    const char *io = sample_path(samples[i].io ? samples[i].io : samples[i].file, "_io.npz");
    long dx[THAW_NPY_RANK], dy[THAW_NPY_RANK];
    int rx, ry;
    float *x = NULL, *y = NULL;
    CU_ASSERT_EQUAL_FATAL(thaw_npz_load(io, "x", &x, dx, &rx), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_npz_load(io, samples[i].y, &y, dy, &ry), 0);
    struct thaw_graph *graph = load(sample_path(samples[i].file,
                                                strstr(samples[i].file, ".keras") ? "" : ".h5"),
                                    0, &err),
                      *back = NULL;
    thaw_told(graph ? 0 : -1, &err);
    CU_ASSERT_PTR_NOT_NULL(graph);
    if (graph)
        back = thaw_net_round_trip(graph, "sample.h5");
    CU_ASSERT_PTR_NOT_NULL(back);
    for (int k = 0; k < 2 && back; k++) {
        float *z = thaw_net_run(k ? back : graph, -1, x, (size_t)dx[0]);
        bool near = z && thaw_near(z, y, thaw_npz_count(dy, ry), 1e-4);
        if (!near)
            printf("  in %s%s\n", samples[i].file, k ? ", written and read again" : "");
        CU_ASSERT_TRUE(near);
        free(z);
    }
    thaw_graph_free(graph);
    thaw_graph_free(back);
    free(x);
    free(y);
}

static void test_samples(void)
{
    if (!sample_path(samples[0].file, ".h5")) {
        thaw_skip("outputs of Keras' own files: shared/keras-samples absent");
        return;
    }
    for (int i = 0; i < N_SAMPLES; i++)
        check_sample(i);
}

static void test_c_written(void)
{
    static const float wanted[] = {0.10385877f, 0.8123862f, 0.08375507f};
    struct thaw_error err = {0};
    const char *path = sample_path("c_written", ".h5");
    float x[192];
    if (!path) {
        thaw_skip("a file written in C: shared/keras-samples absent");
        return;
    }
    for (int i = 0; i < 192; i++)
        x[i] = (float)i / 191;
    struct thaw_graph *graph = load(path, 0, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(graph);
    float *y = thaw_net_run(graph, -1, x, 1);
    CU_ASSERT_TRUE(y && thaw_near(y, wanted, 3, 1e-5));
    free(y);
    thaw_graph_free(graph);
}

static void test_refused(void)
{
    static const struct {
        const char *file, *says[3];
    } refused[] = {
        {"shared_tfkeras_2.21", {"twice", "more than once", "shared"}},
        {"shared_keras_3.15.1", {"twice", "more than once", "shared"}},
        {"multiout_tfkeras_2.21", {"2 outputs", "mask", "label"}},
        {"kinds_tfkeras_2.21_weightsonly", {"weights only", "--arch", "mobilenet_v2"}},
        {"nested_part_tfkeras_2.21_weightsonly", {"weights only", "--arch", "vgg16"}},
        {"kinds_tfkeras_2.21.weights", {".weights.h5", "--arch", NULL}},
        {"nested_part_tfkeras_2.21.weights", {".weights.h5", NULL, NULL}},
        {"kinds_3.16.0.weights", {".weights.h5", NULL, NULL}},
    };
    if (!sample_path(samples[0].file, ".h5")) {
        thaw_skip("refused files of Keras: shared/keras-samples absent");
        return;
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct thaw_error err = {0};
        struct thaw_graph *graph = load(sample_path(refused[i].file, ".h5"), 0, &err);
        CU_ASSERT_PTR_NULL(graph);
        for (int k = 0; k < 3 && refused[i].says[k]; k++)
            CU_ASSERT_TRUE(thaw_says(&err, refused[i].says[k], NULL));
        thaw_graph_free(graph);
    }
}

/* --- real networks --- */

enum { SIDE = 224 };

static float *wave(void)
{
    float *x = malloc(sizeof *x * SIDE * SIDE * 3), *p = x;
    for (int h = 0; h < SIDE; h++)
        for (int w = 0; w < SIDE; w++)
            for (int c = 0; c < 3; c++)
                *p++ = (float)sin(0.05 * h + 0.031 * w + 1.7 * c);
    return x;
}

static float *cat(const char *mode)
{
    static const double means[3] = {103.939, 116.779, 123.68};
    struct thaw_error err = {0};
    struct thaw_pixels pixels;
    struct thaw_decode_hint hint = {0};
    if (thaw_told(thaw_pixels_load(&pixels, thaw_shared("models/cat_224.png"), &hint, &err), &err))
        return NULL;
    float *x = malloc(sizeof *x * SIDE * SIDE * 3);
    const uint8_t *data = pixels.data;
    for (int i = 0; i < SIDE * SIDE * 3; i++) {
        int c = i % 3;
        double v = strcmp(mode, "caffe") ? data[i] : data[i - c + (2 - c)];
        x[i] = (float)(!strcmp(mode, "caffe")  ? v - means[c]
                       : !strcmp(mode, "lite") ? (v - 127) / 128
                                               : v / 127.5 - 1);
    }
    thaw_pixels_release(&pixels);
    return x;
}

static void check_features(struct thaw_graph *graph, const float *x, const json_t *wanted)
{
    int node = thaw_model_feature_node(graph);
    struct thaw_shape shape = graph->nodes[node].shape;
    size_t channels = (size_t)shape.c, cells = thaw_shape_count(shape) / channels;
    float *map = thaw_net_run(graph, node, x, 1);
    float *mean = calloc(channels, sizeof *mean), *reference = calloc(channels, sizeof *reference);
    CU_ASSERT_EQUAL_FATAL(json_array_size(wanted), channels);
    for (size_t c = 0; map && c < channels; c++) {
        double sum = 0;
        for (size_t i = 0; i < cells; i++)
            sum += (double)map[i * channels + c];
        mean[c] = (float)(sum / (double)cells);
        reference[c] = (float)json_number_value(json_array_get(wanted, c));
    }
    CU_ASSERT_TRUE(map && thaw_near(mean, reference, channels, 2e-5));
    free(map);
    free(mean);
    free(reference);
}

/* [[class, probability], ...], best first. */
static void check_top(struct thaw_graph *graph, const float *x, const json_t *wanted, double limit)
{
    float *y = thaw_net_run(graph, -1, x, 1);
    int n = graph->nodes[graph->output].shape.c;
    for (size_t k = 0; y && k < json_array_size(wanted); k++) {
        const json_t *pair = json_array_get(wanted, k);
        int best = 0;
        for (int i = 1; i < n; i++)
            best = y[i] > y[best] ? i : best;
        CU_ASSERT_EQUAL(best, json_integer_value(json_array_get(pair, 0)));
        CU_ASSERT_DOUBLE_EQUAL((double)y[best], json_number_value(json_array_get(pair, 1)), limit);
        y[best] = -1;
    }
    CU_ASSERT_PTR_NOT_NULL(y);
    free(y);
}

static void check_network(struct thaw_graph *graph, const json_t *net, double limit)
{
    const char *mode = json_string_value(json_object_get(net, "preprocessing"));
    const char *const inputs[2][2] = {{"features_cat", "top5_cat"}, {"features_wave", "top5_wave"}};
    const struct thaw_arch *arch = thaw_arch_of(graph);
    CU_ASSERT_TRUE(arch && !strcmp(arch->preprocess, mode));
    for (int i = 0; i < 2; i++) {
        const json_t *features = json_object_get(net, inputs[i][0]);
        const json_t *top = json_object_get(net, inputs[i][1]);
        float *x = i ? wave() : cat(mode);
        if (x && features)
            check_features(graph, x, features);
        if (x && top)
            check_top(graph, x, top, limit);
        CU_ASSERT_PTR_NOT_NULL(x);
        free(x);
    }
}

static json_t *reference(void)
{
    struct thaw_error err = {0};
    const char *path = thaw_shared("models/reference.json");
    json_t *all = path ? thaw_json_load(path, &err) : NULL;
    json_t *nets = json_incref(json_object_get(all, "nets"));
    json_decref(all);
    return nets;
}

static void test_networks(void)
{
    const char *name;
    json_t *net, *nets = reference();
    if (!nets) {
        thaw_skip("features of real networks: shared/models absent");
        return;
    }
    json_object_foreach(nets, name, net)
    {
        struct thaw_error err = {0};
        char relative[160];
        if (!strstr(name, ".h5"))
            continue;
        snprintf(relative, sizeof relative, "models/%s", name);
        struct thaw_graph *graph = load(thaw_shared(relative), SIDE, &err);
        thaw_told(graph ? 0 : -1, &err);
        CU_ASSERT_PTR_NOT_NULL(graph);
        if (graph)
            check_network(graph, net, 1e-4);
        thaw_graph_free(graph);
    }
    json_decref(nets);
}

/* Its file does not stand with the others: the set-up fetches it. */
static void test_imported(void)
{
    const char *name = "efficientnet-lite0-57934424.pth", *path = getenv("THAW_LITE0_PTH");
    struct thaw_error err = {0};
    json_t *nets = reference();
    if (!path || !nets) {
        thaw_skip(
            "features of the imported EfficientNet-Lite0: THAW_LITE0_PTH or shared/models absent");
        json_decref(nets);
        return;
    }
    const char *mode;
    struct thaw_torch_file *file = thaw_torch_load(path, &err);
    struct thaw_graph *graph =
        file ? thaw_model_from_torch(file, NULL, name, &mode, NULL, &err) : NULL;
    thaw_told(graph ? 0 : -1, &err);
    CU_ASSERT_PTR_NOT_NULL(graph);
    if (graph)
        check_network(graph, json_object_get(nets, name), 1e-3);
    thaw_graph_free(graph);
    thaw_torch_free(file);
    json_decref(nets);
}

void thaw_test_model(void)
{
    CU_pSuite s = thaw_suite("model");
    CU_add_test(s, "files of many versions of Keras give its outputs", test_samples);
    CU_add_test(s, "a file written in C gives Keras' output", test_c_written);
    CU_add_test(s, "files that are refused say why", test_refused);
    CU_add_test(s, "features and classes of real networks", test_networks);
    CU_add_test(s, "features and classes of the imported EfficientNet-Lite0", test_imported);
}
