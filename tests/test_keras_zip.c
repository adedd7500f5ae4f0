/* '.keras' and '.weights.h5', whose groups are called by class and number. The files are made by
 * tests/refs/h5/make.py; their numbers tell where they stood. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net.h"

static struct thaw_keras_file *load_file(const char *name, struct thaw_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "h5/%s", name);
    return thaw_keras_load(thaw_ref(path), err);
}

static struct thaw_graph *load(const char *name)
{
    struct thaw_error err = {0};
    struct thaw_keras_file *file = load_file(name, &err);
    struct thaw_graph *graph = file ? thaw_model_from_keras(file, NULL, NULL, &err) : NULL;
    thaw_told(graph ? 0 : -1, &err);
    thaw_keras_free(file);
    return graph;
}

static void check_start(const struct thaw_graph *graph, const char *layer, int param, float start)
{
    int i = thaw_graph_find(graph, layer);
    CU_ASSERT_TRUE_FATAL(i >= 0 && param < graph->nodes[i].n_params);
    const struct thaw_param *p = &graph->nodes[i].params[param];
    CU_ASSERT_EQUAL(p->data[0], start);
    CU_ASSERT_EQUAL(p->data[p->count - 1], start + (float)(p->count - 1));
}

static void test_whole(void)
{
    static const char *const names[] = {"whole.keras", "whole_2_12.keras"};
    for (int i = 0; i < 2; i++) {
        struct thaw_graph *graph = load(names[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(graph);
        check_start(graph, "first", 0, 100);
        check_start(graph, "second", 0, 200);
        check_start(graph, "x", 0, 300);
        check_start(graph, "bn", 0, 400);
        check_start(graph, "bn", 3, 550);
        check_start(graph, "fc", 0, 700);
        check_start(graph, "fc", 1, 750);
        thaw_graph_free(graph);
    }
}

static void test_file(void)
{
    struct thaw_error err = {0};
    struct thaw_keras_file *file = load_file("whole.keras", &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(file ? 0 : -1, &err), 0);
    CU_ASSERT_TRUE(file->by_path && file->config && file->keras_major == 3);
    CU_ASSERT_STRING_EQUAL(file->keras_version, "3.15.0");
    CU_ASSERT_EQUAL(file->n_groups, 5); /* none for the optimizer */
    CU_ASSERT_PTR_NOT_NULL(thaw_keras_find(file, "functional/conv2d"));
    thaw_keras_free(file);
    file = load_file("paths.weights.h5", &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(file ? 0 : -1, &err), 0);
    CU_ASSERT_TRUE(file->by_path && !file->config);
    CU_ASSERT_PTR_NULL(thaw_model_from_keras(file, NULL, NULL, &err));
    CU_ASSERT_TRUE(thaw_says(&err, "name no layers", "--arch", NULL));
    thaw_keras_free(file);
}

static void test_refused(void)
{
    static const char *const cases[][3] = {
        {"bare.keras", "member config.json", "not in the zip"},
        {"weightless.keras", "member model.weights.h5", "not in the zip"},
        {"packed.keras", "member model.weights.h5", "compressed"},
        {"cut.keras", "zip archive", NULL},
        {"marked.keras", "bfloat16", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct thaw_error err = {0};
        CU_ASSERT_PTR_NULL(load_file(cases[i][0], &err));
        CU_ASSERT_TRUE(thaw_says(&err, cases[i][0], cases[i][1], cases[i][2], NULL));
    }
}

/* Groups that are missing or too many. */
static void test_groups(void)
{
    static const char *const wrong[][2] = {{"dense", "dense_7"}, {"functional/conv2d", "conv2d_2"}};
    for (int i = 0; i < 2; i++) {
        struct thaw_error err = {0};
        struct thaw_keras_file *file = load_file("whole.keras", &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(file);
        struct thaw_keras_group *group =
            (struct thaw_keras_group *)thaw_keras_find(file, wrong[i][0]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(group);
        free(group->name);
        group->name = strdup(wrong[i][1]);
        CU_ASSERT_PTR_NULL(thaw_model_from_keras(file, NULL, NULL, &err));
        CU_ASSERT_TRUE(thaw_says(&err, wrong[i][0], wrong[i][1], "belongs to no layer", NULL));
        thaw_keras_free(file);
    }
}

/* --- a family, from its weights alone --- */

static void add_group(struct thaw_keras_file *file, const struct thaw_node *node, const char *name)
{
    struct thaw_error err = {0};
    struct thaw_keras_group *group = thaw_keras_add_group(file, name, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(group);
    for (int k = 0; k < node->n_params; k++) {
        const struct thaw_param *p = &node->params[k];
        char number[12];
        snprintf(number, sizeof number, "%d", k);
        CU_ASSERT_EQUAL(thaw_keras_add_tensor(file, group, number, p->dims, p->rank, p->data, &err),
                        0);
    }
}

static void name_group(const char *kind, int number, char name[64])
{
    char snake[64];
    thaw_layer_snake(kind, snake);
    snprintf(name, 64, number ? "%.50s_%d" : "%.50s", snake, number);
}

static struct thaw_keras_file *paths_of(const struct thaw_graph *graph)
{
    struct thaw_error err = {0};
    struct thaw_keras_file *file = thaw_keras_create(&err);
    int *order = calloc((size_t)graph->n_nodes, sizeof *order);
    CU_ASSERT_TRUE_FATAL(file && order && !thaw_graph_keras_order(graph, order, &err));
    file->by_path = true;
    for (int i = 0; i < graph->n_nodes; i++) {
        const struct thaw_node *node = &graph->nodes[order[i]];
        char name[64];
        int number = 0;
        for (int k = 0; k < i; k++)
            number += graph->nodes[order[k]].kind == node->kind;
        name_group(node->kind->name, number, name);
        if (node->n_params)
            add_group(file, node, name);
    }
    free(order);
    return file;
}

static void test_family(void)
{
    for (int classes = 0; classes <= 7; classes += 7) {
        struct thaw_error err = {0};
        struct thaw_arch_options size = {.height = 32, .width = 32, .classes = classes};
        struct thaw_model_options options = {.arch = "mobilenet:0.25", .height = 32, .width = 32};
        struct thaw_graph *graph = thaw_model_random("mobilenet:0.25", &size, 1, &err), *back;
        CU_ASSERT_PTR_NOT_NULL_FATAL(graph);
        struct thaw_keras_file *file = paths_of(graph);
        back = thaw_model_from_keras(file, &options, NULL, &err);
        thaw_told(back ? 0 : -1, &err);
        CU_ASSERT_TRUE(back && thaw_net_same(graph, back));
        thaw_graph_free(back);
        thaw_graph_free(graph);
        thaw_keras_free(file);
    }
}

void thaw_test_keras_zip(void)
{
    CU_pSuite s = thaw_suite("keras_zip");
    CU_add_test(s, "whole models in zip archives", test_whole);
    CU_add_test(s, "what a file says of itself", test_file);
    CU_add_test(s, "archives that cannot be read", test_refused);
    CU_add_test(s, "groups that are missing or too many", test_groups);
    CU_add_test(s, "a family by class and number", test_family);
}
