/* Splits: properties on random inputs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/rng.h"
#include "tests/check.h"
#include "vision/groups.h"
#include "vision/split.h"

enum { MOST = 400, CLASSES = 5 };

struct input {
    int labels[MOST];
    char names[MOST][16];
    const char *groups[MOST];
    size_t n;
    int n_classes;
};

/* Groups of one to eight images; with `mixed`, of any classes, else each of one class. */
static void draw(struct input *in, uint32_t which, bool mixed)
{
    struct thaw_rng rng = thaw_rng_at(7, which, mixed, 1000);
    in->n_classes = 2 + (int)thaw_rng_below(&rng, CLASSES - 1);
    in->n = 40 + thaw_rng_below(&rng, MOST - 40);
    for (size_t i = 0, left = 0, group = 0; i < in->n; i++, left--) {
        if (left == 0) {
            left = 1 + thaw_rng_below(&rng, 8);
            group++;
        }
        snprintf(in->names[i], sizeof in->names[i], "g%zu", group);
        /* Every fifth image stands alone. */
        in->groups[i] = thaw_rng_below(&rng, 5) ? in->names[i] : NULL;
        in->labels[i] = (int)((mixed ? thaw_rng_u32(&rng) : group) % (uint32_t)in->n_classes);
    }
}

static bool whole_groups(const struct input *in, const unsigned char *side)
{
    for (size_t i = 0; i < in->n; i++)
        for (size_t j = i + 1; j < in->n; j++)
            if (in->groups[i] && in->groups[j] && strcmp(in->groups[i], in->groups[j]) == 0 &&
                side[i] != side[j])
                return false;
    return true;
}

static size_t count(const struct input *in, const unsigned char *side, int label, int wanted)
{
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++)
        n += in->labels[i] == label && (wanted < 0 || side[i] == wanted);
    return n;
}

static void test_grouped(void)
{
    static struct input in;
    unsigned char side[MOST], again[MOST];
    struct thaw_error err = {0};
    for (uint32_t which = 0; which < 60; which++) {
        bool mixed = which % 3 == 2;
        double fraction = 0.1 + 0.1 * (which % 4);
        draw(&in, which, mixed);
        CU_ASSERT_EQUAL_FATAL(
            thaw_split(in.labels, in.groups, in.n, in.n_classes, fraction, which, side, &err), 0);
        CU_ASSERT_TRUE(whole_groups(&in, side));
        for (int c = 0; c < in.n_classes; c++) {
            double all = (double)count(&in, side, c, -1);
            double val = (double)count(&in, side, c, THAW_SIDE_VAL);
            if (all < 10)
                continue;
            CU_ASSERT_TRUE(val > 0 && val < all);
            /* Groups of mixed classes pull at several shares at once. */
            CU_ASSERT_TRUE(fabs(val - fraction * all) <= (mixed ? 6 : 4));
        }
        /* What the groups are called does not matter. */
        for (size_t i = 0; i < in.n; i++)
            in.names[i][0] = 'h';
        CU_ASSERT_EQUAL_FATAL(
            thaw_split(in.labels, in.groups, in.n, in.n_classes, fraction, which, again, &err), 0);
        CU_ASSERT_EQUAL(memcmp(side, again, in.n), 0);
    }
}

static void test_alone(void)
{
    static struct input in;
    unsigned char side[MOST], other[MOST];
    struct thaw_error err = {0};
    for (uint32_t which = 0; which < 20; which++) {
        draw(&in, which, true);
        CU_ASSERT_EQUAL_FATAL(thaw_split(in.labels, NULL, in.n, in.n_classes, 0.2, 1, side, &err),
                              0);
        CU_ASSERT_EQUAL_FATAL(thaw_split(in.labels, NULL, in.n, in.n_classes, 0.2, 2, other, &err),
                              0);
        CU_ASSERT_NOT_EQUAL(memcmp(side, other, in.n), 0);
        for (int c = 0; c < in.n_classes; c++) {
            double want = 0.2 * (double)count(&in, side, c, -1);
            CU_ASSERT_TRUE(fabs((double)count(&in, side, c, THAW_SIDE_VAL) - want) < 1);
        }
    }
}

