/* Keras files as they are written, and read again. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/file.h"
#include "io/base/mem.h"
#include "io/keras_file.h"
#include "tests/check.h"

static struct thaw_keras_file *build(struct thaw_error *err)
{
    static float numbers[] = {0.5f, -1, 3e38f, 1e-40f, 5, 6};
    struct thaw_tensor lent = {.rank = 1, .dims = {6}, .data = numbers, .borrowed = true};
    struct thaw_keras_file *file = thaw_keras_create(err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    file->config = json_pack("{s:s, s:{s:s, s:f}}", "class_name", "Model", "config", "name",
                             "caf\303\251", "rate", 0.1);
    file->thaw = json_pack("{s:[s,s]}", "classes", "no", "yes");
    /* "a/b" before "a": one layer's group lies inside another's. */
    static const char *const names[] = {"image", "a/b", "a", "A"};
    for (size_t i = 0; i < 4; i++) {
        char name[32];
        struct thaw_keras_group *g = thaw_keras_add_group(file, names[i], err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(g);
        for (long j = 0; i && j < 3; j++) {
            snprintf(name, sizeof name, "%s/w%ld:0", names[i], j);
            CU_ASSERT_EQUAL(thaw_keras_add_tensor(file, g, name, (long[]){2, 3 - j, 1},
                                                  (int)(3 - j), numbers, err),
                            0);
        }
    }
    CU_ASSERT_EQUAL(thaw_keras_add_tensor(file, NULL, "a", NULL, 0, numbers, err), 0);
    CU_ASSERT_EQUAL(thaw_keras_add_tensor(file, NULL, "empty", (long[]){0, 4}, 2, numbers, err), 0);
    CU_ASSERT_EQUAL(thaw_keras_place(file, NULL, "selftest/input", &lent, err), 0);
    return file;
}

/* Those of b may still be in the file. */
static void compare_tensors(const struct thaw_tensor *a, size_t n_a, const struct thaw_tensor *b,
                            size_t n_b)
{
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL_FATAL(n_a, n_b);
    for (size_t i = 0; i < n_a; i++) {
        CU_ASSERT_STRING_EQUAL(a[i].name, b[i].name);
        CU_ASSERT_EQUAL(a[i].rank, b[i].rank);
        CU_ASSERT_EQUAL(memcmp(a[i].dims, b[i].dims, sizeof a[i].dims), 0);
        CU_ASSERT_EQUAL_FATAL(a[i].count, b[i].count);
        float *numbers = thaw_new(b[i].count, sizeof *numbers, &err);
        CU_ASSERT_EQUAL(thaw_told(thaw_tensor_read(&b[i], numbers, &err), &err), 0);
        CU_ASSERT_EQUAL(memcmp(a[i].data, numbers, a[i].count * sizeof(float)), 0);
        free(numbers);
    }
}

static void compare(const struct thaw_keras_file *a, const struct thaw_keras_file *b)
{
    CU_ASSERT(json_equal(a->config, b->config));
    CU_ASSERT((!a->thaw && !b->thaw) || json_equal(a->thaw, b->thaw));
    CU_ASSERT_EQUAL_FATAL(a->n_groups, b->n_groups);
    for (size_t i = 0; i < a->n_groups; i++) {
        CU_ASSERT_STRING_EQUAL(a->groups[i].name, b->groups[i].name);
        compare_tensors(a->groups[i].tensors, a->groups[i].n_tensors, b->groups[i].tensors,
                        b->groups[i].n_tensors);
    }
    compare_tensors(a->extras, a->n_extras, b->extras, b->n_extras);
}

static void check_equal_bytes(const char *one, const char *two)
{
    struct thaw_error err = {0};
    char a[THAW_HASH_TEXT] = "", b[THAW_HASH_TEXT] = "";
    CU_ASSERT_EQUAL(thaw_told(thaw_hash_file(one, a, &err), &err), 0);
    CU_ASSERT_EQUAL(thaw_told(thaw_hash_file(two, b, &err), &err), 0);
    CU_ASSERT_STRING_EQUAL(a, b);
}

static void test_round_trip(void)
{
    struct thaw_error err = {0};
    const char *one = thaw_tmp("one.h5"), *two = thaw_tmp("two.h5");
    struct thaw_keras_file *file = build(&err);
    CU_ASSERT_EQUAL(thaw_told(thaw_keras_save(one, file, &err), &err), 0);
    struct thaw_keras_file *again = thaw_keras_load(one, &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(again ? 0 : -1, &err), 0);
    CU_ASSERT_EQUAL(again->keras_major, 2);
    CU_ASSERT_STRING_EQUAL(again->keras_version, "2.15.0");
    CU_ASSERT_PTR_NULL(again->extras[0].data); /* not before somebody asks */
    /* What was read, saved over an older file, is the same file. */
    CU_ASSERT_EQUAL(thaw_file_write(two, "old", 3, &err), 0);
    CU_ASSERT_EQUAL(thaw_told(thaw_keras_save(two, again, &err), &err), 0);
    check_equal_bytes(one, two);
    thaw_keras_free(again);
    CU_ASSERT_PTR_NOT_NULL_FATAL(again = thaw_keras_load(two, &err));
    compare(file, again);
    /* A loaded file takes tensors of its own beside those of the file. */
    CU_ASSERT_EQUAL(
        thaw_keras_add_tensor(again, again->groups, "k", (long[]){1}, 1, (float[]){1}, &err), 0);
    thaw_keras_free(again);
    thaw_keras_free(file);
    thaw_keras_free(NULL);
}

