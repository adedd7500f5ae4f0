/* Kept features: what is found again, what is not, and what a broken or foreign file gives. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#include "nn/features_folder.h"
#include "nn/features.h"
#include "tests/check.h"

enum { ROWS = 9, FLOATS = 21 };

static char names[ROWS][THAW_HASH_TEXT];

static void value(size_t row, float *values)
{
    for (size_t k = 0; k < FLOATS; k++)
        values[k] = (float)(row * 100 + k) / 7;
}

static void make_names(void)
{
    for (size_t i = 0; i < ROWS; i++)
        thaw_hash_bytes(&i, sizeof i, names[i]);
}

static struct thaw_features_options options(const char *path)
{
    make_names();
    return (struct thaw_features_options){.rows = ROWS,
                                          .floats = FLOATS,
                                          .path = path,
                                          .key = "a key",
                                          .names = (const char(*)[THAW_HASH_TEXT])names};
}

static struct thaw_features *create(const struct thaw_features_options *o)
{
    struct thaw_error err = {0};
    struct thaw_features *f = thaw_features_create(o, &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(f ? 0 : -1, &err), 0);
    return f;
}

/* Puts what is missing; returns how much that was. */
static size_t fill(struct thaw_features *f)
{
    struct thaw_error err = {0};
    float values[FLOATS];
    size_t missing = thaw_features_missing(f), put = 0;
    for (size_t i = ROWS; i-- > 0;) {
        if (thaw_features_has(f, i))
            continue;
        value(i, values);
        CU_ASSERT_EQUAL(thaw_told(thaw_features_put(f, i, values, &err), &err), 0);
        put++;
    }
    CU_ASSERT_EQUAL(put, missing);
    CU_ASSERT_EQUAL(thaw_features_missing(f), 0);
    CU_ASSERT_EQUAL(thaw_told(thaw_features_finish(f, &err), &err), 0);
    return put;
}

static void check_rows(const struct thaw_features *f, bool bf16)
{
    float want[FLOATS], got[FLOATS];
    struct thaw_error err = {0};
    for (size_t i = 0; i < ROWS; i++) {
        value(i, want);
        if (bf16)
            thaw_bf16_round(want, FLOATS);
        CU_ASSERT_EQUAL(thaw_told(thaw_features_get(f, i, got, &err), &err), 0);
        CU_ASSERT_EQUAL(memcmp(want, got, sizeof want), 0);
    }
}

/* A finished file at the path. */
static void make_file(const char *path)
{
    struct thaw_features_options o = options(path);
    remove(path);
    struct thaw_features *f = create(&o);
    CU_ASSERT_EQUAL(fill(f), ROWS);
    thaw_features_free(f);
}

/* How many rows a store with these options lacks at first. */
static size_t missing(const struct thaw_features_options *o)
{
    struct thaw_features *f = create(o);
    size_t n = thaw_features_missing(f);
    thaw_features_free(f);
    return n;
}

static void test_memory(void)
{
    for (int bf16 = 0; bf16 < 2; bf16++) {
        struct thaw_features_options o = options(NULL);
        o.bf16 = bf16;
        CU_ASSERT_EQUAL(thaw_features_bytes(&o), (size_t)(ROWS * FLOATS * (bf16 ? 2 : 4)));
        struct thaw_features *f = create(&o);
        CU_ASSERT_EQUAL(thaw_features_missing(f), ROWS);
        CU_ASSERT_FALSE(thaw_features_has(f, 3));
        CU_ASSERT_EQUAL(fill(f), ROWS);
        CU_ASSERT_TRUE(thaw_features_has(f, 3));
        check_rows(f, bf16);
        thaw_features_free(f);
    }
    struct thaw_features_options huge = {.rows = (size_t)1 << 40, .floats = (size_t)1 << 40};
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL(thaw_features_bytes(&huge), SIZE_MAX);
    CU_ASSERT_PTR_NULL(thaw_features_create(&huge, &err));
}

static void test_file(void)
{
    const char *path = thaw_tmp("x.features");
    for (int bf16 = 0; bf16 < 2; bf16++) {
        struct stat st;
        struct thaw_features_options o = options(path);
        o.bf16 = bf16;
        struct thaw_features *f = create(&o);
        CU_ASSERT_EQUAL(fill(f), ROWS);
        check_rows(f, bf16); /* still open, now under its name */
        thaw_features_free(f);
        CU_ASSERT_EQUAL(stat(path, &st), 0);
        CU_ASSERT_EQUAL((size_t)st.st_size, thaw_features_bytes(&o));
        f = create(&o);
        CU_ASSERT_EQUAL(thaw_features_missing(f), 0);
        check_rows(f, bf16);
        thaw_features_free(f);
    }
}

