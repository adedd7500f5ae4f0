/* Files of safetensors: every type, and what is refused. */
#include "io/safetensors.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"

/* A file of this header, whose length it claims to be `length` (0: as it is), and so many bytes. */
static const char *write_file(const char *header, uint64_t length, const void *numbers, size_t size)
{
    const char *path = thaw_tmp("model.safetensors");
    FILE *f = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    if (!length)
        length = strlen(header);
    fwrite(&length, sizeof length, 1, f);
    fwrite(header, 1, strlen(header), f);
    for (size_t i = 0; i < size; i++)
        fputc(numbers ? ((const unsigned char *)numbers)[i] : (int)i, f);
    CU_ASSERT_EQUAL_FATAL(fclose(f), 0);
    return path;
}

static void test_types(void)
{
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"a.f32\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[18,26]},"
        "\"f64\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},"
        "\"f16\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[8,10]},"
        "\"none\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[10,10]},"
        "\"count\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[10,18]},"
        "\"bf16\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[26,28]},"
        "\"yes\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[28,29]},"
        "\"small\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[29,30]}}   ";
    struct __attribute__((packed)) {
        double f64;
        uint16_t f16;
        int64_t count;
        float f32[2];
        uint16_t bf16;
        uint8_t yes;
        int8_t small;
    } n = {-2.5, 0x3e00, 7, {1.25f, -3.0f}, 0x4049, 1, -4};
    static const struct {
        const char *name;
        float value;
    } wanted[] = {{"f64", -2.5f},      {"f16", 1.5f}, {"count", 7}, {"a.f32", 1.25f},
                  {"bf16", 3.140625f}, {"yes", 1},    {"small", -4}};
    struct thaw_error err = {0};
    struct thaw_torch_file *file = thaw_safetensors_load(write_file(header, 0, &n, sizeof n), &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(file ? 0 : -1, &err), 0);
    CU_ASSERT_EQUAL(file->n_tensors, 8);
    CU_ASSERT_STRING_EQUAL(file->tensors[0].name, "a.f32");
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const struct thaw_tensor *t = thaw_torch_find(file, wanted[i].name);
        CU_ASSERT_TRUE(t && t->data[0] == wanted[i].value);
    }
    const struct thaw_tensor *pair = thaw_torch_find(file, "a.f32");
    CU_ASSERT_TRUE(pair->rank == 2 && pair->dims[0] == 2 && pair->dims[1] == 1 &&
                   pair->data[1] == -3.0f);
    CU_ASSERT_EQUAL(thaw_torch_find(file, "count")->rank, 0);
    CU_ASSERT_EQUAL(thaw_torch_find(file, "none")->count, 0);
    CU_ASSERT_PTR_NULL(thaw_torch_find(file, "__metadata__"));
    thaw_torch_free(file);
}

#define ENTRY(name, dtype, shape, begin, end)                                                      \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end   \
    "]}"

