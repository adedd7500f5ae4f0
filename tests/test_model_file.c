/* Models with everything around them: saved, found, opened, verified, run. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/model_file.h"
#include "apps/run_model.h"
#include "apps/seen.h"
#include "io/base/file.h"
#include "io/base/mem.h"
#include "tests/check.h"

/* Pooling and one dense layer on a small picture, with random weights; `activation` of the top. */
static struct thaw_graph *make_graph(int outputs, const char *activation)
{
    struct thaw_error err = {0};
    struct thaw_graph *g = thaw_graph_create("small", &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    json_t *input = json_pack("{s:[n,i,i,i]}", "batch_input_shape", 6, 5, 3);
    json_t *conv = json_pack("{s:i, s:[i,i]}", "filters", 4, "kernel_size", 3, 3);
    json_t *dense = json_pack("{s:i, s:s}", "units", outputs, "activation", activation);
    int last = thaw_graph_add(g, "InputLayer", "image", NULL, 0, input, &err);
    last = thaw_graph_add(g, "Conv2D", "conv", &last, 1, conv, &err);
    last = thaw_graph_add(g, "GlobalAveragePooling2D", "pool", &last, 1, NULL, &err);
    if (outputs)
        last = thaw_graph_add(g, "Dense", "top", &last, 1, dense, &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(last < 0 ? -1 : 0, &err), 0);
    thaw_graph_init(g, 0, 3);
    json_decref(input);
    json_decref(conv);
    json_decref(dense);
    return g;
}

static char class_a[] = "a b", class_b[] = "\xc3\xa9t\xc3\xa9", class_c[] = "c\"d";
static char *class_names[] = {class_a, class_b, class_c};

static struct thaw_model_file make_model(int outputs, const char *activation)
{
    static char path[] = "made here";
    struct thaw_error err = {0};
    struct thaw_model_file m = {.path = path, .graph = make_graph(outputs, activation)};
    CU_ASSERT_EQUAL(thaw_preprocess_init(&m.preprocess, "tf", 6, 5, &err), 0);
    m.preprocess.fit = THAW_FIT_LETTERBOX;
    m.preprocess_from = "a test";
    m.n_classes = outputs;
    return m;
}

static int try_top(int outputs, const char *activation, struct thaw_runner *r,
                   struct thaw_error *err)
{
    struct thaw_model_file m = make_model(outputs, activation);
    float x[6 * 5 * 3], y[3];
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (float)(i % 7) / 7;
    int rc = thaw_runner_init(r, &m, THAW_ANSWER_PROBABILITIES, -1, err);
    if (rc == 0) {
        float sum = 0;
        CU_ASSERT_EQUAL(thaw_told(thaw_runner_apply(r, x, 1, y, err), err), 0);
        for (int k = 0; k < r->classes; k++)
            sum += y[k];
        CU_ASSERT(r->top == THAW_TOP_LABELS || fabsf(sum - 1) < 1e-6f);
        thaw_team_free(r->team);
        thaw_plan_free(r->plan);
        free(r->room);
    }
    thaw_graph_free(m.graph);
    return rc;
}

static void test_tops(void)
{
    struct thaw_runner r;
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL(thaw_told(try_top(3, "softmax", &r, &err), &err), 0);
    CU_ASSERT(r.top == THAW_TOP_SOFTMAX && r.classes == 3);
    CU_ASSERT_EQUAL(thaw_told(try_top(3, "linear", &r, &err), &err), 0);
    CU_ASSERT(r.top == THAW_TOP_LOGITS && r.classes == 3);
    CU_ASSERT_EQUAL(thaw_told(try_top(1, "sigmoid", &r, &err), &err), 0);
    CU_ASSERT(r.top == THAW_TOP_SIGMOID && r.classes == 2);
    CU_ASSERT_EQUAL(thaw_told(try_top(3, "sigmoid", &r, &err), &err), 0);
    CU_ASSERT(r.top == THAW_TOP_LABELS && r.classes == 3);
    CU_ASSERT_EQUAL(try_top(1, "linear", &r, &err), -1);
    CU_ASSERT(thaw_says(&err, "a single number", NULL));
    CU_ASSERT_EQUAL(try_top(0, "linear", &r, &err), -1);
    CU_ASSERT(thaw_says(&err, "no classifier", "thaw features", NULL));
}

static void check_opened(const struct thaw_model_file *m)
{
    CU_ASSERT_EQUAL(m->n_classes, 3);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m->classes);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_STRING_EQUAL(m->classes[i], class_names[i]);
    CU_ASSERT(m->preprocess.fit == THAW_FIT_LETTERBOX && m->preprocess.height == 6 &&
              m->preprocess.width == 5);
    CU_ASSERT_STRING_EQUAL(m->preprocess_from, "the model's record");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(m->record, "answer")), 42);
}