/* Every part of the key, alone. */
static void test_misses(void)
{
    const char *path = thaw_tmp("key.features");
    make_file(path);
    struct thaw_features_options o = options(path);
    CU_ASSERT_EQUAL(missing(&o), 0);
    o.key = "another key";
    CU_ASSERT_EQUAL(missing(&o), ROWS);
    o = options(path);
    o.floats = FLOATS + 1;
    CU_ASSERT_EQUAL(missing(&o), ROWS);
    o = options(path);
    o.bf16 = true;
    CU_ASSERT_EQUAL(missing(&o), ROWS);
    o = options(path); /* looking has harmed nothing */
    CU_ASSERT_EQUAL(missing(&o), 0);
}

/* One picture has changed, two have changed places, one is gone. */
static void test_rows(void)
{
    const char *path = thaw_tmp("rows.features");
    char other[THAW_HASH_TEXT];
    float want[FLOATS], got[FLOATS];
    struct thaw_error err = {0};
    make_file(path);
    struct thaw_features_options o = options(path);
    thaw_hash_bytes("new", 3, names[4]);
    memcpy(other, names[1], sizeof other);
    memcpy(names[1], names[2], sizeof other);
    memcpy(names[2], other, sizeof other);
    o.rows = ROWS - 1;
    struct thaw_features *f = create(&o);
    CU_ASSERT_EQUAL(thaw_features_missing(f), 1);
    CU_ASSERT_FALSE(thaw_features_has(f, 4));
    value(77, want);
    CU_ASSERT_EQUAL(thaw_features_put(f, 4, want, &err), 0);
    CU_ASSERT_EQUAL(thaw_told(thaw_features_finish(f, &err), &err), 0);
    thaw_features_free(f);
    /* The new file has them all. */
    f = create(&o);
    CU_ASSERT_EQUAL(thaw_features_missing(f), 0);
    static const size_t from[ROWS - 1] = {0, 2, 1, 3, 77, 5, 6, 7};
    for (size_t i = 0; i < ROWS - 1; i++) {
        value(from[i], want);
        CU_ASSERT_EQUAL(thaw_features_get(f, i, got, &err), 0);
        CU_ASSERT_EQUAL(memcmp(want, got, sizeof want), 0);
    }
    thaw_features_free(f);
    /* Fewer, and in another order: found in the file as it is. */
    memcpy(names[0], names[7], sizeof other);
    o.rows = 3;
    f = create(&o);
    CU_ASSERT_EQUAL(thaw_features_missing(f), 0);
    value(7, want);
    CU_ASSERT_EQUAL(thaw_features_get(f, 0, got, &err), 0);
    CU_ASSERT_EQUAL(memcmp(want, got, sizeof want), 0);
    thaw_features_free(f);
}

static void test_truncated(void)
{
    const char *path = thaw_tmp("cut.features");
    struct thaw_features_options o = options(path);
    struct stat st;
    make_file(path);
    CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
    for (off_t size = st.st_size - 1; size > 0; size = size / 2 - 1) {
        make_file(path);
        CU_ASSERT_EQUAL_FATAL(truncate(path, size), 0);
        CU_ASSERT_EQUAL(missing(&o), ROWS);
    }
    /* A byte of the header or of the names. */
    for (long at = 0; at < 160 + 64; at++) {
        make_file(path);
        FILE *file = fopen(path, "r+");
        CU_ASSERT_PTR_NOT_NULL_FATAL(file);
        fseek(file, at, SEEK_SET);
        int c = fgetc(file);
        fseek(file, at, SEEK_SET);
        fputc(c ^ 1, file);
        fclose(file);
        CU_ASSERT_EQUAL(missing(&o), ROWS);
    }
    /* It shrinks under whoever reads it. */
    float got[FLOATS];
    struct thaw_error err = {0};
    make_file(path);
    struct thaw_features *f = create(&o);
    CU_ASSERT_EQUAL_FATAL(truncate(path, 300), 0);
    CU_ASSERT_EQUAL(thaw_features_get(f, ROWS - 1, got, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, path, "reading features", NULL));
    thaw_features_free(f);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* What was not finished leaves nothing, and takes nothing away. */
static void test_unfinished(void)
{
    const char *path = thaw_tmp("half.features");
    struct thaw_features_options o = options(path);
    struct thaw_error err = {0};
    float values[FLOATS] = {0};
    struct thaw_features *f = create(&o);
    CU_ASSERT_EQUAL(thaw_features_put(f, 0, values, &err), 0);
    thaw_features_free(f);
    CU_ASSERT_FALSE(exists(path));
    make_file(path);
    o.key = "another";
    f = create(&o);
    CU_ASSERT_EQUAL(thaw_features_put(f, 0, values, &err), 0);
    thaw_features_free(f);
    o = options(path);
    CU_ASSERT_EQUAL(missing(&o), 0);
    o.path = thaw_tmp("no/folder/x.features");
    CU_ASSERT_PTR_NULL(thaw_features_create(&o, &err));
    CU_ASSERT_TRUE(thaw_says(&err, "no/folder/x.features", NULL));
}

/* A second program writes the same path; what each reads stays its own. */
static void test_two_writers(void)
{
    const char *path = thaw_tmp("two.features");
    struct thaw_features_options o = options(path);
    remove(path);
    struct thaw_features *f = create(&o);
    pid_t other = fork();
    if (other == 0) {
        make_file(path);
        _exit(0);
    }
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(other, &status, 0), other);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT_EQUAL(missing(&o), 0);
    CU_ASSERT_EQUAL(thaw_features_missing(f), ROWS);
    CU_ASSERT_EQUAL(fill(f), ROWS);
    check_rows(f, false);
    thaw_features_free(f);
    CU_ASSERT_EQUAL(missing(&o), 0);
}

