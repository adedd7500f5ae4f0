/* Folds of a cross-validation: properties on random inputs, and on real patients. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/rng.h"
#include "tests/check.h"
#include "vision/folds.h"
#include "vision/groups.h"

enum { MOST = 400, CLASSES = 4 };

struct input {
    struct thaw_dataset data;
    struct thaw_dataset_image images[MOST];
    char groups[MOST][16];
    char *classes[CLASSES];
};

/* Patients of one to six images of one class; every fifth image alone. */
static void draw(struct input *in, uint32_t which, bool alone)
{
    static char names[CLASSES][2] = {"a", "b", "c", "d"};
    struct thaw_rng rng = thaw_rng_at(9, which, alone, 1000);
    in->data = (struct thaw_dataset){.images = in->images,
                                     .n = 120 + thaw_rng_below(&rng, MOST - 120),
                                     .classes = in->classes,
                                     .n_classes = 2 + (int)(which % 3)};
    for (int c = 0; c < CLASSES; c++)
        in->classes[c] = names[c];
    for (size_t i = 0, left = 0, group = 0; i < in->data.n; i++, left--) {
        if (left == 0) {
            left = 1 + thaw_rng_below(&rng, 6);
            group++;
        }
        snprintf(in->groups[i], sizeof in->groups[i], "g%zu", group);
        bool single = alone || thaw_rng_below(&rng, 5) == 0;
        in->images[i] =
            (struct thaw_dataset_image){.label = (int)(group % (size_t)in->data.n_classes),
                                        .group = single ? NULL : in->groups[i]};
    }
}

static size_t count(const struct thaw_dataset *data, const int *fold, int label, int wanted)
{
    size_t n = 0;
    for (size_t i = 0; i < data->n; i++)
        n += data->images[i].label == label && (wanted < 0 || fold[i] == wanted);
    return n;
}

static bool whole_groups(const struct thaw_dataset *data, const int *fold)
{
    for (size_t i = 0; i < data->n; i++)
        for (size_t j = i + 1; j < data->n; j++) {
            const char *a = data->images[i].group, *b = data->images[j].group;
            if (a && b && strcmp(a, b) == 0 && fold[i] != fold[j])
                return false;
        }
    return true;
}

static void test_properties(void)
{
    static struct input in;
    static int fold[MOST], again[MOST], other[MOST];
    struct thaw_error err = {0};
    for (uint32_t which = 0; which < 40; which++) {
        bool alone = which % 2;
        int folds = 2 + (int)(which % 7);
        draw(&in, which, alone);
        CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_folds(&in.data, folds, which, fold, &err), &err), 0);
        CU_ASSERT_EQUAL_FATAL(thaw_folds(&in.data, folds, which, again, &err), 0);
        CU_ASSERT_EQUAL_FATAL(thaw_folds(&in.data, folds, which + 99, other, &err), 0);
        CU_ASSERT_EQUAL(memcmp(fold, again, in.data.n * sizeof *fold), 0);
        CU_ASSERT_NOT_EQUAL(memcmp(fold, other, in.data.n * sizeof *fold), 0);
        CU_ASSERT(whole_groups(&in.data, fold));
        for (size_t i = 0; i < in.data.n; i++)
            CU_ASSERT(fold[i] >= 0 && fold[i] < folds);
        for (int c = 0; c < in.data.n_classes; c++) {
            double fair = (double)count(&in.data, fold, c, -1) / folds;
            for (int f = 0; f < folds; f++)
                CU_ASSERT(fabs((double)count(&in.data, fold, c, f) - fair) <= (alone ? 1 : 4));
        }
    }
}

/* Labels a, b, c, d of about 1/2, 1/4, 1/8 and 1/16 of the images, in groups of one to three. */
static void draw_labels(struct input *in, bool (*has)[CLASSES], uint32_t which)
{
    draw(in, which, true);
    struct thaw_rng rng = thaw_rng_at(10, which, 0, 1000);
    in->data.by_label = true;
    in->data.n_classes = CLASSES;
    for (size_t i = 0; i < in->data.n; i++) {
        snprintf(in->groups[i], sizeof in->groups[i], "g%zu", i - i % (1 + i % 3));
        for (uint32_t c = 0; c < CLASSES; c++)
            has[i][c] = thaw_rng_below(&rng, 2U << c) == 0;
        in->images[i] = (struct thaw_dataset_image){.has = has[i], .group = in->groups[i]};
    }
}

