#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/file.h"
#include "io/base/mem.h"
#include "io/base/par.h"
#include "io/keras_file.h"
#include "tests/check.h"

/* What h5py says of the samples: entries of layer_names, datasets, numbers, their sum. */
static const struct sample {
    const char *path;
    size_t groups, tensors, numbers;
    double sum;
    bool whole;
    int major;
} samples[] = {
    {"keras-samples/acts_tfkeras_2.21.h5", 37, 34, 136, 4.555855, true, 2},
    {"keras-samples/adapted_tfkeras_2.21.h5", 5, 7, 134, 11425.508474, true, 2},
    {"keras-samples/c_written.h5", 8, 9, 179, 34.955445, true, 2},
    {"keras-samples/chunked_nested_tfkeras_2.21.h5", 3, 34, 73, 26.544017, true, 2},
    {"keras-samples/chunked_tfkeras_2.21.h5", 20, 6, 12, 0.016244, true, 2},
    {"keras-samples/deferred_keras_2.2.4.h5", 5, 8, 239, 7.868816, true, 2},
    {"keras-samples/f16_keras_3.15.1.h5", 8, 10, 273, 11.29271, true, 3},
    {"keras-samples/f16_tfkeras_2.21.h5", 8, 10, 273, 11.291091, true, 2},
    {"keras-samples/f64_tfkeras_2.21.h5", 8, 10, 273, 11.289624, true, 2},
    {"keras-samples/guide_frozen_keras_3.15.1.h5", 7, 23, 1071, 69.019432, true, 3},
    {"keras-samples/guide_frozen_tfkeras_2.21.h5", 7, 23, 1071, 69.031326, true, 2},
    {"keras-samples/kinds_3.0.5.h5", 25, 15, 636, 223.753136, true, 3},
    {"keras-samples/kinds_3.0.5_nocompile.h5", 25, 15, 636, 223.753136, true, 3},
    {"keras-samples/kinds_3.12.1.h5", 25, 15, 636, 223.753136, true, 3},
    {"keras-samples/kinds_3.12.1_nocompile.h5", 25, 15, 636, 223.753136, true, 3},
    {"keras-samples/kinds_3.15.1.h5", 25, 15, 636, 223.753136, true, 3},
    {"keras-samples/kinds_3.15.1_nocompile.h5", 25, 15, 636, 223.753136, true, 3},
    {"keras-samples/kinds_3.16.0.h5", 25, 15, 636, 223.753136, true, 3},
    {"keras-samples/kinds_3.16.0_nocompile.h5", 25, 15, 636, 223.753136, true, 3},
    {"keras-samples/kinds_keras_2.2.4.h5", 45, 30, 5651, 40.12972, true, 2},
    {"keras-samples/kinds_tfkeras_2.21.h5", 49, 32, 5513, 55.653215, true, 2},
    {"keras-samples/kinds_tfkeras_2.21_nocompile.h5", 49, 32, 5513, 55.653215, true, 2},
    {"keras-samples/kinds_tfkeras_2.21_weightsonly.h5", 49, 32, 5513, 55.653215, false, 2},
    {"keras-samples/mixed16_tfkeras_2.21.h5", 8, 10, 273, 11.289624, true, 2},
    {"keras-samples/multiout_tfkeras_2.21.h5", 9, 11, 425, 0.985987, true, 2},
    {"keras-samples/names_tfkeras_2.21.h5", 16, 16, 611, 12.868524, true, 2},
    {"keras-samples/nested_frozen_keras_3.15.1.h5", 8, 23, 1731, 86.385047, true, 3},
    {"keras-samples/nested_frozen_tf_2.6.5.h5", 8, 23, 1731, 86.378524, true, 2},
    {"keras-samples/nested_frozen_tfkeras_2.21.h5", 8, 23, 1731, 86.38049, true, 2},
    {"keras-samples/nested_part_keras_2.2.4.h5", 4, 23, 1731, 72.084146, true, 2},
    {"keras-samples/nested_part_keras_3.15.1.h5", 8, 23, 1731, 80.807176, true, 3},
    {"keras-samples/nested_part_tfkeras_2.21.h5", 8, 23, 1731, 80.704308, true, 2},
    {"keras-samples/nested_part_tfkeras_2.21_weightsonly.h5", 8, 23, 1731, 80.704308, false, 2},
    {"keras-samples/nested_thawed_keras_3.15.1.h5", 8, 23, 1731, 82.681831, true, 3},
    {"keras-samples/nested_thawed_tfkeras_2.21.h5", 8, 23, 1731, 82.466554, true, 2},
    {"keras-samples/oldseq_keras_2.0.9.h5", 8, 11, 327, 19.790269, true, 2},
    {"keras-samples/resaved_keras_2.2.4.h5", 3, 10, 327, 11.741666, true, 2},
    {"keras-samples/shared_keras_3.15.1.h5", 9, 10, 291, 5.158437, true, 3},
    {"keras-samples/shared_tfkeras_2.21.h5", 9, 10, 291, 5.158437, true, 2},
    {"keras-samples/teachable_machine_keras_model_k3fixed.h5", 2, 263, 538508, 57879.474968, true,
     2},
    {"keras-samples/universal_full.h5", 25, 15, 636, 223.753136, true, 2},
    {"keras-samples/universal_kinds_a_tfkeras_2.21.h5", 50, 32, 5513, 55.653215, true, 2},
    {"keras-samples/universal_min.h5", 25, 15, 636, 223.753136, true, 2},
    {"models/mobilenet_2_5_224_tf_no_top.h5", 83, 135, 218544, 52144.4024, false, 2},
    {"models/mobilenet_v1_0.25_224.h5", 91, 137, 475544, 52408.777249, true, 2},
    {"models/squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5", 63, 50, 722496, -2232.901831,
     false, 1},
    {"models/teachable_machine_mobilenet_v2_0.35_224.h5", 2, 263, 538608, 57922.294571, true, 2},
};