/* Kernels that stay in the file are read when something is computed, as often as it is. */
static void test_lean(void)
{
    struct thaw_error err = {0};
    struct thaw_model_file made = make_model(3, "softmax"), m;
    struct thaw_model_request request = {.name = thaw_tmp("lean.h5"), .lean = true};
    double difference = 1;
    CU_ASSERT_EQUAL(thaw_told(thaw_model_file_save(&made, request.name, NULL, &err), &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_model_file_open(&m, &request, &err), &err), 0);
    const struct thaw_param *conv = m.graph->nodes[thaw_graph_find(m.graph, "conv")].params;
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_PTR_NULL(conv[0].data);
        CU_ASSERT_PTR_NOT_NULL(conv[1].data); /* the bias */
        CU_ASSERT_EQUAL(thaw_told(thaw_model_file_verify(&m, &difference, &err), &err), 0);
        CU_ASSERT_EQUAL(difference, 0);
    }
    CU_ASSERT_EQUAL(truncate(request.name, (off_t)conv[0].place.at + 4), 0);
    CU_ASSERT_EQUAL(thaw_model_file_verify(&m, &difference, &err), -1);
    CU_ASSERT(thaw_says(&err, "shorter", NULL));
    thaw_model_file_release(&m);
    thaw_graph_free(made.graph);
}

static void test_saved(void)
{
    struct thaw_error err = {0};
    struct thaw_model_file made = make_model(3, "softmax"), m;
    char hash[THAW_HASH_TEXT], again[THAW_HASH_TEXT];
    double difference = 1;
    json_t *extra = json_pack("{s:i, s:s}", "answer", 42, "classes", "overruled");
    const char *path = thaw_tmp("small.h5"), *other = thaw_tmp("small2.h5");
    made.classes = class_names;
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_model_file_save(&made, path, extra, &err), &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_model_file_save(&made, other, extra, &err), &err), 0);
    CU_ASSERT_EQUAL(thaw_hash_file(path, hash, &err), 0);
    CU_ASSERT_EQUAL(thaw_hash_file(other, again, &err), 0);
    CU_ASSERT_STRING_EQUAL(hash, again);

    struct thaw_model_request request = {.name = path, .need_preprocess = true};
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_model_file_open(&m, &request, &err), &err), 0);
    check_opened(&m);
    CU_ASSERT_EQUAL(thaw_told(thaw_model_file_hash(&m, &err), &err), 0);
    CU_ASSERT_STRING_EQUAL(m.hash, hash);
    CU_ASSERT_EQUAL(thaw_told(thaw_model_file_verify(&m, &difference, &err), &err), 0);
    CU_ASSERT_EQUAL(difference, 0);
    /* The vector notices a changed weight, and that another one is not a number. */
    int top = thaw_graph_find(m.graph, "top");
    m.graph->nodes[top].params[1].data[0] += 0.5f;
    CU_ASSERT_EQUAL(thaw_model_file_verify(&m, &difference, &err), 0);
    CU_ASSERT(difference > 1e-2);
    m.graph->nodes[top].params[1].data[0] = NAN;
    CU_ASSERT_EQUAL(thaw_model_file_verify(&m, &difference, &err), 0);
    CU_ASSERT(!(difference <= 1e-4));
    thaw_model_file_release(&m);

    /* A record keeps its mode; the same one may be named. */
    request.preprocess = "caffe";
    CU_ASSERT_EQUAL(thaw_model_file_open(&m, &request, &err), -1);
    CU_ASSERT(thaw_says(&err, "--preprocess caffe", "mode tf", NULL));
    CU_ASSERT_EQUAL(err.code, THAW_EUSAGE);
    request.preprocess = "tf";
    CU_ASSERT_EQUAL(thaw_model_file_open(&m, &request, &err), 0);
    thaw_model_file_release(&m);
    json_decref(extra);
    thaw_graph_free(made.graph);
}

