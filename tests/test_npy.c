#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/file.h"
#include "io/npy.h"
#include "tests/check.h"

static void check_shape(const long *dims, int rank, size_t count)
{
    struct thaw_error err = {0};
    const char *path = thaw_tmp("a.npy");
    float numbers[24], *read = NULL;
    long got[THAW_NPY_RANK];
    int got_rank = -1;
    for (int i = 0; i < 24; i++)
        numbers[i] = (float)i / 7;
    CU_ASSERT_EQUAL(thaw_told(thaw_npy_save(path, numbers, dims, rank, &err), &err), 0);
    CU_ASSERT_EQUAL(thaw_told(thaw_npy_load(path, &read, got, &got_rank, &err), &err), 0);
    CU_ASSERT_EQUAL_FATAL(got_rank, rank);
    CU_ASSERT_PTR_NOT_NULL_FATAL(read);
    for (int i = 0; i < rank; i++)
        CU_ASSERT_EQUAL(got[i], dims[i]);
    CU_ASSERT_EQUAL(memcmp(read, numbers, count * sizeof *read), 0);
    free(read);
}

static void test_round_trip(void)
{
    check_shape(NULL, 0, 1);
    check_shape((long[]){5}, 1, 5);
    check_shape((long[]){2, 3, 4}, 3, 24);
    check_shape((long[]){1, 1, 2, 1, 1, 3, 1, 4}, 8, 24);
    check_shape((long[]){3, 0}, 2, 0);
}

/* The bytes numpy.save writes for numpy.arange(3, dtype="float32"). */
static void test_bytes(void)
{
    struct thaw_error err = {0};
    const char *path = thaw_tmp("b.npy");
    unsigned char *data;
    size_t size;
    const char head[] = "\223NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
    CU_ASSERT_EQUAL(thaw_npy_save(path, (float[]){0, 1, 2}, (long[]){3}, 1, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_file_read(path, 4096, &data, &size, &err), 0);
    CU_ASSERT_EQUAL_FATAL(size, 128 + 12);
    CU_ASSERT_EQUAL(memcmp(data, head, sizeof head - 1), 0);
    CU_ASSERT_EQUAL(data[126], ' ');
    CU_ASSERT_EQUAL(data[127], '\n');
    free(data);
}

/* A file of this version, header and number of bytes behind it. */
static void expect(int version, const char *header, size_t bytes, const char *why)
{
    struct thaw_error err = {0};
    const char *path = thaw_tmp("c.npy");
    char file[1024] = "\223NUMPY";
    size_t n = strlen(header), at = version > 1 ? 12 : 10;
    float *data = NULL;
    long dims[THAW_NPY_RANK];
    int rank;
    file[6] = (char)version;
    file[8] = (char)n;
    memcpy(file + at, header, n);
    CU_ASSERT_EQUAL_FATAL(thaw_file_write(path, file, at + n + bytes, &err), 0);
    int rc = thaw_npy_load(path, &data, dims, &rank, &err);
    CU_ASSERT_EQUAL(rc, why ? -1 : 0);
    if (why) {
        CU_ASSERT_PTR_NULL(data);
        CU_ASSERT(thaw_says(&err, "c.npy: ", why, NULL));
    } else {
        CU_ASSERT_EQUAL(thaw_told(rc, &err), 0);
    }
    free(data);
}

static void test_refusals(void)
{
    struct thaw_error err = {0};
    float *data;
    long dims[THAW_NPY_RANK];
    int rank;
    expect(2, "{'shape': (2, 1), 'fortran_order': False, 'descr': '<f4'}\n", 8, NULL);
    expect(3, "{\"descr\":\"<f4\",\"fortran_order\":False,\"shape\":()}", 4, NULL);
    expect(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", 8, "'<f8'");
    expect(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", 4, "Fortran");
    expect(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8, "8 bytes");
    expect(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 8, "8 bytes");
    expect(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4, "shape (-1,)");
    expect(1, "{'descr': '<f4', 'fortran_order': False, 'shape': 4, }", 4, "shape");
    expect(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4", 4, "shape");
    expect(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9), }", 4,
           "not what its shape says");
    expect(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 4,
           "at most 8");
    expect(1, "{}", 0, "damaged");
    expect(4, "{}", 0, "version 4");
    CU_ASSERT_EQUAL(thaw_file_write(thaw_tmp("d.npy"), "\223NUMPY\1\0\300\0{", 11, &err), 0);
    CU_ASSERT_EQUAL(thaw_npy_load(thaw_tmp("d.npy"), &data, dims, &rank, &err), -1);
    CU_ASSERT(thaw_says(&err, "d.npy: cut short", NULL));
    CU_ASSERT_EQUAL(thaw_npy_load(thaw_ref("h5/make.py"), &data, dims, &rank, &err), -1);
    CU_ASSERT(thaw_says(&err, "not an .npy file", NULL));
    CU_ASSERT_EQUAL(thaw_npy_load(thaw_tmp(""), &data, dims, &rank, &err), -1);
    CU_ASSERT(thaw_says(&err, "not a regular file", NULL));
    CU_ASSERT_EQUAL(thaw_npy_save(thaw_tmp("e.npy"), NULL, NULL, 9, &err), -1);
}

void thaw_test_npy(void)
{
    CU_pSuite s = thaw_suite("npy");
    CU_add_test(s, "saved and loaded is equal", test_round_trip);
    CU_add_test(s, "the bytes are NumPy's", test_bytes);
    CU_add_test(s, "what is refused, and why", test_refusals);
}
