/* The index against comparing all pairs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/par.h"
#include "io/base/rng.h"
#include "tests/check.h"
#include "vision/forest.h"

enum { N = 3000, NEAREST = THAW_FOREST_NEAREST, STREAM = 6100 };

typedef struct thaw_neighbour row[NEAREST];

static void normalise(const float *x, int8_t *key)
{
    double length = 0;
    for (int k = 0; k < THAW_LIKENESS_KEY; k++)
        length += (double)x[k] * (double)x[k];
    for (int k = 0; k < THAW_LIKENESS_KEY; k++)
        key[k] = (int8_t)lrint(127 * (double)x[k] / sqrt(length));
}

/* Keys around one common key, as pictures of one kind have; every fourth is near the one before. */
static void draw(struct thaw_forest_keys *keys, size_t n)
{
    float common[THAW_LIKENESS_KEY], own[THAW_LIKENESS_KEY] = {0}, x[THAW_LIKENESS_KEY];
    struct thaw_rng rng = thaw_rng_at(3, 0, 0, STREAM);
    for (int k = 0; k < THAW_LIKENESS_KEY; k++)
        common[k] = thaw_rng_normal(&rng);
    for (size_t i = 0; i < n; i++)
        for (int part = 0; part < THAW_LIKENESS_PARTS; part++) {
            bool fresh = i % 4 != 3 && part == 0;
            float off = fresh ? 0 : 0.25F;
            for (int k = 0; k < THAW_LIKENESS_KEY; k++) {
                own[k] = fresh ? common[k] + thaw_rng_normal(&rng) : own[k];
                x[k] = own[k] + off * thaw_rng_normal(&rng);
            }
            normalise(x, keys[i].part[part]);
            if (i % 8 == 7)
                thaw_likeness_mirror(keys[i].part[part], keys[i].part[part]);
        }
}

static int product(const int8_t *a, const int8_t *b, bool mirrored)
{
    int8_t turned[THAW_LIKENESS_KEY];
    int sum = 0;
    thaw_likeness_mirror(b, turned);
    for (int k = 0; k < THAW_LIKENESS_KEY; k++)
        sum += a[k] * (mirrored ? turned[k] : b[k]);
    return sum;
}

/* The most alike views of two pictures. */
static int best_product(const struct thaw_forest_keys *a, const struct thaw_forest_keys *b)
{
    int best = -127 * 127;
    for (int view = 0; view < 6; view++) {
        int part = view / 2 == 1, other = view / 2 == 2;
        int p = product(a->part[part], b->part[other], view % 2);
        best = p > best ? p : best;
    }
    return best;
}

static void test_against_all_pairs(void)
{
    static struct thaw_forest_keys keys[N];
    static row nearest[N];
    struct thaw_error err = {0};
    const double least = 0.8;
    size_t wanted = 0, found = 0;
    draw(keys, N);
    CU_ASSERT_EQUAL_FATAL(thaw_forest_search(keys, N, (float)least, nearest, &err), 0);
    for (uint32_t i = 0; i < N; i++) {
        int have = 0;
        while (have < NEAREST && nearest[i][have].other != UINT32_MAX)
            have++;
        for (int k = 0; k < have; k++) {
            const struct thaw_neighbour *v = &nearest[i][k];
            int p = product(keys[i].part[v->part], keys[v->other].part[v->other_part], v->mirrored);
            CU_ASSERT_TRUE(v->other != i && v->other < N && p >= (int)(least * 127 * 127));
            CU_ASSERT_EQUAL(v->alike, p * 1000 / (127 * 127));
            CU_ASSERT_FALSE(v->part && v->other_part);
            if (k)
                CU_ASSERT_TRUE(v->alike < v[-1].alike ||
                               (v->alike == v[-1].alike && v->other > v[-1].other));
        }
        for (uint32_t j = 0; j < N; j++) {
            int p = j == i ? 0 : best_product(&keys[i], &keys[j]);
            if (p < (int)(least * 127 * 127))
                continue;
            wanted++;
            for (int k = 0; k < have; k++)
                found += nearest[i][k].other == j;
        }
    }
    CU_ASSERT_TRUE(wanted > N / 4);
    CU_ASSERT_TRUE((double)found >= 0.98 * (double)wanted);
}

static bool same(const struct thaw_neighbour *a, const struct thaw_neighbour *b)
{
    return a->other == b->other && (a->other == UINT32_MAX ||
                                    (a->alike == b->alike && a->part == b->part &&
                                     a->other_part == b->other_part && a->mirrored == b->mirrored));
}

static void test_threads(void)
{
    static struct thaw_forest_keys keys[N];
    static row one[N], several[N];
    struct thaw_error err = {0};
    int before = thaw_par_threads();
    draw(keys, N);
    thaw_par_set_threads(1);
    CU_ASSERT_EQUAL_FATAL(thaw_forest_search(keys, N, 0.5F, one, &err), 0);
    thaw_par_set_threads(3);
    CU_ASSERT_EQUAL_FATAL(thaw_forest_search(keys, N, 0.5F, several, &err), 0);
    thaw_par_set_threads(before);
    for (size_t i = 0; i < N; i++)
        for (int k = 0; k < THAW_FOREST_NEAREST; k++)
            CU_ASSERT_TRUE(same(&one[i][k], &several[i][k]));
}

static void test_small(void)
{
    static struct thaw_forest_keys keys[40];
    static row nearest[40];
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL(thaw_forest_search(keys, 0, 0.5F, nearest, &err), 0);
    draw(keys, 1);
    CU_ASSERT_EQUAL(thaw_forest_search(keys, 1, 0.5F, nearest, &err), 0);
    CU_ASSERT_EQUAL(nearest[0][0].other, UINT32_MAX);
    /* Many equal keys: full lists, the first ones by index. */
    for (int i = 1; i < 40; i++)
        keys[i] = keys[0];
    CU_ASSERT_EQUAL(thaw_forest_search(keys, 40, 0.5F, nearest, &err), 0);
    for (int k = 0; k < NEAREST; k++) {
        CU_ASSERT_EQUAL(nearest[0][k].other, (uint32_t)k + 1);
        CU_ASSERT_EQUAL(nearest[39][k].other, (uint32_t)k);
        CU_ASSERT(!nearest[39][k].mirrored && !nearest[39][k].part && !nearest[39][k].other_part);
    }
}

void thaw_test_forest(void)
{
    CU_pSuite s = thaw_suite("forest");
    CU_add_test(s, "finds what comparing all pairs finds", test_against_all_pairs);
    CU_add_test(s, "the same on one thread and on three", test_threads);
    CU_add_test(s, "few pictures, equal pictures", test_small);
}
