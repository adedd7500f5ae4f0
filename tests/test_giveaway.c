/* Rules on one number. */
#include <math.h>

#include "io/base/rng.h"
#include "tests/check.h"
#include "vision/giveaway.h"

enum { N = 400, STREAM = 6200 };

static double values[N];
static int labels[N];
static size_t clusters[N];

static struct thaw_giveaway find(const size_t *cluster, size_t n, int classes)
{
    struct thaw_giveaway g = {0};
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(thaw_giveaway_find(&g, values, labels, cluster, n, classes, &err), &err), 0);
    CU_ASSERT_EQUAL(g.n, n);
    return g;
}

static void test_telling(void)
{
    /* Three ranges of two classes, and one value of its own. */
    for (int i = 0; i < N; i++) {
        values[i] = i < 100 ? i : i < 200 ? 1000 + i : i < 300 ? 2000 + i : 512;
        labels[i] = i < 100 ? 0 : i < 200 ? 1 : i < 300 ? 0 : 2;
    }
    struct thaw_giveaway g = find(NULL, N, 3);
    CU_ASSERT_TRUE((double)g.right >= 0.95 * N); /* ranges of other folds end a little off */
    CU_ASSERT_EQUAL(g.guessed, N / 2);
    CU_ASSERT_EQUAL_FATAL(g.n_cells, 4);
    static const struct thaw_giveaway_cell want[] = {{0, 99, 0, 100, 100},
                                                     {512, 512, 2, 100, 100},
                                                     {1100, 1199, 1, 100, 100},
                                                     {2200, 2299, 0, 100, 100}};
    for (int k = 0; k < 4; k++) {
        CU_ASSERT(g.cells[k].lo == want[k].lo && g.cells[k].hi == want[k].hi);
        CU_ASSERT(g.cells[k].label == want[k].label && g.cells[k].n == want[k].n &&
                  g.cells[k].right == want[k].right);
    }
    thaw_giveaway_release(&g);
}

/* Numbers that have nothing to do with the class tell nothing, many of them or few. */
static void test_chance(void)
{
    for (int kinds = 1; kinds <= 10000; kinds *= 10) {
        struct thaw_rng rng = thaw_rng_at(5, 0, (uint32_t)kinds, STREAM);
        for (int i = 0; i < N; i++) {
            values[i] = thaw_rng_below(&rng, (uint32_t)kinds);
            labels[i] = thaw_rng_below(&rng, 4) ? 1 : 0;
        }
        struct thaw_giveaway g = find(NULL, N, 2);
        CU_ASSERT_TRUE(g.guessed > 0.7 * N && g.guessed < 0.8 * N);
        CU_ASSERT_TRUE((double)g.right < (double)g.guessed + 0.03 * N);
        thaw_giveaway_release(&g);
    }
}

/* Each patient has a value and a class of his own: knowing the patient is no rule. */
static void test_patients(void)
{
    struct thaw_rng rng = thaw_rng_at(6, 0, 0, STREAM);
    int label = 0;
    for (int i = 0; i < N; i++) {
        label = i % 8 ? label : (int)thaw_rng_below(&rng, 2);
        values[i] = (i / 8 * 37) % 50;
        labels[i] = label;
        clusters[i] = (size_t)(i / 8 * 8);
    }
    struct thaw_giveaway alone = find(NULL, N, 2), together = find(clusters, N, 2);
    CU_ASSERT_EQUAL(alone.right, N);
    CU_ASSERT_TRUE(together.right < 0.65 * N);
    thaw_giveaway_release(&alone);
    thaw_giveaway_release(&together);
}

static void test_small(void)
{
    struct thaw_giveaway g = find(NULL, 0, 2);
    CU_ASSERT(g.right == 0 && g.guessed == 0 && g.n_cells == 0);
    thaw_giveaway_release(&g);
    values[0] = 7;
    labels[0] = 1;
    g = find(NULL, 1, 2);
    CU_ASSERT(g.n_cells == 1 && g.cells[0].label == 1 && g.cells[0].n == 1);
    CU_ASSERT(g.right == 0 && g.guessed == 0);
    thaw_giveaway_release(&g);
}

void thaw_test_giveaway(void)
{
    CU_pSuite s = thaw_suite("giveaway");
    CU_add_test(s, "a number that tells the class", test_telling);
    CU_add_test(s, "numbers by chance tell nothing", test_chance);
    CU_add_test(s, "patients stay together", test_patients);
    CU_add_test(s, "no image, one image", test_small);
}
