/* Every layer kind through its own examples: shapes, weights and outputs as tf-keras has them,
 * configuration round trip, thread counts, errors. Gradients: test_layer_gradients.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "io/npy.h"
#include "tests/check.h"
#include "tests/layer_case.h"

static json_t *references;
static float *outputs;
static size_t n_outputs;

static void load_references(void)
{
    struct thaw_error err = {0};
    long dims[THAW_NPY_RANK];
    int rank;
    references = thaw_json_load(thaw_ref("layers.json"), &err);
    thaw_told(references ? 0 : -1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(references);
    int rc = thaw_npy_load(thaw_ref("layers.npy"), &outputs, dims, &rank, &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(rc, &err), 0);
    n_outputs = (size_t)dims[0];
}

static const json_t *find_reference(const struct layer_case *c)
{
    size_t i;
    json_t *item;
    json_array_foreach(references, i, item)
    {
        const char *text = json_string_value(json_object_get(item, "example"));
        const char *kind = json_string_value(json_object_get(item, "kind"));
        json_t *example = json_loads(text, 0, NULL);
        bool same = strcmp(kind, c->kind->name) == 0 && json_equal(example, c->example);
        json_decref(example);
        if (same)
            return item;
    }
    printf("\n    no reference: run tests/refs/make_layers.py\n");
    return NULL;
}

static bool same_dims(const json_t *list, const long *dims, int rank)
{
    bool same = json_array_size(list) == (size_t)rank;
    for (int i = 0; i < rank; i++)
        same &= json_integer_value(json_array_get(list, (size_t)i)) == dims[i];
    return same;
}

static bool inferred(struct layer_case *c, struct thaw_error *err)
{
    const json_t *item = find_reference(c), *weights = json_object_get(item, "weights");
    const struct thaw_node *node = &c->graph->nodes[c->node];
    struct thaw_shape s = node->shape;
    long sides[] = {s.h, s.w, s.c}, pair[] = {s.h, s.c}, one[] = {s.c};
    (void)err;
    bool good = same_dims(json_object_get(item, "shape"),
                          s.rank == 3   ? sides
                          : s.rank == 2 ? pair
                                        : one,
                          s.rank);
    good &= json_array_size(weights) == (size_t)node->n_params;
    for (int i = 0; good && i < node->n_params; i++) {
        const json_t *weight = json_array_get(weights, (size_t)i);
        const char *role = json_string_value(json_array_get(weight, 0));
        good &= strcmp(role, node->params[i].role) == 0 &&
                same_dims(json_array_get(weight, 1), node->params[i].dims, node->params[i].rank);
    }
    return good;
}

static void test_infer(void)
{
    load_references();
    CU_ASSERT_EQUAL(layer_case_each(inferred), (int)json_array_size(references));
}

/* As an inference plan, and as a training plan that infers. */
static bool computed(struct layer_case *c, struct thaw_error *err)
{
    const json_t *item = find_reference(c);
    json_int_t at = json_integer_value(json_object_get(item, "at"));
    if (!item || at < 0)
        return item != NULL;
    size_t n = LAYER_SAMPLES * c->y_size;
    float *y = thaw_new(n, sizeof *y, err);
    bool good = y && (size_t)at + n <= n_outputs;
    for (int training = 0; good && training < 2; training++) {
        struct thaw_plan_options options = {
            .last = -1, .training = training, .batch_statistics = training};
        struct layer_run run;
        good = layer_run_init(&run, c, &options, LAYER_SAMPLES, err) == 0 &&
               layer_run_forward(&run, c, false, y, err) == 0 &&
               thaw_near(y, outputs + at, n, 1e-5);
        layer_run_release(&run);
    }
    free(y);
    return good;
}

static void test_forward(void)
{
    CU_ASSERT(layer_case_each(computed) > 0);
    json_decref(references);
    free(outputs);
}

/* --- configuration round trip --- */

static bool round_trip(struct layer_case *c, struct thaw_error *err)
{
    const struct thaw_node *node = &c->graph->nodes[c->node];
    json_t *first = json_object(), *second = json_object();
    int again = -1;
    if (thaw_fields_write(node->kind->fields, node->conf, first, err) == 0) {
        if (node->n_inputs == 0) {
            struct thaw_graph *other = thaw_graph_create("other", err);
            again = thaw_graph_add(other, node->kind->name, "again", NULL, 0, first, err);
            if (again == 0)
                thaw_fields_write(node->kind->fields, other->nodes[0].conf, second, err);
            thaw_graph_free(other);
        } else {
            again = thaw_graph_add(c->graph, node->kind->name, "again",
                                   c->graph->nodes[c->node].inputs, node->n_inputs, first, err);
            if (again > 0)
                thaw_fields_write(c->graph->nodes[again].kind->fields, c->graph->nodes[again].conf,
                                  second, err);
        }
    }
    node = &c->graph->nodes[c->node]; /* adding moves the nodes */
    bool good = again >= 0 && json_equal(first, second);
    if (again > 0) {
        const struct thaw_node *copy = &c->graph->nodes[again];
        good &= thaw_shape_equal(copy->shape, node->shape) && copy->n_params == node->n_params;
        for (int i = 0; good && i < node->n_params; i++)
            good &= copy->params[i].count == node->params[i].count;
    }
    json_decref(first);
    json_decref(second);
    return good;
}