/* A model that does not compute the same when read back is not put in place of an older one. */
static void test_not_saved(void)
{
    struct thaw_error err = {0};
    struct thaw_model_file made = make_model(3, "softmax");
    const char *path = thaw_tmp("kept.h5");
    CU_ASSERT_EQUAL(thaw_file_write(path, "older", 5, &err), 0);
    made.graph->nodes[thaw_graph_find(made.graph, "top")].params[0].data[0] = NAN;
    CU_ASSERT_EQUAL(thaw_model_file_save(&made, path, NULL, &err), -1);
    CU_ASSERT(thaw_says(&err, "kept.h5", "not saved", NULL));
    unsigned char *data = NULL;
    size_t size = 0;
    CU_ASSERT_EQUAL(thaw_file_read(path, 100, &data, &size, &err), 0);
    CU_ASSERT(size == 5 && memcmp(data, "older", 5) == 0);
    free(data);
    thaw_graph_free(made.graph);
}

/* In place of the text in the file, which is as long. */
static void overwrite(const char *path, const char *text, const char *other)
{
    struct thaw_error err = {0};
    unsigned char *data = NULL;
    size_t size = 0;
    CU_ASSERT_EQUAL_FATAL(thaw_file_read(path, 1 << 20, &data, &size, &err), 0);
    unsigned char *at = memmem(data, size, text, strlen(text));
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    memcpy(at, other, strlen(other));
    CU_ASSERT_EQUAL(thaw_file_write(path, data, size, &err), 0);
    free(data);
}

/* Ends, means, and which layers stay above int8. */
static void test_calibration(void)
{
    struct thaw_error err = {0};
    struct thaw_model_file made = make_model(3, "softmax"), m;
    struct thaw_model_request request = {.name = thaw_tmp("calibrated.h5")};
    float x[6 * 5 * 3];
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (float)(i % 7) / 7 - 0.3F;
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_calibrate(made.graph, -1, x, 1, &made.ranges, &err), &err),
                          0);
    made.ranges.higher = thaw_new(1, sizeof *made.ranges.higher, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(made.ranges.higher);
    made.ranges.higher[0] = thaw_graph_find(made.graph, "conv");
    made.ranges.n_higher = 1;
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_model_file_save(&made, request.name, NULL, &err), &err),
                          0);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_model_file_open(&m, &request, &err), &err), 0);
    CU_ASSERT_EQUAL_FATAL(m.ranges.n, made.ranges.n);
    for (size_t i = 0; i < m.ranges.n; i++) {
        const struct thaw_range *a = &made.ranges.list[i], *b = &m.ranges.list[i];
        CU_ASSERT(strcmp(made.graph->nodes[a->node].name, m.graph->nodes[b->node].name) == 0);
        CU_ASSERT(a->low == b->low && a->high == b->high && a->channels == b->channels);
        CU_ASSERT_EQUAL(memcmp(a->mean, b->mean, (size_t)a->channels * sizeof *a->mean), 0);
    }
    CU_ASSERT_EQUAL_FATAL(m.ranges.n_higher, 1);
    CU_ASSERT_EQUAL(m.ranges.higher[0], thaw_graph_find(m.graph, "conv"));
    thaw_model_file_release(&m);

    overwrite(request.name, "\"calibration_higher\":[\"conv\"]",
              "\"calibration_higher\":[\"none\"]");
    CU_ASSERT_EQUAL(thaw_model_file_open(&m, &request, &err), -1);
    CU_ASSERT(thaw_says(&err, "calibrated.h5", "calibration", "does not have", NULL));
    thaw_ranges_release(&made.ranges);
    thaw_graph_free(made.graph);
}

