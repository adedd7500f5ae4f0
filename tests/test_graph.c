#include "nn/graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/model.h"
#include "tests/check.h"

static struct thaw_graph *graph_from(const json_t *inputs)
{
    struct thaw_error err = {0};
    struct thaw_graph *g = thaw_graph_create("wiring", &err);
    json_t *config = json_pack("{s:[niii]}", "batch_input_shape", 2, 2, 3);
    size_t i, k;
    json_t *chosen, *input;
    json_array_foreach(inputs, i, chosen)
    {
        char name[32];
        int numbers[32], n = 0;
        json_array_foreach(chosen, k, input)
        {
            numbers[n++] = (int)json_integer_value(input);
        }
        snprintf(name, sizeof name, "n%zu", i);
        int node = thaw_graph_add(g,
                                  i == 0   ? "InputLayer"
                                  : n == 1 ? "ReLU"
                                           : "Add",
                                  name, numbers, n, i == 0 ? config : NULL, &err);
        CU_ASSERT_EQUAL_FATAL(thaw_told(node < 0 ? -1 : 0, &err), 0);
    }
    json_decref(config);
    return g;
}

static struct thaw_graph *graph_of(const char *inputs)
{
    json_t *list = json_loads(inputs, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(list);
    struct thaw_graph *g = graph_from(list);
    json_decref(list);
    return g;
}

static void test_keras_order(void)
{
    struct thaw_error err = {0};
    json_t *graphs = thaw_json_load(thaw_ref("graphs.json"), &err), *item;
    size_t i;
    CU_ASSERT_EQUAL_FATAL(json_array_size(graphs), 60);
    json_array_foreach(graphs, i, item)
    {
        struct thaw_graph *g = graph_from(json_object_get(item, "inputs"));
        int order[32];
        CU_ASSERT_EQUAL(thaw_graph_keras_order(g, order, &err), 0);
        for (int k = 0; k < g->n_nodes; k++) {
            const json_t *wanted = json_array_get(json_object_get(item, "order"), (size_t)k);
            CU_ASSERT_EQUAL(order[k], json_integer_value(wanted));
        }
        thaw_graph_free(g);
    }
    json_decref(graphs);
}

static void test_dead_ends(void)
{
    struct thaw_graph *g = graph_of("[[], [0], [0], [1]]");
    struct thaw_error err = {0};
    int order[4];
    CU_ASSERT_EQUAL(thaw_graph_keras_order(g, order, &err), -1);
    CU_ASSERT(thaw_says(&err, "n2", "n3", NULL));
    thaw_graph_free(g);
}

/* Position of each of the file's layers in the order that the graph gives must rise. */
static bool ordered_as_file(const struct thaw_graph *g, const struct thaw_keras_file *file)
{
    struct thaw_error err = {0};
    int *order = thaw_new((size_t)g->n_nodes, sizeof *order, &err);
    size_t at = 0, found = 0;
    bool good = order && thaw_told(thaw_graph_keras_order(g, order, &err), &err) == 0;
    for (int i = 0; good && i < g->n_nodes; i++) {
        const char *name = g->nodes[order[i]].name;
        if (!thaw_keras_find(file, name))
            continue;
        found++;
        while (at < file->n_groups && strcmp(file->groups[at].name, name) != 0)
            at++;
        good = at < file->n_groups;
        if (!good)
            printf("\n    %s stands elsewhere in the file\n", name);
    }
    free(order);
    return good && 10 * found >= 8 * (size_t)g->n_nodes;
}

static void test_order_of_files(void)
{
    static const char *const files[] = {
        "keras-samples/kinds_tfkeras_2.21.h5", "keras-samples/kinds_3.16.0.h5",
        "keras-samples/kinds_keras_2.2.4.h5",  "keras-samples/names_tfkeras_2.21.h5",
        "keras-samples/acts_tfkeras_2.21.h5",  NULL};
    for (int i = 0; files[i]; i++) {
        struct thaw_error err = {0};
        const char *path = thaw_shared(files[i]);
        if (!path) {
            thaw_skip("order of layers in Keras' files: shared/keras-samples absent");
            return;
        }
        struct thaw_keras_file *file = thaw_keras_load(path, &err);
        struct thaw_model_options options = {0};
        struct thaw_graph *g = file ? thaw_model_from_keras(file, &options, NULL, &err) : NULL;
        CU_ASSERT_EQUAL(thaw_told(g ? 0 : -1, &err), 0);
        if (g) {
            bool good = ordered_as_file(g, file);
            if (!good)
                printf("\n    %s\n", files[i]);
            CU_ASSERT(good);
        }
        thaw_graph_free(g);
        thaw_keras_free(file);
    }
}

static bool cuts_are(const char *inputs, int output, const char *wanted)
{
    struct thaw_graph *g = graph_of(inputs);
    struct thaw_error err = {0};
    bool cuts[16], good = true;
    if (output >= 0)
        g->output = output;
    CU_ASSERT_EQUAL_FATAL(thaw_graph_cuts(g, cuts, &err), 0);
    for (int i = 0; i < g->n_nodes; i++)
        good &= cuts[i] == (wanted[i] == 'x');
    thaw_graph_free(g);
    return good;
}

static void test_cuts(void)
{
    CU_ASSERT(cuts_are("[[]]", -1, "x"));
    CU_ASSERT(cuts_are("[[], [0], [1]]", -1, "xxx"));
    CU_ASSERT(cuts_are("[[], [0], [1], [1, 2], [3]]", -1, "xx.xx")); /* a residual */
    CU_ASSERT(cuts_are("[[], [0], [0], [1], [2], [3, 4]]", -1, "x....x"));
    CU_ASSERT(cuts_are("[[], [0], [0, 1], [2], [2, 3], [0, 4]]", -1, "x....x"));
    CU_ASSERT(cuts_are("[[], [0], [0], [1], [3]]", -1, "xx.xx")); /* n2 leads nowhere */
    CU_ASSERT(cuts_are("[[], [0], [1], [0, 2]]", 2, "xxx."));     /* n3 lies behind the output */
}

static void test_truncate(void)
{
    struct thaw_graph *g = graph_of("[[], [0], [1], [2]]");
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL(g->output, 3);
    CU_ASSERT_EQUAL(thaw_graph_find(g, "n3"), 3);
    thaw_graph_truncate(g, 2, 1);
    CU_ASSERT_EQUAL(g->n_nodes, 2);
    CU_ASSERT_EQUAL(g->output, 1);
    CU_ASSERT_EQUAL(thaw_graph_find(g, "n3"), -1);
    /* The places and the names are free again. */
    json_t *config = json_pack("{s:i}", "units", 5);
    CU_ASSERT_EQUAL(thaw_graph_add(g, "Dense", "n3", &(int){1}, 1, config, &err), 2);
    json_decref(config);
    CU_ASSERT_EQUAL(g->output, 2);
    CU_ASSERT_EQUAL(thaw_graph_param_count(g, false), 3 * 5 + 5);
    g->nodes[2].trainable = false;
    CU_ASSERT_EQUAL(thaw_graph_param_count(g, true), 0);
    thaw_graph_free(g);
    thaw_graph_free(NULL);
}

static int add(struct thaw_graph *g, const char *kind, const char *name, int input,
               const char *config, struct thaw_error *err)
{
    json_t *object = json_loads(config, 0, NULL);
    int node = thaw_graph_add(g, kind, name, &input, 1, object, err);
    json_decref(object);
    return node;
}

static void test_errors(void)
{
    struct thaw_graph *g = graph_of("[[], [0]]");
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL(add(g, "ReLU", "n1", 0, "{}", &err), -1);
    CU_ASSERT(thaw_says(&err, "layer n1 (ReLU)", "already", NULL));
    CU_ASSERT_EQUAL(add(g, "ReLU", "x", 2, "{}", &err), -1);
    CU_ASSERT(thaw_says(&err, "layer x (ReLU)", "2", NULL));
    CU_ASSERT_EQUAL(thaw_graph_add(g, "ReLU", "x", NULL, 0, NULL, &err), -1);
    CU_ASSERT(thaw_says(&err, "layer x (ReLU)", "no input", NULL));
    CU_ASSERT_EQUAL(add(g, "Nothing", "x", 0, "{}", &err), -1);
    CU_ASSERT(thaw_says(&err, "layer x", "Nothing", "Conv2D", "ZeroPadding2D", NULL));
    /* Absurd sizes of damaged files are refused before memory is asked for. */
    CU_ASSERT_EQUAL(add(g, "ZeroPadding2D", "pad", 1, "{\"padding\": 65536}", &err), -1);
    CU_ASSERT(thaw_says(&err, "layer pad (ZeroPadding2D)", "131074", NULL));
    CU_ASSERT_EQUAL(add(g, "Conv2D", "c", 1,
                        "{\"filters\": 1000000, \"kernel_size\": 4096, \"padding\": \"same\"}",
                        &err),
                    -1);
    CU_ASSERT(thaw_says(&err, "layer c (Conv2D)", "kernel", "too large", NULL));
    CU_ASSERT_EQUAL(g->n_nodes, 2); /* nothing of all this stayed */
    CU_ASSERT_EQUAL(g->output, 1);
    thaw_graph_free(g);
}

static void test_init(void)
{
    struct thaw_graph *g = graph_of("[[], [0]]"), *other = graph_of("[[], [0], [1]]");
    struct thaw_error err = {0};
    const char *conv = "{\"filters\": 64, \"kernel_size\": [3, 3]}";
    const char *same = "{\"filters\": 64, \"kernel_size\": [1, 1]}";
    const char *deep = "{\"kernel_size\": [2, 2], \"depth_multiplier\": 32}";
    CU_ASSERT_EQUAL(add(g, "DepthwiseConv2D", "d", 1, deep, &err), 2);
    CU_ASSERT_EQUAL(add(g, "Conv2D", "c", 2, same, &err), 3);
    CU_ASSERT_EQUAL(add(g, "BatchNormalization", "b", 3, "{}", &err), 4);
    CU_ASSERT_EQUAL(add(other, "DepthwiseConv2D", "d", 2, deep, &err), 3);
    CU_ASSERT_EQUAL(add(other, "Conv2D", "e", 3, same, &err), 4);
    CU_ASSERT_EQUAL(add(g, "Conv2D", "late", 1, conv, &err), -1); /* 3x3 on 2x2 */
    thaw_graph_init(g, 0, 11);
    thaw_graph_init(other, 0, 11);
    const struct thaw_param *d = &g->nodes[2].params[0], *c = &g->nodes[3].params[0];
    /* Keras: fans of [2,2,3,32] are 12 and 128, of [1,1,96,64] 96 and 64. */
    float limits[2] = {(float)sqrt(6.0 / 140), (float)sqrt(6.0 / 160)};
    const struct thaw_param *both[2] = {d, c};
    for (int k = 0; k < 2; k++) {
        double most = 0, sum = 0;
        for (size_t i = 0; i < both[k]->count; i++) {
            most = fmax(most, fabs((double)both[k]->data[i]));
            sum += (double)both[k]->data[i];
        }
        CU_ASSERT(most <= (double)limits[k] && most > 0.97 * (double)limits[k]);
        CU_ASSERT(fabs(sum / (double)both[k]->count) < 0.1 * (double)limits[k]);
    }
    CU_ASSERT_EQUAL(g->nodes[3].params[1].data[0], 0); /* bias */
    CU_ASSERT_EQUAL(g->nodes[4].params[0].data[7], 1); /* gamma */
    CU_ASSERT_EQUAL(g->nodes[4].params[3].data[7], 1); /* moving variance */
    /* By name, not by place. */
    CU_ASSERT(memcmp(d->data, other->nodes[3].params[0].data, d->count * sizeof(float)) == 0);
    CU_ASSERT(memcmp(c->data, other->nodes[4].params[0].data, c->count * sizeof(float)) != 0);
    thaw_graph_init(other, 0, 12);
    CU_ASSERT(memcmp(d->data, other->nodes[3].params[0].data, d->count * sizeof(float)) != 0);
    thaw_graph_free(g);
    thaw_graph_free(other);
}

void thaw_test_graph(void)
{
    CU_pSuite s = thaw_suite("graph");
    CU_add_test(s, "order of layers is Keras' for random wirings", test_keras_order);
    CU_add_test(s, "order of layers is that of Keras' files", test_order_of_files);
    CU_add_test(s, "a layer that leads nowhere has no place in Keras' order", test_dead_ends);
    CU_add_test(s, "cuts", test_cuts);
    CU_add_test(s, "truncated and grown again", test_truncate);
    CU_add_test(s, "wrong layers are refused and leave nothing", test_errors);
    CU_add_test(s, "weights begin as Keras initialises them, keyed by name", test_init);
}