/* How far the images with label c (-1: without any) of a fold are from their share. */
static double furthest(const struct thaw_dataset *data, const int *fold, int folds, int c)
{
    double all = 0, in[16] = {0}, most = 0;
    for (size_t i = 0; i < data->n; i++) {
        bool none = true;
        for (int k = 0; k < data->n_classes; k++)
            none = none && !data->images[i].has[k];
        bool counts = c < 0 ? none : data->images[i].has[c];
        all += counts;
        in[fold[i]] += counts;
    }
    for (int f = 0; f < folds; f++)
        most = fmax(most, fabs(in[f] - all / folds));
    return most;
}

static void test_labels(void)
{
    static struct input in;
    static bool has[MOST][CLASSES];
    static int fold[MOST];
    struct thaw_error err = {0};
    for (uint32_t which = 0; which < 40; which++) {
        int folds = 2 + (int)(which % 4);
        draw_labels(&in, has, which);
        CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_folds(&in.data, folds, which, fold, &err), &err), 0);
        CU_ASSERT(whole_groups(&in.data, fold));
        CU_ASSERT(furthest(&in.data, fold, folds, 3) <= 2); /* the rarest: a stratum by itself */
        CU_ASSERT(furthest(&in.data, fold, folds, -1) <= 3);
        for (int c = 0; c < 3; c++)
            CU_ASSERT(furthest(&in.data, fold, folds, c) <= 8);
    }
    /* One label that cannot be divided, for there is one group that has it. */
    for (size_t i = 0; i < in.data.n; i++)
        has[i][1] = strcmp(in.groups[i], in.groups[0]) == 0;
    CU_ASSERT_EQUAL(thaw_folds(&in.data, 2, 1, fold, &err), -1);
    CU_ASSERT(thaw_says(&err, "label b", "learnt or judged, not both", NULL));
}

static void test_refusals(void)
{
    static struct input in;
    static int fold[MOST];
    struct thaw_error err = {0};
    draw(&in, 0, false);
    for (size_t i = 0; i < in.data.n; i++)
        in.images[i].label = i > 0; /* one image of the first class */
    CU_ASSERT_EQUAL(thaw_folds(&in.data, 3, 1, fold, &err), -1);
    CU_ASSERT(thaw_says(&err, "class a", "learnt or judged, not both", NULL));
    in.data.n = 6;
    for (size_t i = 0; i < 6; i++)
        in.images[i] = (struct thaw_dataset_image){.label = i % 2, .group = in.groups[0]};
    CU_ASSERT_EQUAL(thaw_folds(&in.data, 2, 1, fold, &err), -1);
    CU_ASSERT(thaw_says(&err, "2 folds; needs 2 to 1", NULL));
    for (size_t i = 0; i < 6; i++)
        in.images[i].group = NULL;
    CU_ASSERT_EQUAL(thaw_folds(&in.data, 6, 1, fold, &err), -1);
    CU_ASSERT(thaw_says(&err, "6 folds", "would be empty", NULL));
    CU_ASSERT_EQUAL(thaw_told(thaw_folds(&in.data, 3, 1, fold, &err), &err), 0);
}

static void test_real_patients(void)
{
    struct thaw_dataset data;
    struct thaw_error err = {0};
    char *found;
    const char *chest = thaw_shared("scans/chest-xray");
    if (!chest) {
        thaw_skip("folds never divide a patient: shared/scans absent");
        return;
    }
    CU_ASSERT_EQUAL_FATAL(thaw_dataset_from_dir(&data, chest, NULL, 0, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_groups_recognise(&data, &found, &err), 0);
    free(found);
    int *fold = calloc(data.n, sizeof *fold);
    for (uint64_t seed = 0; fold && seed < 10; seed++) {
        CU_ASSERT_EQUAL_FATAL(thaw_folds(&data, 5, seed, fold, &err), 0);
        CU_ASSERT(whole_groups(&data, fold));
        for (int c = 0; c < data.n_classes; c++)
            for (int f = 0; f < 5; f++) {
                size_t n = count(&data, fold, c, f);
                CU_ASSERT(n >= 8 && n <= 17); /* 12 expected; a patient has up to 12 films */
            }
    }
    free(fold);
    thaw_dataset_release(&data);
}

void thaw_test_folds(void)
{
    CU_pSuite s = thaw_suite("folds");
    CU_add_test(s, "groups stay whole, classes are spread", test_properties);
    CU_add_test(s, "labels are spread", test_labels);
    CU_add_test(s, "what cannot be", test_refusals);
    CU_add_test(s, "real patients are never divided", test_real_patients);
}
