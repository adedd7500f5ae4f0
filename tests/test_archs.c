#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net.h"

/* Parameters with and without the 1000-class top, as Keras counts them. */
static const struct {
    const char *spec;
    size_t top, notop;
    int channels, blocks;
    bool lowered; /* written with other layers than its own */
} nets[] = {
    {"vgg16", 138357544, 14714688, 512, 5, false},
    {"vgg19", 143667240, 20024384, 512, 5, false},
    {"resnet50", 25636712, 23587712, 2048, 17, false},
    {"resnet50_2015", 25636712, 23587712, 2048, 17, false},
    {"mobilenet", 4253864, 3228864, 1024, 14, false},
    {"mobilenet:0.25", 475544, 218544, 256, 14, false},
    {"mobilenet_v2", 3538984, 2257984, 1280, 19, false},
    {"mobilenet_v2:0.35", 1691208, 410208, 1280, 19, false},
    {"mobilenet_v2:1.4", 6156712, 4363712, 1792, 19, false},
    {"squeezenet", 1235496, 722496, 512, 9, false},
    {"efficientnet_lite0", 4694024, 3413024, 1280, 18, false},
    {"efficientnet_lite1", 5470344, 4189344, 1280, 23, false},
    {"efficientnet_lite2", 6150168, 4869168, 1280, 23, false},
    {"resnet50_v2", 25613800, 23564800, 2048, 17, false},
    {"mobilenet_v3_small", 2554968, 939120, 576, 13, false},
    {"mobilenet_v3_small_minimalistic", 2056848, 441000, 576, 13, false},
    {"mobilenet_v3_large:0.75", 4012616, 1808736, 720, 17, false},
    {"densenet121", 8062504, 7037504, 1024, 5, false},
    {"inception_v3", 23851784, 21802784, 2048, 12, false},
    {"xception", 22910480, 20861480, 2048, 14, false},
    {"efficientnet_b0", 5330571, 4049571, 1280, 19, true},
    {"efficientnet_v2_b0", 7200312, 5919312, 1280, 23, false},
    {"nasnet_mobile", 5326716, 4269716, 1056, 2, false},
    {"convnext_tiny", 28589128, 27820128, 768, 22, true},
};
enum { N_NETS = sizeof nets / sizeof *nets, LITE = 10 /* the first EfficientNet-Lite */ };

/* Small inputs keep it quick; a VGG's dense layers need the full size, and counting makes no
 * difference. */
static struct thaw_graph *make(int i, int classes, int size)
{
    struct thaw_error err = {0};
    struct thaw_arch_options options = {.classes = classes, .height = size, .width = size};
    struct thaw_graph *graph = thaw_model_random(nets[i].spec, &options, 1, &err);
    thaw_told(graph ? 0 : -1, &err);
    CU_ASSERT_PTR_NOT_NULL(graph);
    return graph;
}

static void test_counts(void)
{
    for (int i = 0; i < N_NETS; i++) {
        struct thaw_graph *graph = make(i, 0, 96);
        if (!graph)
            return;
        CU_ASSERT_EQUAL(thaw_graph_param_count(graph, false), nets[i].notop);
        CU_ASSERT_EQUAL(graph->nodes[graph->output].shape.c, nets[i].channels);
        CU_ASSERT_EQUAL(graph->nodes[thaw_model_feature_node(graph)].shape.c, nets[i].channels);
        thaw_graph_free(graph);
        if (!strncmp(nets[i].spec, "vgg", 3))
            continue; /* half a gigabyte each */
        graph = make(i, 1000, 96);
        if (!graph)
            return;
        CU_ASSERT_EQUAL(thaw_graph_param_count(graph, false), nets[i].top);
        CU_ASSERT_EQUAL(graph->nodes[graph->output].shape.c, 1000);
        CU_ASSERT_EQUAL(graph->nodes[graph->output].shape.rank, 1);
        CU_ASSERT_EQUAL(graph->nodes[thaw_model_feature_node(graph)].shape.c, nets[i].channels);
        thaw_graph_free(graph);
    }
}

