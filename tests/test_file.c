#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/file.h"
#include "io/base/json.h"
#include "tests/check.h"

static void test_write_and_read(void)
{
    struct thaw_error err = {0};
    const char *path = thaw_tmp("written");
    unsigned char *data = NULL;
    size_t size = 0;
    CU_ASSERT_EQUAL(thaw_file_write(path, "abc", 3, &err), 0);
    CU_ASSERT_EQUAL(thaw_file_write(path, "defg", 4, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_file_read(path, 4, &data, &size, &err), &err), 0);
    CU_ASSERT_EQUAL(size, 4);
    CU_ASSERT_STRING_EQUAL((char *)data, "defg");
    free(data);
    CU_ASSERT_EQUAL(thaw_file_read(path, 3, &data, &size, &err), -1);
    CU_ASSERT(thaw_says(&err, path, "4 bytes", "3", NULL));
    CU_ASSERT_PTR_NULL(data);
    CU_ASSERT_EQUAL(thaw_file_read(thaw_tmp("absent"), 9, &data, &size, &err), -1);
    CU_ASSERT(thaw_says(&err, "absent: No such file", NULL));
    CU_ASSERT_EQUAL(thaw_file_read(thaw_tmp(""), 9, &data, &size, &err), -1);
    CU_ASSERT(thaw_says(&err, "not a regular file", NULL));
}

/* A reader never sees half a file, and an aborted write leaves the older one. */
static void test_replace(void)
{
    struct thaw_error err = {0};
    struct thaw_replace r = {0};
    struct thaw_dir_entry *entries = NULL;
    size_t n = 0;
    CU_ASSERT_EQUAL(thaw_dir_make(thaw_tmp("replace/deep"), &err), 0);
    CU_ASSERT_EQUAL(thaw_dir_make(thaw_tmp("replace/deep"), &err), 0);
    const char *path = thaw_tmp("replace/deep/model");
    CU_ASSERT_EQUAL(thaw_file_write(path, "old", 3, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_replace_begin(&r, path, &err), &err), 0);
    FILE *f = fopen(r.temporary, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs("half", f);
    fclose(f);
    thaw_replace_abort(&r);
    thaw_replace_abort(&r);
    f = thaw_replace_open(&r, path, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs("half", f);
    CU_ASSERT_EQUAL(thaw_replace_close(&r, f, -1, &err), -1);
    CU_ASSERT_EQUAL(thaw_dir_list(thaw_tmp("replace/deep"), &entries, &n, &err), 0);
    CU_ASSERT_EQUAL_FATAL(n, 1);
    CU_ASSERT_STRING_EQUAL(entries[0].name, "model");
    CU_ASSERT_EQUAL(entries[0].size, 3);
    thaw_dir_free(entries, n);
    CU_ASSERT_EQUAL(thaw_replace_begin(&r, thaw_tmp("replace/deep"), &err), -1);
    CU_ASSERT(thaw_says(&err, "not a regular file", NULL));
    CU_ASSERT_EQUAL(thaw_replace_begin(&r, thaw_tmp("nowhere/model"), &err), -1);
    CU_ASSERT(thaw_says(&err, "nowhere/model: cannot be written", NULL));
}

static void test_list(void)
{
    struct thaw_error err = {0};
    struct thaw_dir_entry *entries = NULL;
    size_t n = 0;
    CU_ASSERT_EQUAL(thaw_dir_make(thaw_tmp("list/b"), &err), 0);
    CU_ASSERT_EQUAL(thaw_file_write(thaw_tmp("list/c"), "", 0, &err), 0);
    CU_ASSERT_EQUAL(thaw_file_write(thaw_tmp("list/a"), "12", 2, &err), 0);
    CU_ASSERT_EQUAL(symlink("nowhere", thaw_tmp("list/d")), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_dir_list(thaw_tmp("list"), &entries, &n, &err), 0);
    CU_ASSERT_EQUAL_FATAL(n, 4);
    static const struct thaw_dir_entry want[] = {{(char *)"a", false, 2},
                                                 {(char *)"b", true, -1},
                                                 {(char *)"c", false, 0},
                                                 {(char *)"d", false, -1}};
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT_STRING_EQUAL(entries[i].name, want[i].name);
        CU_ASSERT_EQUAL(entries[i].is_dir, want[i].is_dir);
        CU_ASSERT_EQUAL(entries[i].size, want[i].size);
    }
    thaw_dir_free(entries, n);
    CU_ASSERT_EQUAL(thaw_dir_list(thaw_tmp("list/a"), &entries, &n, &err), -1);
    CU_ASSERT(thaw_says(&err, "list/a: Not a directory", NULL));
}

static void test_hash(void)
{
    /* "abc" is the example of FIPS 180-2. */
    static const char *want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    char text[THAW_HASH_TEXT];
    struct thaw_error err = {0};
    thaw_hash_bytes("abc", 3, text);
    CU_ASSERT_STRING_EQUAL(text, want);
    CU_ASSERT_EQUAL(thaw_file_write(thaw_tmp("abc"), "abc", 3, &err), 0);
    memset(text, 0, sizeof text);
    CU_ASSERT_EQUAL(thaw_hash_file(thaw_tmp("abc"), text, &err), 0);
    CU_ASSERT_STRING_EQUAL(text, want);
    CU_ASSERT_EQUAL(thaw_hash_file(thaw_tmp("no-abc"), text, &err), -1);
}

static void test_json(void)
{
    struct thaw_error err = {0};
    json_t *value =
        json_pack("{s:f, s:s, s:[i, b]}", "rate", 0.5, "name", "\xc3\xa9", "list", 3, 1);
    char *text = thaw_json_text(value, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_STRING_EQUAL(text, "{\"rate\":0.5,\"name\":\"\\u00E9\",\"list\":[3,true]}");
    free(text);
    CU_ASSERT_EQUAL(thaw_json_save(thaw_tmp("value.json"), value, &err), 0);
    json_t *again = thaw_json_load(thaw_tmp("value.json"), &err);
    CU_ASSERT(json_equal(value, again));
    json_decref(value);
    json_decref(again);
    CU_ASSERT_PTR_NULL(thaw_json_parse("{\"a\":1,\n\"a\":2}", 15, "config", &err));
    CU_ASSERT(thaw_says(&err, "config: not valid JSON at line 2", NULL));
}

void thaw_test_file(void)
{
    CU_pSuite s = thaw_suite("file");
    CU_add_test(s, "files are written whole and read within the limit", test_write_and_read);
    CU_add_test(s, "an aborted replacement leaves the older file alone", test_replace);
    CU_add_test(s, "a folder is listed in order, with kinds and sizes", test_list);
    CU_add_test(s, "hashes match the standard's example", test_hash);
    CU_add_test(s, "JSON is written, read back, and located when wrong", test_json);
}