/* Each with 8 bytes of numbers. */
static const struct {
    const char *header, *says;
    uint64_t length; /* that is claimed; 0: its own */
} hostile[] = {
    {"{" ENTRY("a", "F32", "[2]", "0", "8") "}", "header claims 5000 bytes, the file has", 5000},
    {"{" ENTRY("a", "F32", "[2]", "0", "8") "}", "header is damaged", (uint64_t)1 << 40},
    {"{" ENTRY("a", "F32", "[2]", "0", "8") "}", "header is damaged", UINT64_MAX},
    {"{" ENTRY("a", "F32", "[2]", "0", "8") "}", "not valid JSON", 30},
    {"{" ENTRY("a", "F32", "[2]", "0", "8") "," ENTRY("a", "F32", "[2]", "0", "8") "}", "duplicate",
     0},
    {"{\"a\":[]}", "tensor a: it is not described by an object", 0},
    {"{}", "holds no tensors", 0},
    {"{\"__metadata__\":{}}", "holds no tensors", 0},
    {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", "no dtype", 0},
    {"{" ENTRY("a", "F4", "[2]", "0", "8") "}", "dtype F4; known are F32", 0},
    {"{" ENTRY("a", "F32", "2", "0", "8") "}", "no shape", 0},
    {"{" ENTRY("a", "F32", "[-2]", "0", "8") "}", "no number from 0 on", 0},
    {"{" ENTRY("a", "F32", "[2.0]", "0", "8") "}", "no number from 0 on", 0},
    {"{" ENTRY("a", "F32", "[1,1,1,1,1,1,2]", "0", "8") "}", "rank 7", 0},
    {"{" ENTRY("a", "F32", "[4294967296,4294967296,2]", "0", "8") "}", "more elements than", 0},
    {"{" ENTRY("a", "F64", "[4611686018427387904]", "0", "8") "}", "data_offsets give 8 bytes", 0},
    {"{" ENTRY("a", "F32", "[3]", "0", "8") "}", "need 3 elements of 4 bytes", 0},
    {"{" ENTRY("a", "F32", "[3]", "0", "12") "}", "reaches to byte 12 of 8", 0},
    {"{" ENTRY("a", "F32", "[2]", "8", "0") "}", "not [begin, end]", 0},
    {"{" ENTRY("a", "F32", "[2]", "-8", "0") "}", "not [begin, end]", 0},
    {"{" ENTRY("a", "F32", "[2]", "0", "18446744073709551615") "}", "header: not valid JSON", 0},
    {"{" ENTRY("a", "F32", "[2]", "0", "8") "," ENTRY("b", "F32", "[1]", "4", "8") "}",
     "tensor b: begins at byte 4, inside one that ends at 8", 0},
    {"{" ENTRY("a", "F32", "[1]", "0", "4") "," ENTRY("b", "F16", "[1]", "6", "8") "}",
     "tensor b: begins at byte 6, behind bytes of no tensor, which begin at 4", 0},
    {"{" ENTRY("a", "F32", "[1]", "0", "4") "}", "last 4 bytes belong to no tensor", 0},
};

static void test_hostile(void)
{
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        struct thaw_error err = {0};
        const char *path = write_file(hostile[i].header, hostile[i].length, NULL, 8);
        struct thaw_torch_file *file = thaw_safetensors_load(path, &err);
        CU_ASSERT_PTR_NULL(file);
        CU_ASSERT_EQUAL(err.code, THAW_EINPUT);
        CU_ASSERT_TRUE(file || thaw_says(&err, path, hostile[i].says, NULL));
        thaw_torch_free(file);
    }
}

/* Every prefix is refused. */
static void test_cut(void)
{
    static const char header[] = "{" ENTRY("a", "F32", "[2]", "0", "8") "}";
    char whole[256];
    uint64_t length = strlen(header);
    memcpy(whole, &length, 8);
    memcpy(whole + 8, header, length);
    memset(whole + 8 + length, 1, 8);
    for (size_t n = 0; n < 16 + length; n++) {
        struct thaw_error err = {0};
        const char *path = thaw_tmp("cut.safetensors");
        FILE *f = fopen(path, "wb");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        CU_ASSERT_EQUAL(fwrite(whole, 1, n, f), n);
        fclose(f);
        CU_ASSERT_PTR_NULL(thaw_safetensors_load(path, &err));
    }
}

static void test_no_file(void)
{
    struct thaw_error err = {0};
    CU_ASSERT_PTR_NULL(thaw_safetensors_load(thaw_tmp("absent.safetensors"), &err));
    CU_ASSERT_TRUE(thaw_says(&err, "absent.safetensors: No such file", NULL));
    CU_ASSERT_PTR_NULL(thaw_safetensors_load(thaw_tmp(""), &err));
    CU_ASSERT_TRUE(thaw_says(&err, "not a regular file", NULL));
}

static void test_sniff(void)
{
    static const unsigned char one[] = "\x40\0\0\0\0\0\0\0{", huge[] = "\x40\0\0\0\0\0\1\0{",
                               list[] = "\x40\0\0\0\0\0\0\0[";
    CU_ASSERT_TRUE(thaw_safetensors_sniff(one, 9));
    CU_ASSERT_FALSE(thaw_safetensors_sniff(one, 8));
    CU_ASSERT_FALSE(thaw_safetensors_sniff(huge, 9));
    CU_ASSERT_FALSE(thaw_safetensors_sniff(list, 9));
}

void thaw_test_safetensors(void)
{
    CU_pSuite s = thaw_suite("safetensors");
    CU_add_test(s, "all types, and numbers in another order than names", test_types);
    CU_add_test(s, "hostile files", test_hostile);
    CU_add_test(s, "files that were cut off", test_cut);
    CU_add_test(s, "no file", test_no_file);
    CU_add_test(s, "sniffing", test_sniff);
}
