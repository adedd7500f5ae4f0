#include <string.h>

#include "io/base/par.h"
#include "tests/check.h"

enum { N = 1003 };

static void mark(void *ctx, size_t first, size_t last)
{
    int *counts = ctx;
    for (size_t i = first; i < last; i++)
        counts[i]++;
}

static void test_range(void)
{
    int before = thaw_par_threads();
    for (int threads = 1; threads <= 5; threads++) {
        int counts[N] = {0};
        thaw_par_set_threads(threads);
        thaw_par_range(N, mark, counts);
        for (int i = 0; i < N; i++)
            CU_ASSERT_EQUAL(counts[i], 1);
    }
    int one = 0;
    thaw_par_range(0, mark, &one);
    CU_ASSERT_EQUAL(one, 0);
    thaw_par_range(1, mark, &one);
    CU_ASSERT_EQUAL(one, 1);
    thaw_par_set_threads(before);
}

static int fail_some(void *ctx, size_t i, struct thaw_error *err)
{
    int *counts = ctx;
    counts[i]++;
    return i % 100 == 37 ? thaw_fail(err, THAW_EINPUT, "item %zu", i) : 0;
}

static int succeed(void *ctx, size_t i, struct thaw_error *err)
{
    (void)err;
    ((int *)ctx)[i]++;
    return 0;
}

static void test_each(void)
{
    int counts[N] = {0};
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL(thaw_par_each(N, fail_some, counts, &err), -1);
    CU_ASSERT_STRING_EQUAL(err.text, "item 37");
    CU_ASSERT_EQUAL(err.code, THAW_EINPUT);
    memset(counts, 0, sizeof counts);
    CU_ASSERT_EQUAL(thaw_par_each(N, succeed, counts, NULL), 0);
    for (int i = 0; i < N; i++)
        CU_ASSERT_EQUAL(counts[i], 1);
}

static void test_threads(void)
{
    int before = thaw_par_threads();
    CU_ASSERT(thaw_par_available() >= 1);
    thaw_par_set_threads(3);
#ifdef _OPENMP
    CU_ASSERT_EQUAL(thaw_par_threads(), 3);
#endif
    thaw_par_set_threads(before);
}

void thaw_test_par(void)
{
    CU_pSuite s = thaw_suite("par");
    CU_add_test(s, "ranges cover every index once at any thread count", test_range);
    CU_add_test(s, "each reports the lowest failure", test_each);
    CU_add_test(s, "threads can be set and are at least one", test_threads);
}
