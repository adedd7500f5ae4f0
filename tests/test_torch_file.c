#include "io/torch_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/file.h"
#include "tests/check.h"

/* NULL, or what differs between the loaded tensor and what the reference holds. */
static const char *differs(const struct thaw_tensor *t, const json_t *wanted)
{
    const json_t *dims = json_object_get(wanted, "dims"),
                 *values = json_object_get(wanted, "values");
    if (!t)
        return "absent";
    if ((size_t)t->rank != json_array_size(dims) || t->count != json_array_size(values))
        return "rank or size";
    for (size_t i = 0; i < json_array_size(dims); i++)
        if (t->dims[i] != json_integer_value(json_array_get(dims, i)))
            return "dims";
    for (size_t i = 0; i < t->count; i++) {
        float value = (float)json_number_value(json_array_get(values, i));
        if (memcmp(&value, &t->data[i], sizeof value) != 0) /* bits: the sign of zero counts */
            return "values";
    }
    return NULL;
}

/* True when the file holds these tensors and no other, in this order. */
static bool holds(const char *name, const char *path, const json_t *wanted)
{
    struct thaw_error err = {0};
    const char *key;
    json_t *tensor;
    size_t i = 0;
    bool ok = true;
    struct thaw_torch_file *file = thaw_torch_load(path, &err);
    if (!file) {
        printf("\n  %s: %s\n", name, err.text);
        return false;
    }
    json_object_foreach((json_t *)(uintptr_t)wanted, key, tensor)
    {
        const struct thaw_tensor *t = thaw_torch_find(file, key);
        const char *what = differs(t, tensor);
        if (!what && t != &file->tensors[i])
            what = "order";
        if (what)
            printf("\n  %s: %s: %s\n", name, key, what);
        ok = ok && !what;
        i++;
    }
    if (file->n_tensors != i)
        printf("\n  %s: %zu tensors instead of %zu\n", name, file->n_tensors, i);
    ok = ok && file->n_tensors == i;
    thaw_torch_free(file);
    return ok;
}

static void test_real_files(void)
{
    struct thaw_error err = {0};
    const char *name;
    json_t *wanted, *all = thaw_json_load(thaw_ref("torch_values.json"), &err);
    CU_ASSERT_FATAL(thaw_told(all ? 0 : -1, &err) == 0);
    CU_ASSERT(json_object_size(all) >= 9);
    json_object_foreach(all, name, wanted) CU_ASSERT(holds(name, thaw_ref(name), wanted));
    json_decref(all);
}

static void put_hex(FILE *f, const char *hex)
{
    unsigned byte;
    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
        fputc((int)byte, f);
}

/* Writes the parts of a case, each as often as it says. */
static int write_case(const char *path, const json_t *parts)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return -1;
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i);
        json_int_t times = json_integer_value(json_array_get(part, 1));
        while (times-- > 0)
            put_hex(f, json_string_value(json_array_get(part, 0)));
    }
    return fclose(f);
}

static bool refused(const char *name, const char *path, const json_t *says)
{
    struct thaw_error err = {0};
    bool ok = true;
    struct thaw_torch_file *file = thaw_torch_load(path, &err);
    if (file) {
        printf("\n  %s: not refused\n", name);
        thaw_torch_free(file);
        return false;
    }
    for (size_t i = 0; i < json_array_size(says); i++)
        ok = thaw_says(&err, path, json_string_value(json_array_get(says, i)), NULL) && ok;
    return ok && err.code == THAW_EINPUT;
}

/* Old versions' files are read; code, damage and bombs are refused with the reason. */
static void test_handmade_files(void)
{
    struct thaw_error err = {0};
    size_t i;
    json_t *one, *all = thaw_json_load(thaw_ref("torch_handmade.json"), &err);
    CU_ASSERT_FATAL(thaw_told(all ? 0 : -1, &err) == 0);
    CU_ASSERT(json_array_size(all) >= 100);
    const char *path = thaw_tmp("handmade.pth");
    json_array_foreach(all, i, one)
    {
        const char *name = json_string_value(json_object_get(one, "name"));
        const json_t *tensors = json_object_get(one, "tensors");
        CU_ASSERT_EQUAL_FATAL(write_case(path, json_object_get(one, "parts")), 0);
        bool ok = tensors ? holds(name, path, tensors)
                          : refused(name, path, json_object_get(one, "says"));
        if (!ok)
            printf("\n  in case \"%s\"\n", name);
        CU_ASSERT(ok);
    }
    json_decref(all);
}

