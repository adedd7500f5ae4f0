#include <math.h>
#include <string.h>

#include "io/base/par.h"
#include "nn/kernels/kernels.h"
#include "nn/ops/affine.h"
#include "tests/check.h"

/* dgamma and dbeta through k and b are those of the formula itself. */
static void test_affine_folding(void)
{
    enum { C = 5 };
    float gamma[C] = {1, 2, -0.5f, 0.1f, 3}, beta[C] = {0, 1, 2, 3, 4};
    float mean[C] = {0.3f, -1, 2, 0, 5}, variance[C] = {1, 0.5f, 2, 0.01f, 9};
    struct thaw_param p[4] = {{.data = gamma}, {.data = beta}, {.data = mean}, {.data = variance}};
    struct thaw_affine conf = {.epsilon = 1e-3f};
    struct thaw_op op = {
        .kind = &thaw_op_affine, .conf = &conf, .params = {&p[0], &p[1], &p[2], &p[3]}};
    float k[C], b[C], dk[C] = {1, 2, 3, 4, 5}, db[C] = {-1, 0.5f, 2, 0, 1}, dgamma[C], dbeta[C];
    thaw_affine_fold(&op, C, k, b);
    thaw_affine_gradients(&op, C, dk, db, dgamma, dbeta);
    for (int c = 0; c < C; c++) {
        double s = sqrt((double)variance[c] + 1e-3);
        CU_ASSERT_DOUBLE_EQUAL(k[c], (double)gamma[c] / s, 1e-5);
        CU_ASSERT_DOUBLE_EQUAL(b[c], (double)beta[c] - (double)(mean[c] * gamma[c]) / s, 1e-5);
        CU_ASSERT_DOUBLE_EQUAL(dgamma[c], (double)(dk[c] - mean[c] * db[c]) / s, 1e-4);
        CU_ASSERT_EQUAL(dbeta[c], db[c]);
    }
    thaw_affine_gradients(&op, C, dk, db, dk, NULL);
    CU_ASSERT_EQUAL(memcmp(dk, dgamma, sizeof dk), 0);
    float zero = 0; /* Keras' Normalization divides by 1e-7 at least */
    p[3].data = &zero;
    conf.epsilon = 0;
    CU_ASSERT_DOUBLE_EQUAL(thaw_affine_inverse(&op, 0, 0), 1e7, 1);
}

/* The sum is the same bits at any number of threads, and near the plain one. */
static void test_norm(void)
{
    static float v[10007];
    double sum = 0;
    for (size_t i = 0; i < 10007; i++) {
        v[i] = (float)(i * 37 % 101) / 50 - 1;
        sum += (double)v[i] * (double)v[i];
    }
    int before = thaw_par_threads();
    thaw_par_set_threads(1);
    double one = thaw_kernel_norm(v, 10007);
    thaw_par_set_threads(3);
    CU_ASSERT_EQUAL(thaw_kernel_norm(v, 10007), one);
    CU_ASSERT_DOUBLE_EQUAL(one, sqrt(sum), 1e-10);
    CU_ASSERT_EQUAL(thaw_kernel_norm(v, 1), 1);
    CU_ASSERT_EQUAL(thaw_kernel_norm(NULL, 0), 0);
    thaw_kernel_scale(v, 0.5f, 10007);
    CU_ASSERT_DOUBLE_EQUAL(thaw_kernel_norm(v, 10007), one / 2, 1e-10);
    v[5000] = NAN;
    CU_ASSERT(isnan(thaw_kernel_norm(v, 10007)));
    thaw_par_set_threads(before);
}

void thaw_test_kernels(void)
{
    CU_pSuite s = thaw_suite("kernels");
    CU_add_test(s, "the norm of an array", test_norm);
    CU_add_test(s, "folding an affine map and the way back", test_affine_folding);
}