static void make_sized(const char *path, size_t size, time_t time)
{
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fclose(file);
    CU_ASSERT_EQUAL(truncate(path, (off_t)size), 0);
    CU_ASSERT_EQUAL(utime(path, &(struct utimbuf){time, time}), 0);
}

static void test_folder(void)
{
    struct thaw_error err = {0};
    const char *folder = thaw_tmp("kept"), *a = thaw_tmp("kept/a.features"),
               *b = thaw_tmp("kept/b.features"), *c = thaw_tmp("kept/c.features"),
               *mine = thaw_tmp("kept/mine.txt");
    CU_ASSERT_EQUAL(thaw_features_folder_open(folder, &err), 0);
    make_sized(a, 100, 1000);
    make_sized(b, 100, 900);
    make_sized(mine, 500, 10);
    CU_ASSERT_TRUE(thaw_features_folder_room(folder, c, 100, 300, 0));
    CU_ASSERT_FALSE(thaw_features_folder_room(folder, c, 101, 300, 0));
    CU_ASSERT_TRUE(thaw_features_folder_room(folder, a, 200, 300, 0)); /* in place of the old a */
    CU_ASSERT_FALSE(thaw_features_folder_room(folder, c, 101, 300, 900));
    CU_ASSERT_TRUE(exists(a) && exists(b));
    CU_ASSERT_FALSE(thaw_features_folder_room(folder, c, 301, 300, 2000));
    CU_ASSERT_TRUE(exists(a) && exists(b));
    CU_ASSERT_TRUE(thaw_features_folder_room(folder, c, 101, 300, 2000));
    CU_ASSERT_TRUE(exists(a) && !exists(b));
    /* Left by a run that was killed; by one that lives; by nobody we know. */
    char dead[600], live[600];
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    waitpid(gone, NULL, 0);
    snprintf(dead, sizeof dead, "%s.part-%ld", a, (long)gone);
    snprintf(live, sizeof live, "%s.part-%ld", a, (long)getpid());
    make_sized(dead, 1, 1000);
    make_sized(live, 1, 1000);
    CU_ASSERT_EQUAL(thaw_features_folder_open(folder, &err), 0);
    CU_ASSERT_FALSE(exists(dead));
    CU_ASSERT_TRUE(exists(live) && exists(a) && exists(mine));
    remove(live);
    thaw_features_folder_empty(folder);
    CU_ASSERT_TRUE(!exists(a) && exists(mine));
    remove(mine);
    thaw_features_folder_empty(folder);
    CU_ASSERT_FALSE(exists(folder));
}

/* 1 + 2^-7 is the next bf16 after 1. */
static void test_rounding(void)
{
    static const float step = 1.0F / 128, tiny = 1e-40F;
    static const struct {
        float from, to;
    } cases[] = {{1, 1},
                 {1 + step, 1 + step},
                 {1 + 0.49F * step, 1},
                 {1 + 0.51F * step, 1 + step},
                 {1 + 0.5F * step, 1},            /* a tie: down to the even one */
                 {1 + 1.5F * step, 1 + 2 * step}, /* a tie: up to the even one */
                 {-1 - 0.51F * step, -1 - step},
                 {0, 0},
                 {INFINITY, INFINITY},
                 {3.4e38F, INFINITY}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float x = cases[i].from;
        thaw_bf16_round(&x, 1);
        CU_ASSERT_EQUAL(x, cases[i].to);
    }
    float odd[3] = {NAN, -0.0F, tiny};
    uint32_t quiet = 0x7f800001; /* a NaN whose upper half alone would be infinity */
    memcpy(&odd[0], &quiet, sizeof quiet);
    thaw_bf16_round(odd, 3);
    CU_ASSERT_TRUE(isnan(odd[0]));
    CU_ASSERT_TRUE(odd[1] == 0 && signbit(odd[1]));
    CU_ASSERT_TRUE(fabsf(odd[2] - tiny) < 1e-42F * 100);
}

void thaw_test_features(void)
{
    CU_pSuite s = thaw_suite("features");
    CU_add_test(s, "bf16: nearest, ties to even", test_rounding);
    CU_add_test(s, "in memory", test_memory);
    CU_add_test(s, "in a file, and found again", test_file);
    CU_add_test(s, "another key, size or type misses", test_misses);
    CU_add_test(s, "of rows only those that changed miss", test_rows);
    CU_add_test(s, "a damaged file counts as none", test_truncated);
    CU_add_test(s, "an unfinished file never appears", test_unfinished);
    CU_add_test(s, "two programs write the same file", test_two_writers);
    CU_add_test(s, "a folder under a limit", test_folder);
}