static void test_sniff(void)
{
    static const unsigned char zip[] = {'P', 'K', 3, 4}, hdf5[] = "\x89HDF\r\n\x1a\n";
    unsigned char *data = NULL;
    size_t size = 0;
    struct thaw_error err = {0};
    CU_ASSERT(thaw_torch_sniff(zip, sizeof zip));
    CU_ASSERT_FALSE(thaw_torch_sniff(zip, 3));
    CU_ASSERT_FALSE(thaw_torch_sniff(hdf5, sizeof hdf5));
    CU_ASSERT_FALSE(thaw_torch_sniff(zip, 0));
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(thaw_file_read(thaw_ref("torch_legacy.pth"), 1 << 20, &data, &size, &err), &err),
        0);
    CU_ASSERT(thaw_torch_sniff(data, size));
    CU_ASSERT(thaw_torch_sniff(data, 16));
    CU_ASSERT_FALSE(thaw_torch_sniff(data, 8));
    free(data);
}

static void test_no_file(void)
{
    struct thaw_error err = {0};
    CU_ASSERT_PTR_NULL(thaw_torch_load(thaw_tmp("absent.pth"), &err));
    CU_ASSERT(thaw_says(&err, "absent.pth: No such file", NULL));
    CU_ASSERT_PTR_NULL(thaw_torch_load(thaw_tmp(""), &err));
    CU_ASSERT(thaw_says(&err, "not a regular file", NULL));
    thaw_torch_free(NULL);
}

/* Every prefix of a file is refused, or (when only a tail that nobody needs is gone) read. */
static void test_cut_files(void)
{
    static const char *const names[] = {"torch_legacy.pth", "torch_zip.pth"};
    for (int i = 0; i < 2; i++) {
        struct thaw_error err = {0};
        unsigned char *data = NULL;
        size_t size = 0, read = 0;
        const char *path = thaw_tmp("cut.pth");
        CU_ASSERT_EQUAL_FATAL(thaw_file_read(thaw_ref(names[i]), 1 << 20, &data, &size, &err), 0);
        for (size_t n = 0; n < size; n += 7) {
            FILE *f = fopen(path, "wb");
            CU_ASSERT_PTR_NOT_NULL_FATAL(f);
            CU_ASSERT_EQUAL(fwrite(data, 1, n, f), n);
            fclose(f);
            struct thaw_torch_file *file = thaw_torch_load(path, &err);
            read += file != NULL;
            thaw_torch_free(file);
        }
        CU_ASSERT_EQUAL(read, 0);
        free(data);
    }
}

/* The whole of the default backbone; the hash is of what PyTorch reads (refs/make_torch.py). */
static void test_lite0(void)
{
    static const char wanted[] = "8ad7046e9ab486ef9a59603ae87e7e50518f4c4113993162883f4872f8955038";
    struct thaw_error err = {0};
    char *text = NULL, hash[THAW_HASH_TEXT];
    size_t size = 0;
    const char *path = getenv("THAW_LITE0_PTH");
    if (!path) {
        thaw_skip("the published EfficientNet-Lite0: THAW_LITE0_PTH does not name its .pth");
        return;
    }
    struct thaw_torch_file *file = thaw_torch_load(path, &err);
    CU_ASSERT_FATAL(thaw_told(file ? 0 : -1, &err) == 0);
    CU_ASSERT_EQUAL(file->n_tensors, 296);
    FILE *out = open_memstream(&text, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    for (size_t i = 0; i < file->n_tensors; i++) {
        const struct thaw_tensor *t = &file->tensors[i];
        fprintf(out, "%s", t->name);
        for (int d = 0; d < t->rank; d++)
            fprintf(out, " %ld", t->dims[d]);
        fprintf(out, "\n");
        fwrite(t->data, sizeof *t->data, t->count, out);
    }
    fclose(out);
    thaw_hash_bytes(text, size, hash);
    CU_ASSERT_STRING_EQUAL(hash, wanted);
    free(text);
    thaw_torch_free(file);
}

void thaw_test_torch_file(void)
{
    CU_pSuite s = thaw_suite("torch_file");
    CU_add_test(s, "files that PyTorch wrote give its values, bit for bit", test_real_files);
    CU_add_test(s, "the published EfficientNet-Lite0", test_lite0);
    CU_add_test(s, "old and hostile files", test_handmade_files);
    CU_add_test(s, "sniffing", test_sniff);
    CU_add_test(s, "no file", test_no_file);
    CU_add_test(s, "files that were cut off", test_cut_files);
}
