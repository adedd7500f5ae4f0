#include <math.h>
#include <string.h>

#include "io/base/rng.h"
#include "tests/check.h"

/* The known answers that the authors of Philox publish for 4x32-10. */
static void test_philox(void)
{
    static const struct {
        struct thaw_rng rng;
        uint32_t want[4];
    } cases[] = {
        {{.used = 4}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{.key = {0xffffffff, 0xffffffff},
          .counter = {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
          .used = 4},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{.key = {0xa4093822, 0x299f31d0},
          .counter = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
          .used = 4},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct thaw_rng rng = cases[c].rng;
        for (int i = 0; i < 4; i++)
            CU_ASSERT_EQUAL(thaw_rng_u32(&rng), cases[c].want[i]);
    }
}

static void test_streams(void)
{
    struct thaw_rng a = thaw_rng_at(1, 2, 3, 4);
    uint32_t first[8];
    for (int i = 0; i < 8; i++)
        first[i] = thaw_rng_u32(&a);
    struct thaw_rng again = thaw_rng_at(1, 2, 3, 4);
    for (int i = 0; i < 8; i++)
        CU_ASSERT_EQUAL(thaw_rng_u32(&again), first[i]);
    const struct thaw_rng others[] = {
        thaw_rng_at(2, 2, 3, 4), thaw_rng_at(1 + (1ull << 32), 2, 3, 4), thaw_rng_at(1, 3, 3, 4),
        thaw_rng_at(1, 2, 4, 4), thaw_rng_at(1, 2, 3, 5)};
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        struct thaw_rng other = others[k];
        CU_ASSERT_NOT_EQUAL(thaw_rng_u32(&other), first[0]);
    }
}

static void test_distributions(void)
{
    enum { N = 100000 };
    struct thaw_rng rng = thaw_rng_at(7, 0, 0, THAW_RNG_ORDER);
    double sum = 0, squares = 0;
    float lowest = 10, highest = -10;
    int counts[7] = {0};
    for (int i = 0; i < N; i++) {
        double x = (double)thaw_rng_normal(&rng);
        sum += x;
        squares += x * x;
        float u = thaw_rng_uniform(&rng, -2, 3);
        lowest = fminf(lowest, u);
        highest = fmaxf(highest, u);
        counts[thaw_rng_below(&rng, 7)]++;
    }
    CU_ASSERT(fabs(sum / N) < 0.02);
    CU_ASSERT(fabs(squares / N - 1) < 0.03);
    CU_ASSERT(lowest >= -2 && lowest < -1.99f);
    CU_ASSERT(highest < 3 && highest > 2.99f);
    for (int k = 0; k < 7; k++)
        CU_ASSERT(fabs(counts[k] - N / 7.0) < 500);
}

static void test_beta(void)
{
    enum { N = 100000 };
    static const float alphas[] = {0.01F, 0.2F, 1};
    for (size_t a = 0; a < sizeof alphas / sizeof *alphas; a++) {
        struct thaw_rng rng = thaw_rng_at(7, 0, 0, THAW_RNG_MIX);
        double sum = 0, squares = 0, alpha = (double)alphas[a];
        for (int i = 0; i < N; i++) {
            double x = (double)thaw_rng_beta(&rng, alphas[a]);
            CU_ASSERT(x >= 0 && x <= 1);
            sum += x;
            squares += (x - 0.5) * (x - 0.5);
        }
        CU_ASSERT(fabs(sum / N - 0.5) < 0.006);
        CU_ASSERT(fabs(squares / N - 1 / (4 * (2 * alpha + 1))) < 0.002);
    }
}

static void test_shuffle(void)
{
    enum { N = 1000 };
    size_t items[N], seen[N] = {0}, moved = 0;
    for (size_t i = 0; i < N; i++)
        items[i] = i;
    struct thaw_rng rng = thaw_rng_at(3, 1, 0, THAW_RNG_ORDER);
    thaw_rng_shuffle(&rng, items, N);
    for (size_t i = 0; i < N; i++) {
        seen[items[i]]++;
        moved += items[i] != i;
    }
    for (size_t i = 0; i < N; i++)
        CU_ASSERT_EQUAL(seen[i], 1);
    CU_ASSERT(moved > N * 9 / 10);
}

void thaw_test_rng(void)
{
    CU_pSuite s = thaw_suite("rng");
    CU_add_test(s, "philox matches the published vectors", test_philox);
    CU_add_test(s, "streams repeat, and differ in every part of their name", test_streams);
    CU_add_test(s, "normal, uniform and below have their moments and ranges", test_distributions);
    CU_add_test(s, "beta has its mean and variance", test_beta);
    CU_add_test(s, "shuffle permutes", test_shuffle);
}