static const char *const refused[][2] = {
    {"keras-samples/README.md", "not an HDF5 file"},
    {"keras-samples", "a folder"},
};

/* Numbers that are still in the file come to memory, where the tests look. */
static void read_tensors(struct thaw_tensor *tensors, size_t n)
{
    struct thaw_error err = {0};
    for (size_t i = 0; i < n; i++)
        if (!tensors[i].data) {
            float *numbers = thaw_new(tensors[i].count, sizeof *numbers, &err);
            CU_ASSERT_EQUAL(thaw_told(thaw_tensor_read(&tensors[i], numbers, &err), &err), 0);
            tensors[i].data = numbers;
        }
}

static struct thaw_keras_file *load(const char *path, struct thaw_error *err)
{
    struct thaw_keras_file *file = thaw_keras_load(path, err);
    for (size_t i = 0; file && i < file->n_groups; i++)
        read_tensors(file->groups[i].tensors, file->groups[i].n_tensors);
    if (file)
        read_tensors(file->extras, file->n_extras);
    return file;
}

static struct thaw_keras_file *load_ref(const char *name, struct thaw_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "h5/%s.h5", name);
    return load(thaw_ref(path), err);
}

static void check_sample(const struct sample *s)
{
    struct thaw_error err = {0};
    size_t tensors = 0, numbers = 0;
    double sum = 0;
    struct thaw_keras_file *file = load(thaw_shared(s->path), &err);
    CU_ASSERT_EQUAL(thaw_told(file ? 0 : -1, &err), 0);
    if (!file)
        return;
    for (size_t i = 0; i < file->n_groups; i++)
        for (size_t j = 0; j < file->groups[i].n_tensors; j++) {
            const struct thaw_tensor *t = file->groups[i].tensors + j;
            tensors++;
            numbers += t->count;
            for (size_t k = 0; k < t->count; k++)
                sum += (double)t->data[k];
        }
    if (file->n_groups != s->groups || tensors != s->tensors || numbers != s->numbers ||
        fabs(sum - s->sum) > 1e-3 || (file->config != NULL) != s->whole ||
        file->keras_major != s->major) {
        printf("%s: %zu groups, %zu tensors, %zu numbers, sum %.6f, Keras %d\n", s->path,
               file->n_groups, tensors, numbers, sum, file->keras_major);
        CU_FAIL("a sample reads differently");
    }
    thaw_keras_free(file);
}

