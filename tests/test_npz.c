#include <stdlib.h>

#include "tests/check.h"
#include "tests/npz.h"

static void test_sample(void)
{
    const char *path = thaw_shared("keras-samples/kinds_3.15.1_io.npz");
    float *data = NULL;
    long dims[THAW_NPY_RANK];
    int rank = 0;
    if (!path) {
        thaw_skip("npz: an archive NumPy wrote: shared/keras-samples absent");
        return;
    }
    CU_ASSERT_EQUAL_FATAL(thaw_npz_load(path, "x", &data, dims, &rank), 0);
    CU_ASSERT_EQUAL(rank, 4);
    CU_ASSERT_EQUAL(thaw_npz_count(dims, rank) * sizeof(float), 6272 - 128);
    free(data);
}

static void test_absent(void)
{
    float *data = NULL;
    long dims[THAW_NPY_RANK];
    int rank = 0;
    CU_ASSERT_EQUAL(thaw_npz_load(thaw_tmp("none.npz"), "x", &data, dims, &rank), -1);
    CU_ASSERT_EQUAL(thaw_npz_load_plain(thaw_tmp("none.npy"), &data, dims, &rank), -1);
    CU_ASSERT_PTR_NULL(data);
}

void thaw_test_npz(void)
{
    CU_pSuite s = thaw_suite("npz");
    CU_add_test(s, "an archive NumPy wrote", test_sample);
    CU_add_test(s, "an absent file is no array", test_absent);
}