static void test_round_trip(void)
{
    CU_ASSERT(layer_case_each(round_trip) > 0);
}

/* --- threads --- */

static bool same_on_threads(struct layer_case *c, struct thaw_error *err)
{
    size_t n = LAYER_SAMPLES * c->y_size;
    struct thaw_plan_options options = {.last = -1};
    float *y[2] = {thaw_new(n, sizeof(float), err), thaw_new(n, sizeof(float), err)};
    bool good = y[0] && y[1];
    int before = thaw_par_threads();
    for (int i = 0; good && i < 2; i++) {
        struct layer_run run;
        thaw_par_set_threads(i + 1);
        good = layer_run_init(&run, c, &options, LAYER_SAMPLES, err) == 0 &&
               layer_run_forward(&run, c, false, y[i], err) == 0;
        layer_run_release(&run);
    }
    thaw_par_set_threads(before);
    good = good && memcmp(y[0], y[1], n * sizeof(float)) == 0;
    free(y[0]);
    free(y[1]);
    return good;
}

static void test_threads(void)
{
    CU_ASSERT(layer_case_each(same_on_threads) > 0);
}

/* --- errors --- */

static int try_layer(const char *class_name, const char *config, const char *inputs,
                     struct thaw_error *err)
{
    struct thaw_graph *graph = thaw_graph_create("errors", err);
    json_t *object = json_loads(config, 0, NULL), *shapes = json_loads(inputs, 0, NULL);
    json_t *input = json_pack("{s:[n]}", "batch_input_shape");
    CU_ASSERT_FATAL(object && shapes && input);
    json_array_extend(json_object_get(input, "batch_input_shape"), json_array_get(shapes, 0));
    int first = thaw_graph_add(graph, "InputLayer", "image", NULL, 0, input, err);
    int second = first, given[2];
    if (json_array_size(shapes) > 1) {
        json_t *target = json_pack("{s:O}", "target_shape", json_array_get(shapes, 1));
        second = thaw_graph_add(graph, "Reshape", "other", &first, 1, target, err);
        json_decref(target);
    }
    thaw_told(second < 0 ? -1 : 0, err);
    given[0] = first;
    given[1] = second;
    int rc =
        thaw_graph_add(graph, class_name, "l", given, (int)json_array_size(shapes), object, err);
    json_decref(object);
    json_decref(shapes);
    json_decref(input);
    thaw_graph_free(graph);
    return rc;
}