static void test_small_classes(void)
{
    const int labels[] = {0, 0, 1, 2, 2, 2};
    const char *groups[] = {NULL, NULL, NULL, "p", "p", "q"};
    unsigned char side[6];
    struct thaw_error err = {0};
    for (uint64_t seed = 0; seed < 20; seed++)
        for (int f = 1; f < 10; f++) {
            CU_ASSERT_EQUAL_FATAL(thaw_split(labels, groups, 6, 3, 0.1 * f, seed, side, &err), 0);
            CU_ASSERT_NOT_EQUAL(side[0], side[1]);
            CU_ASSERT_EQUAL(side[2], THAW_SIDE_TRAIN);
            CU_ASSERT_EQUAL(side[3], side[4]);
            CU_ASSERT_NOT_EQUAL(side[4], side[5]);
        }
    CU_ASSERT_EQUAL(thaw_split(labels, groups, 6, 3, 1, 0, side, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "fraction 1", "between 0 and 1", NULL));
    CU_ASSERT_EQUAL(thaw_split(labels, groups, 6, 3, NAN, 0, side, &err), -1);
}

/* Every image has its turn to validate. */
static void test_fair(void)
{
    int labels[50] = {0}, turns[50] = {0};
    unsigned char side[50];
    for (uint64_t seed = 0; seed < 400; seed++) {
        CU_ASSERT_EQUAL_FATAL(thaw_split(labels, NULL, 50, 1, 0.2, seed, side, NULL), 0);
        for (int i = 0; i < 50; i++)
            turns[i] += side[i] == THAW_SIDE_VAL;
    }
    for (int i = 0; i < 50; i++) /* 80 of 400 expected, standard deviation 8 */
        CU_ASSERT_TRUE(turns[i] > 45 && turns[i] < 115);
}

static void test_real_patients(void)
{
    struct thaw_dataset data;
    struct thaw_split_lists lists;
    struct thaw_error err = {0};
    char *found;
    const char *chest = thaw_shared("scans/chest-xray");
    if (!chest) {
        thaw_skip("a split never divides a patient: shared/scans absent");
        return;
    }
    CU_ASSERT_EQUAL_FATAL(thaw_dataset_from_dir(&data, chest, NULL, 0, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_groups_recognise(&data, &found, &err), 0);
    free(found);
    for (uint64_t seed = 0; seed < 10; seed++) {
        size_t all[3], val[3] = {0}, shared = 0;
        CU_ASSERT_EQUAL_FATAL(thaw_split_dataset(&data, 0.2, seed, &lists, &err), 0);
        CU_ASSERT_EQUAL(lists.n_train + lists.n_val, data.n);
        for (size_t v = 0; v < lists.n_val; v++) {
            const struct thaw_dataset_image *a = &data.images[lists.val[v]];
            val[a->label]++;
            for (size_t t = 0; a->label > 0 && t < lists.n_train; t++) {
                const struct thaw_dataset_image *b = &data.images[lists.train[t]];
                /* The first eight digits are the patient, in whatever class. */
                shared += b->label > 0 &&
                          strncmp(strrchr(a->relative, '/'), strrchr(b->relative, '/'), 9) == 0;
            }
        }
        CU_ASSERT_EQUAL(shared, 0);
        thaw_dataset_counts(&data, all);
        for (int c = 0; c < 3; c++)
            CU_ASSERT_TRUE(fabs((double)val[c] - 0.2 * (double)all[c]) <= 3);
        thaw_split_release(&lists);
    }
    thaw_dataset_release(&data);
}

void thaw_test_split(void)
{
    CU_pSuite s = thaw_suite("split");
    CU_add_test(s, "groups stay whole, classes keep their shares", test_grouped);
    CU_add_test(s, "images alone are split to the image", test_alone);
    CU_add_test(s, "small classes: both sides where they can, else training", test_small_classes);
    CU_add_test(s, "every image has its turn", test_fair);
    CU_add_test(s, "real patients are never divided", test_real_patients);
}