static void test_samples(void)
{
    if (!thaw_shared("keras-samples") || !thaw_shared("models")) {
        thaw_skip("keras file, samples of Keras: keras-samples or models absent");
        return;
    }
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        check_sample(samples + i);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct thaw_error err = {0};
        const char *path = thaw_shared(refused[i][0]);
        CU_ASSERT_PTR_NULL(thaw_keras_load(path, &err));
        CU_ASSERT(thaw_says(&err, path, refused[i][1], NULL));
    }
}

static void check_kernel(const struct thaw_keras_file *file, const char *group, const char *tensor)
{
    static const float want[] = {0, 1, 2, 3, 4, 5};
    const struct thaw_keras_group *g = thaw_keras_find(file, group);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    CU_ASSERT_EQUAL_FATAL(g->n_tensors > 0, true);
    CU_ASSERT_STRING_EQUAL(g->tensors[0].name, tensor);
    CU_ASSERT_EQUAL_FATAL(g->tensors[0].rank, 2);
    CU_ASSERT_EQUAL(g->tensors[0].dims[0], 2);
    CU_ASSERT_EQUAL(g->tensors[0].dims[1], 3);
    CU_ASSERT_EQUAL(memcmp(g->tensors[0].data, want, sizeof want), 0);
}

/* Lists in each string form, numbers of each type and storage. */
static void test_forms(void)
{
    static const char *const kernels[] = {"half", "double", "packed", "big"};
    struct thaw_error err = {0};
    struct thaw_keras_file *file = load_ref("forms", &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(file ? 0 : -1, &err), 0);
    CU_ASSERT_EQUAL(file->keras_major, 2);
    CU_ASSERT_STRING_EQUAL(file->keras_version, "2.2.4-tf");
    CU_ASSERT_EQUAL_FATAL(file->n_groups, 9);
    check_kernel(file, "fc", "fc/kernel:0");
    CU_ASSERT_STRING_EQUAL(file->groups[0].tensors[1].name, "fc/bias:0");
    CU_ASSERT_EQUAL(file->groups[0].tensors[1].data[2], 9);
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        check_kernel(file, kernels[i], "k");
    const struct thaw_tensor *count = thaw_keras_find(file, "count")->tensors;
    CU_ASSERT_EQUAL(count->rank, 0);
    CU_ASSERT_EQUAL(count->count, 1);
    CU_ASSERT_EQUAL(count->data[0], 41);
    CU_ASSERT_EQUAL(thaw_keras_find(file, "none")->n_tensors, 0);
    CU_ASSERT_EQUAL(thaw_keras_find(file, "null")->n_tensors, 0);
    const struct thaw_keras_group *accent = thaw_keras_find(file, "\303\251");
    CU_ASSERT_PTR_NOT_NULL_FATAL(accent);
    CU_ASSERT_EQUAL(accent->tensors[0].count, 0);
    CU_ASSERT_EQUAL(accent->tensors[0].dims[1], 3);
    thaw_keras_free(file);

    CU_ASSERT_PTR_NOT_NULL_FATAL(file = load_ref("keras_1", &err));
    CU_ASSERT_EQUAL(file->keras_major, 1);
    CU_ASSERT_STRING_EQUAL(file->keras_version, "");
    thaw_keras_free(file);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file = load_ref("user_block", &err));
    check_kernel(file, "fc", "fc/kernel:0");
    thaw_keras_free(file);
}

static void test_extras(void)
{
    struct thaw_error err = {0};
    struct thaw_keras_file *file = load_ref("extras", &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(file ? 0 : -1, &err), 0);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(file->thaw, "classes")), 2);
    CU_ASSERT_EQUAL_FATAL(file->n_extras, 2);
    CU_ASSERT_STRING_EQUAL(file->extras[0].name, "a-b");
    CU_ASSERT_STRING_EQUAL(file->extras[1].name, "a/b");
    CU_ASSERT_EQUAL(thaw_keras_extra(file, "a-b")->data[0], 5);
    CU_ASSERT_EQUAL(thaw_keras_extra(file, "a/b")->dims[1], 3);
    CU_ASSERT_PTR_NULL(thaw_keras_extra(file, "b"));
    thaw_keras_free(file);
}