static void test_size(void)
{
    struct thaw_error err = {0};
    int h, w;
    CU_ASSERT(thaw_model_size("224", &h, &w, &err) == 0 && h == 224 && w == 224);
    CU_ASSERT(thaw_model_size("192x256", &h, &w, &err) == 0 && h == 192 && w == 256);
    static const char *const bad[] = {"",      "x",   "0",     "-3",  "12x",
                                      "12x-1", "x12", "1x2x3", "12 ", "a"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_EQUAL(thaw_model_size(bad[i], &h, &w, &err), -1);
}

static void test_seen(void)
{
    struct thaw_error err = {0};
    struct thaw_dataset first, second;
    size_t count = 99;
    bool met[3] = {false};
    const char *const files[] = {thaw_tmp("s1"), thaw_tmp("s2"), thaw_tmp("s3"), thaw_tmp("s4")};
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(
            thaw_file_write(files[i], i == 3 ? "2" : (char[]){(char)('0' + i), 0}, 1, &err), 0);
    CU_ASSERT_EQUAL(thaw_dataset_from_files(&first, files, 2, &err), 0);
    CU_ASSERT_EQUAL(thaw_dataset_from_files(&second, files + 1, 3, &err), 0);
    json_t *seen = thaw_seen_write(&first, &err);
    CU_ASSERT_EQUAL(json_string_length(seen), 24);
    CU_ASSERT(thaw_seen_find(seen, &first, met, &count, &err) == 0 && count == 2);
    CU_ASSERT(met[0] && met[1] && !met[2]);
    met[0] = met[1] = false;
    CU_ASSERT(thaw_seen_find(seen, &second, met, &count, &err) == 0 && count == 1);
    CU_ASSERT(met[0] && !met[1] && !met[2]);
    CU_ASSERT(thaw_seen_find(NULL, &second, met, &count, &err) == 0 && count == 0);
    json_decref(seen);
    thaw_dataset_release(&first);
    thaw_dataset_release(&second);
}

/* Looks go into the file and come back within half a step, those of images that have one. */
static void test_looks(void)
{
    struct thaw_error err = {0};
    struct thaw_dataset data;
    const char *const files[] = {"a.png", "b.png", "c.png"}, *path = thaw_tmp("looks.h5");
    uint8_t(*looks)[THAW_LIKENESS_POINTS];
    size_t n = 9;
    struct thaw_keras_file *file = thaw_keras_create(&err);
    CU_ASSERT_EQUAL_FATAL(thaw_dataset_from_files(&data, files, 3, &err), 0);
    CU_ASSERT_EQUAL(thaw_seen_add_looks(&data, file, &err), 0);
    CU_ASSERT(thaw_seen_read_looks(file, path, &looks, &n, &err) == 0 && n == 0 && !looks);
    for (int i = 0; i < 3; i += 2) {
        data.images[i].look = thaw_new(THAW_LIKENESS_POINTS, 1, &err);
        for (int k = 0; k < THAW_LIKENESS_POINTS; k++)
            data.images[i].look[k] = (uint8_t)(k % 3 ? 37 * k + i : 255);
    }
    CU_ASSERT_EQUAL(thaw_seen_add_looks(&data, file, &err), 0);
    file->thaw = json_object();
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_keras_save(path, file, &err), &err), 0);
    thaw_keras_free(file);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file = thaw_keras_load(path, &err));
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_seen_read_looks(file, path, &looks, &n, &err), &err), 0);
    CU_ASSERT_EQUAL_FATAL(n, 2);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < THAW_LIKENESS_POINTS; k++)
            CU_ASSERT_TRUE(abs(looks[i][k] - data.images[2 * i].look[k]) <= 2);
    free(looks);
    thaw_keras_free(file);
    thaw_dataset_release(&data);
}

void thaw_test_model_file(void)
{
    CU_pSuite s = thaw_suite("model_file");
    CU_add_test(s, "what the top of a network means", test_tops);
    CU_add_test(s, "saved, opened, verified; equal bytes", test_saved);
    CU_add_test(s, "kernels are read when they are needed", test_lean);
    CU_add_test(s, "not saved when it does not compute the same", test_not_saved);
    CU_add_test(s, "a calibration goes along", test_calibration);
    CU_add_test(s, "sizes", test_size);
    CU_add_test(s, "images met before are counted by content", test_seen);
    CU_add_test(s, "what training images look like stands in the file", test_looks);
}