/* A VGG's top: 25088 -> 4096 -> 4096 -> classes. */
static void test_vgg_top(void)
{
    struct thaw_error err = {0};
    struct thaw_arch_options options = {.classes = 10, .height = 32, .width = 32};
    struct thaw_graph *graph = thaw_model_random("vgg16", &options, 1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(graph);
    CU_ASSERT_EQUAL(thaw_graph_param_count(graph, false),
                    14714688u + (512 + 1) * 4096u + (4096 + 1) * 4096u + (4096 + 1) * 10u);
    CU_ASSERT_STRING_EQUAL(graph->nodes[thaw_model_feature_node(graph)].name, "block5_pool");
    thaw_graph_free(graph);
}

static void test_usual_size(void)
{
    static const int sizes[] = {224, 240, 260};
    for (int i = 0; i < 3; i++) {
        struct thaw_graph *graph = make(LITE + i, 0, 0);
        if (!graph)
            return;
        CU_ASSERT_EQUAL(graph->nodes[0].shape.h, sizes[i]);
        CU_ASSERT_EQUAL(graph->nodes[graph->output].shape.h, (int)ceil(sizes[i] / 32.0));
        thaw_graph_free(graph);
    }
}

/* Boundaries are single-node cuts, lie in order and have weights between them. */
static void check_blocks(const struct thaw_graph *graph, int wanted)
{
    struct thaw_error err = {0};
    struct thaw_blocks blocks = {0};
    bool *cuts = calloc((size_t)graph->n_nodes, sizeof *cuts);
    int head = thaw_model_feature_node(graph) + 1;
    CU_ASSERT_EQUAL(thaw_told(thaw_model_blocks(graph, head, &blocks, &err), &err), 0);
    CU_ASSERT_EQUAL(blocks.n, wanted);
    CU_ASSERT_EQUAL(thaw_graph_cuts(graph, cuts, &err), 0);
    for (int i = 0; i < blocks.n; i++) {
        int start = blocks.starts[i], end = i + 1 < blocks.n ? blocks.starts[i + 1] : head;
        bool weights = false;
        for (int k = start; k < end; k++)
            weights |= graph->nodes[k].n_params > 0;
        CU_ASSERT_TRUE(start < end && cuts[start - 1] && weights);
        bool norm = !strcmp(graph->nodes[start].kind->name, "BatchNormalization");
        CU_ASSERT_FALSE(norm && strstr(graph->nodes[start - 1].kind->name, "Conv2D"));
    }
    if (blocks.n)
        CU_ASSERT_EQUAL(blocks.starts[0], 1);
    free(cuts);
    thaw_blocks_release(&blocks);
}

static void test_blocks(void)
{
    for (int i = 0; i < N_NETS; i++) {
        struct thaw_graph *graph = make(i, 0, 96);
        if (!graph)
            return;
        check_blocks(graph, nets[i].blocks);
        thaw_graph_free(graph);
    }
}

/* Same layers, or (lowered) the same answer. */
static bool same(struct thaw_graph *a, struct thaw_graph *b, bool lowered)
{
    if (!lowered)
        return thaw_net_same(a, b);
    size_t n = thaw_shape_count(a->nodes[0].shape);
    float *x = calloc(n, sizeof *x);
    for (size_t i = 0; x && i < n; i++)
        x[i] = (float)(i * 37 % 256);
    float *y = thaw_net_run(a, -1, x, 1), *z = thaw_net_run(b, -1, x, 1);
    bool near = y && z && thaw_near(z, y, thaw_shape_count(a->nodes[a->output].shape), 1e-5);
    free(x);
    free(y);
    free(z);
    return near;
}

/* The whole way: file, and each family known again by its layers. */
static void test_round_trip(void)
{
    for (int i = 0; i < N_NETS; i++) {
        struct thaw_graph *graph = make(i, strncmp(nets[i].spec, "vgg", 3) ? 7 : 0, 80);
        if (!graph)
            return;
        const struct thaw_arch *arch = thaw_arch_of(graph);
        CU_ASSERT_TRUE(arch && !strncmp(arch->name, nets[i].spec, strlen(arch->name)));
        struct thaw_graph *back = thaw_net_round_trip(graph, "arch.h5");
        CU_ASSERT_PTR_NOT_NULL(back);
        if (back) {
            CU_ASSERT_TRUE(same(graph, back, nets[i].lowered));
            CU_ASSERT_PTR_EQUAL(thaw_arch_of(back), arch);
        }
        thaw_graph_free(back);
        thaw_graph_free(graph);
    }
}

/* A weights-only file: the same tensors without the configuration. */
static void test_weights_only(void)
{
    for (int i = 0; i < N_NETS; i++) {
        if (nets[i].lowered)
            continue;
        struct thaw_error err = {0};
        struct thaw_model_notes notes = {0};
        int classes = strncmp(nets[i].spec, "vgg", 3) ? 7 : 0;
        struct thaw_graph *graph = make(i, classes, 80), *back = NULL;
        struct thaw_keras_file *file = thaw_keras_create(&err);
        struct thaw_model_options options = {.height = 80, .width = 80};
        if (!graph || !file)
            return;
        CU_ASSERT_EQUAL(thaw_told(thaw_model_to_keras(graph, file, &err), &err), 0);
        json_decref(file->config);
        file->config = NULL;
        back = thaw_model_from_keras(file, &options, &notes, &err);
        thaw_told(back ? 0 : -1, &err);
        CU_ASSERT_TRUE(back && thaw_net_same(graph, back));
        thaw_model_notes_release(&notes);
        thaw_graph_free(back);
        thaw_graph_free(graph);
        thaw_keras_free(file);
    }
}

/* Layers under names that Keras gave by itself: the family must be told, position decides. */
static void test_given(void)
{
    struct thaw_error err = {0};
    struct thaw_arch_options size = {.classes = 6, .height = 64, .width = 64};
    struct thaw_model_options options = {.height = 64, .width = 64};
    struct thaw_graph *graph = thaw_model_random("mobilenet_v2:0.5", &size, 1, &err), *back;
    struct thaw_keras_file *file = thaw_keras_create(&err);
    CU_ASSERT_TRUE_FATAL(graph && file && thaw_model_to_keras(graph, file, &err) == 0);
    json_decref(file->config);
    file->config = NULL;
    for (size_t i = 0; i < file->n_groups; i++)
        snprintf(file->groups[i].name, strlen(file->groups[i].name) + 1, "x%zu", i);
    CU_ASSERT_PTR_NULL(thaw_model_from_keras(file, &options, NULL, &err));
    CU_ASSERT_TRUE(thaw_says(&err, "--arch", NULL));
    options.arch = "mobilenet_v2";
    CU_ASSERT_PTR_NULL(thaw_model_from_keras(file, &options, NULL, &err));
    CU_ASSERT_TRUE(thaw_says(&err, "as mobilenet_v2", "[3,3,3,16]", "layer Conv1 needs", NULL));
    options.arch = "vgg16";
    CU_ASSERT_PTR_NULL(thaw_model_from_keras(file, &options, NULL, &err));
    CU_ASSERT_TRUE(thaw_says(&err, "as vgg16", "layers with weights", NULL));
    options.arch = "mobilenet_v2:0.5";
    back = thaw_model_from_keras(file, &options, NULL, &err);
    thaw_told(back ? 0 : -1, &err);
    CU_ASSERT_TRUE(back && thaw_net_same(graph, back));
    thaw_graph_free(back);
    thaw_graph_free(graph);
    thaw_keras_free(file);
}

static void test_errors(void)
{
    struct thaw_error err = {0};
    CU_ASSERT_PTR_NULL(thaw_model_random("alexnet", NULL, 1, &err));
    CU_ASSERT_TRUE(thaw_says(&err, "alexnet", "mobilenet_v2", "vgg19", NULL));
    CU_ASSERT_PTR_NULL(thaw_model_random("mobilenet:huge", NULL, 1, &err));
    CU_ASSERT_TRUE(thaw_says(&err, "mobilenet:huge", "width multiplier", NULL));
    CU_ASSERT_PTR_NULL(thaw_model_random("vgg16:0.5", NULL, 1, &err));
    CU_ASSERT_TRUE(thaw_says(&err, "one width", NULL));
}

/* --- PyTorch --- */

void thaw_test_archs(void)
{
    CU_pSuite s = thaw_suite("archs");
    CU_add_test(s, "families have Keras' numbers of parameters", test_counts);
    CU_add_test(s, "VGG's dense top", test_vgg_top);
    CU_add_test(s, "EfficientNet-Lite sizes", test_usual_size);
    CU_add_test(s, "blocks are cut where one layer feeds all", test_blocks);
    CU_add_test(s, "families through a file and back", test_round_trip);
    CU_add_test(s, "families from weights alone", test_weights_only);
    CU_add_test(s, "a family that is given", test_given);
    CU_add_test(s, "unknown families and widths", test_errors);
}