static void test_refusals(void)
{
    static const char *const bad[][3] = {
        {"absent", "gamma:0", "does not exist"},
        {"absolute", "/model_weights/fc/fc/kernel:0", "empty part"},
        {"bfloat16", "kernel:0", "bfloat16"},
        {"circle", "thaw", "nested deeper"},
        {"deep", "model_config", "depth"},
        {"external_data", "kernel:0", "other files"},
        {"external_link", "kernel:0", "an external link"},
        {"foreign", "HDF5", "no Keras model"},
        {"group", "/fc/fc'", "not a dataset"},
        {"json", "model_config", "not valid JSON"},
        {"loose", "top_level_model_weights", "scale:0"},
        {"no_weights", "model_config", "no group model_weights"},
        {"numbers", "weight_names", "strings"},
        {"overflow", "kernel:0", "absurd size"},
        {"rank_7", "kernel:0", "7 dimensions"},
        {"soft_link", "kernel:0", "a soft link"},
        {"strings", "kernel:0", "strings, not numbers"},
        {"terabytes", "kernel:0", "declares 4398046511104 bytes, but the file stores 0"},
        {"twice", "'fc'", "two tensors"},
        {"unlisted", "'fc'", "no attribute weight_names"},
        {"unstored", "kernel:0", "declares 4000000 bytes"},
        {"version_9", "9.1", "known are"},
        {"virtual", "kernel:0", "a virtual dataset"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct thaw_error err = {0};
        CU_ASSERT_PTR_NULL(load_ref(bad[i][0], &err));
        CU_ASSERT_EQUAL(err.code, THAW_EINPUT);
        CU_ASSERT(thaw_says(&err, bad[i][0], ".h5: ", bad[i][1], bad[i][2], NULL));
    }
}

/* Every beginning of a file: a copy that was cut short never loads, and the error says so. */
static void test_cut_short(void)
{
    struct thaw_error err = {0};
    unsigned char *data;
    size_t size;
    const char *path = thaw_tmp("cut.h5");
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(thaw_file_read(thaw_ref("h5/extras.h5"), 1 << 20, &data, &size, &err), &err), 0);
    for (size_t cut = 0; cut < size; cut += cut < 16 ? 1 : 997) {
        CU_ASSERT_EQUAL(thaw_file_write(path, data, cut, &err), 0);
        CU_ASSERT_PTR_NULL(thaw_keras_load(path, &err));
        CU_ASSERT(thaw_says(&err, "cut.h5: ",
                            cut == 0  ? "empty file"
                            : cut < 8 ? "not an HDF5 file"
                                      : "damaged HDF5 file",
                            NULL));
    }
    free(data);
    CU_ASSERT_PTR_NULL(thaw_keras_load(thaw_tmp("absent.h5"), &err));
    CU_ASSERT(thaw_says(&err, "absent.h5: No such file", NULL));
}

static int busy(void *ctx, size_t i, struct thaw_error *err)
{
    (void)err;
    ((double *)ctx)[i] = sin((double)i);
    return 0;
}

/* A pool of threads in the parent does not stop the child. */
static void test_threads(void)
{
    struct thaw_error err = {0};
    double results[64];
    int threads = thaw_par_threads();
    thaw_par_set_threads(4);
    CU_ASSERT_EQUAL(thaw_par_each(64, busy, results, &err), 0);
    struct thaw_keras_file *file = load_ref("extras", &err);
    CU_ASSERT_EQUAL(thaw_told(file ? 0 : -1, &err), 0);
    thaw_keras_free(file);
    CU_ASSERT_EQUAL(thaw_par_each(64, busy, results, &err), 0);
    thaw_par_set_threads(threads);
}

void thaw_test_keras_file(void)
{
    CU_pSuite s = thaw_suite("keras file");
    CU_add_test(s, "samples of Keras read as h5py reads them", test_samples);
    CU_add_test(s, "every form of names and numbers", test_forms);
    CU_add_test(s, "the group thaw", test_extras);
    CU_add_test(s, "what is refused, and why", test_refusals);
    CU_add_test(s, "files cut short", test_cut_short);
    CU_add_test(s, "reading beside a pool of threads", test_threads);
}