/* Numbers that were left in a file that lost its end meanwhile. */
static void test_shortened(void)
{
    struct thaw_error err = {0};
    float numbers[6];
    const char *path = thaw_tmp("shortened.h5");
    struct thaw_keras_file *file = build(&err);
    CU_ASSERT_EQUAL(thaw_told(thaw_keras_save(path, file, &err), &err), 0);
    thaw_keras_free(file);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file = thaw_keras_load(path, &err));
    const struct thaw_tensor *t = thaw_keras_extra(file, "selftest/input");
    CU_ASSERT_EQUAL(thaw_told(thaw_tensor_read(t, numbers, &err), &err), 0);
    CU_ASSERT_EQUAL(truncate(path, (off_t)t->place.at + 4), 0);
    CU_ASSERT_EQUAL(thaw_tensor_read(t, numbers, &err), -1);
    CU_ASSERT(thaw_says(&err, "selftest/input", "shorter", NULL));
    thaw_keras_free(file);
}

/* Lists of more than 64512 bytes are split. */
static void test_long_lists(void)
{
    struct thaw_error err = {0};
    const char *path = thaw_tmp("long.h5");
    struct thaw_keras_file *file = thaw_keras_create(&err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    file->config = json_object();
    char name[1100];
    for (int i = 0; i < 150; i++) {
        snprintf(name, sizeof name, "layer_%0*d", i == 7 ? 1000 : 10, i);
        struct thaw_keras_group *g = thaw_keras_add_group(file, name, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(g);
        for (int j = 0; i == 3 && j < 70; j++) {
            snprintf(name, sizeof name, "w_%01050d:0", j);
            CU_ASSERT_EQUAL(
                thaw_keras_add_tensor(file, g, name, NULL, 0, (float[]){(float)j}, &err), 0);
        }
    }
    CU_ASSERT_EQUAL(thaw_told(thaw_keras_save(path, file, &err), &err), 0);
    struct thaw_keras_file *again = thaw_keras_load(path, &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(again ? 0 : -1, &err), 0);
    compare(file, again);
    thaw_keras_free(again);
    thaw_keras_free(file);
}

static void test_refused_to_save(void)
{
    struct thaw_error err = {0};
    const char *path = thaw_tmp("refused.h5");
    struct thaw_keras_file *file = thaw_keras_create(&err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(thaw_keras_save(path, file, &err), -1);
    CU_ASSERT(thaw_says(&err, "refused.h5", "configuration", NULL));
    file->config = json_object();
    CU_ASSERT_PTR_NOT_NULL(thaw_keras_add_group(file, "fc", &err));
    CU_ASSERT_PTR_NULL(thaw_keras_add_group(file, "fc", &err));
    CU_ASSERT(thaw_says(&err, "two layers", "'fc'", NULL));
    CU_ASSERT_EQUAL(thaw_keras_add_tensor(file, NULL, "a", (long[]){-1}, 1, NULL, &err), -1);
    CU_ASSERT_EQUAL(thaw_keras_add_tensor(file, NULL, "a", NULL, 0, (float[]){1}, &err), 0);
    CU_ASSERT_EQUAL(thaw_keras_add_tensor(file, NULL, "a", NULL, 0, (float[]){1}, &err), -1);
    CU_ASSERT(thaw_says(&err, "two tensors", "'a'", NULL));
    CU_ASSERT_EQUAL(thaw_keras_add_tensor(file, NULL, "a/b", NULL, 0, (float[]){1}, &err), 0);
    CU_ASSERT_EQUAL(thaw_keras_save(path, file, &err), -1);
    CU_ASSERT(thaw_says(&err, "refused.h5", "'a' cannot be a group", NULL));
    CU_ASSERT_PTR_NOT_NULL(thaw_keras_add_group(file, "x//y", &err));
    CU_ASSERT_EQUAL(thaw_keras_save(path, file, &err), -1);
    CU_ASSERT(thaw_says(&err, "'x//y' cannot be a name", NULL));
    CU_ASSERT_PTR_NULL(thaw_keras_load(path, &err));
    thaw_keras_free(file);
}

/* A full disk, played by a limit on file sizes: an error, and the older file stays. */
static void test_full_disk(void)
{
    struct thaw_error err = {0};
    const char *path = thaw_tmp("full.h5");
    struct rlimit before, small;
    struct thaw_keras_file *file = build(&err);
    CU_ASSERT_EQUAL(thaw_file_write(path, "old", 3, &err), 0);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 4096;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &small), 0);
    int rc = thaw_keras_save(path, file, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    CU_ASSERT_EQUAL(rc, -1);
    CU_ASSERT_EQUAL(err.code, THAW_ESYSTEM);
    CU_ASSERT(thaw_says(&err, "full.h5: cannot be written", NULL));
    struct stat st;
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_size, 3);
    CU_ASSERT_EQUAL(thaw_keras_save(thaw_tmp("nowhere/full.h5"), file, &err), -1);
    CU_ASSERT(thaw_says(&err, "nowhere/full.h5: cannot be written", NULL));
    thaw_keras_free(file);
}

void thaw_test_keras_save(void)
{
    CU_pSuite s = thaw_suite("keras save");
    CU_add_test(s, "saved and loaded is equal, to the byte", test_round_trip);
    CU_add_test(s, "a file that shrinks while it is open", test_shortened);
    CU_add_test(s, "lists beyond 64 KiB", test_long_lists);
    CU_add_test(s, "what cannot be saved", test_refused_to_save);
    CU_add_test(s, "a full disk leaves the older file", test_full_disk);
}