static void test_errors(void)
{
    static const struct {
        const char *class_name, *config, *inputs, *says[4];
    } cases[] = {
        {"Conv2D", "{\"kernel_size\": 3}", "[[8,8,3]]", {"layer l (Conv2D)", "filters", "missing"}},
        {"Conv2D",
         "{\"filters\": 2, \"kernel_size\": 9}",
         "[[8,8,3]]",
         {"layer l (Conv2D)", "9", "8"}},
        {"Conv2D",
         "{\"filters\": 2, \"kernel_size\": 3, \"groups\": 2}",
         "[[8,8,3]]",
         {"3 input channels", "2 filters", "2 groups"}},
        {"Conv2D", "{\"filters\": 2, \"kernel_size\": 3}", "[[8]]", {"[H,W,C]", "1 dimension"}},
        {"Conv2D",
         "{\"filters\": 2, \"kernel_size\": 3, \"data_format\": \"channels_first\"}",
         "[[8,8,3]]",
         {"data_format", "channels_first", "channels_last"}},
        {"Conv2D",
         "{\"filters\": 2, \"kernel_size\": 3, \"padding\": \"causal\"}",
         "[[8,8,3]]",
         {"padding", "causal", "valid, same"}},
        {"Conv2D",
         "{\"filters\": 2, \"kernel_size\": 3, \"activation\": \"rulu\"}",
         "[[8,8,3]]",
         {"activation", "rulu", "relu"}},
        {"Dense",
         "{\"units\": 2, \"thaw_note\": 5}",
         "[[8]]",
         {"l (Dense)", "thaw_note", "5", "units"}},
        {"Dense", "{\"units\": 2, \"lora_rank\": 4}", "[[8]]", {"lora_rank", "4", "null"}},
        {"Dense", "{\"units\": 2, \"trainable\": \"no\"}", "[[8]]", {"l (Dense)", "trainable"}},
        {"DepthwiseConv2D", "{\"kernel_size\": 3, \"groups\": 2}", "[[8,8,4]]", {"groups", "2"}},
        {"DepthwiseConv2D", "{\"kernel_size\": 3, \"filters\": 4}", "[[8,8,4]]", {"filters"}},
        {"BatchNormalization", "{\"axis\": 1}", "[[8,8,4]]", {"axis 1", "-1 or 3"}},
        {"BatchNormalization", "{\"renorm\": true}", "[[8,8,4]]", {"renorm", "true", "false"}},
        {"LayerNormalization", "{\"axis\": [1, 2]}", "[[8,8,4]]", {"axis", "[1,2]"}},
        {"ReLU", "{\"max_value\": -1}", "[[8,8,4]]", {"max_value -1"}},
        {"MaxPooling2D", "{\"pool_size\": 5}", "[[4,8,4]]", {"height 5", "4"}},
        {"GlobalAveragePooling2D", "{}", "[[8]]", {"[H,W,C]"}},
        {"Cropping2D", "{\"cropping\": 4}", "[[8,9,4]]", {"leaves nothing of 8 x 9"}},
        {"ZeroPadding2D", "{\"padding\": [1, -1]}", "[[8,9,4]]", {"padding", "[1,-1]"}},
        {"Add", "{}", "[[4,2,3], [2,4,3]]", {"input 1", "[2,4,3]", "[4,2,3]"}},
        {"Add", "{}", "[[4,2,3]]", {"two or more", "1"}},
        {"Concatenate", "{\"axis\": 1}", "[[4,2,3], [4,2,3]]", {"axis 1"}},
        {"Concatenate", "{}", "[[4,2,3], [2,4,3]]", {"input 1", "channels"}},
        {"Reshape", "{\"target_shape\": [5, -1]}", "[[8,8,3]]", {"192 elements", "target_shape"}},
        {"Reshape", "{\"target_shape\": [-1, -1]}", "[[8,8,3]]", {"more than one"}},
        {"Dropout", "{\"rate\": 1}", "[[8]]", {"rate 1"}},
        {"Dropout", "{\"rate\": 0.1, \"noise_shape\": [null, 1, 8]}", "[[8,8]]", {"noise_shape"}},
        {"Rescaling", "{\"scale\": [1, 2]}", "[[8,8,3]]", {"2 numbers", "3"}},
        {"Normalization", "{\"mean\": 1}", "[[8]]", {"one is null"}},
        {"Softmax", "{\"axis\": 1}", "[[8,8,3]]", {"axis 1"}},
        {"RandomFlip", "{}", "[[8,8,3]]", {"RandomFlip", "does nothing"}},
        {"Resizing", "{}", "[[8,8,3]]", {"layer l", "Resizing", "not known", "Conv2D"}},
        {"Lambda", "{}", "[[8,8,3]]", {"Lambda", "never run"}},
        {"TFOpLambda", "{}", "[[8,8,3]]", {"TFOpLambda", "never run"}},
        {"InputLayer", "{\"batch_input_shape\": [null, 3]}", "[[8,8,3]]", {"takes no input"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct thaw_error err = {0};
        const char *const *s = cases[i].says;
        bool refused = try_layer(cases[i].class_name, cases[i].config, cases[i].inputs, &err) < 0;
        if (!refused)
            printf("\n    taken: %s %s\n", cases[i].class_name, cases[i].config);
        CU_ASSERT(refused && thaw_says(&err, s[0], s[1], s[2], s[3], NULL));
    }
}

static void test_dialects(void)
{
    struct thaw_error err = {0};
    /* Keras 3: objects where Keras 2 has names; keys that later versions added. */
    CU_ASSERT(try_layer("Dense",
                        "{\"units\": 2, \"activation\": {\"module\": \"builtins\", "
                        "\"class_name\": \"function\", \"config\": \"relu\", "
                        "\"registered_name\": \"function\"}, \"dtype\": {\"class_name\": "
                        "\"DTypePolicy\", \"config\": {\"name\": \"float32\"}}, "
                        "\"quantization_config\": null}",
                        "[[8]]", &err) >= 0);
    CU_ASSERT(try_layer("SyncBatchNormalization",
                        "{\"axis\": [3], \"renorm\": false, \"renorm_clipping\": null, "
                        "\"renorm_momentum\": 0.99, \"synchronized\": true}",
                        "[[8,8,3]]", &err) >= 0);
    CU_ASSERT(try_layer("SeparableConv2D",
                        "{\"filters\": 2, \"kernel_size\": 3, \"groups\": 1, "
                        "\"kernel_initializer\": {}, \"kernel_regularizer\": null}",
                        "[[8,8,3]]", &err) >= 0);
}

void thaw_test_layers(void)
{
    CU_pSuite s = thaw_suite("layers");
    CU_add_test(s, "shapes and weights are those of tf-keras", test_infer);
    CU_add_test(s, "outputs are those of tf-keras", test_forward);
    CU_add_test(s, "a written configuration reads back", test_round_trip);
    CU_add_test(s, "outputs are bit-equal on one and two threads", test_threads);
    CU_add_test(s, "what does not fit is refused by layer, key and value", test_errors);
    CU_add_test(s, "keys of other versions that change nothing are taken", test_dialects);
}
