/* Answers of several models with thresholds of their own, judged together. */
#include <math.h>

#include "apps/judge.h"
#include "tests/check.h"

/* Two rounds of the same four images; each round has a model with a threshold of its own. */
enum { IMAGES = 4, ROUNDS = 2, ROWS = IMAGES * ROUNDS };

static char *names[] = {"sound", "lesion"};

static void decide(const struct thaw_decision *by[ROWS], const struct thaw_decision *first,
                   const struct thaw_decision *second)
{
    for (int r = 0; r < ROWS; r++)
        by[r] = r < IMAGES ? first : second;
}

static void test_classes(void)
{
    struct thaw_dataset_image images[IMAGES] = {
        {.label = 1}, {.label = 1}, {.label = 0}, {.label = 0}};
    const struct thaw_dataset data = {
        .images = images, .n = IMAGES, .classes = names, .n_classes = 2};
    /* Of a lesion: the first model finds both from 0.2 on, the second one from 0.8 on. */
    const float lesion[ROWS] = {0.75F, 0.25F, 0.125F, 0.375F, 0.875F, 0.75F, 0.625F, 0.5F};
    float p[ROWS * 2];
    for (int r = 0; r < ROWS; r++) {
        p[2 * r] = 1 - lesion[r];
        p[2 * r + 1] = lesion[r];
    }
    struct thaw_one_label low = {.threshold = 0.2F}, high = {.threshold = 0.8F}, open = {0};
    const struct thaw_decision first = {.positive = 1, .images = 9, .n = 1, .list = &low},
                               second = {.positive = 1, .images = 9, .n = 1, .list = &high},
                               wanted = {.positive = 1, .n = 1, .list = &open};
    const struct thaw_decision *by[ROWS];
    struct thaw_judgement j;
    struct thaw_error err = {0};
    double lo, hi;
    decide(by, &first, &second);
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(thaw_judge_rounds(&j, &data, p, ROUNDS, by, &wanted, &err), &err), 0);
    CU_ASSERT(j.positive == 1 && isnan(j.at.threshold));
    CU_ASSERT(j.at.counts.hit == 3 && j.at.counts.missed == 1);
    CU_ASSERT(j.at.counts.clear == 3 && j.at.counts.wrong == 1);
    CU_ASSERT(j.metrics.images == ROWS && j.metrics.accuracy == 0.75);
    CU_ASSERT(j.even.counts.hit == 3 && j.even.counts.wrong == 1);
    /* Two images of each class, not four. */
    thaw_wilson_share(0.75, 2, &lo, &hi);
    CU_ASSERT(j.at.recall_lo == lo && j.at.recall_hi == hi && j.at.specificity_lo == lo);
    CU_ASSERT(j.metrics.per_class[0].recall_lo == lo);
    thaw_wilson_share(0.75, IMAGES, &lo, &hi);
    CU_ASSERT(j.metrics.accuracy_lo == lo && j.metrics.accuracy_hi == hi);
    thaw_judgement_release(&j);

    /* One round of one model is what thaw_judge says. */
    struct thaw_judgement one;
    CU_ASSERT_EQUAL_FATAL(thaw_judge_rounds(&j, &data, p, 1, by, &wanted, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_judge(&one, &data, p, &first, -1, &err), 0);
    CU_ASSERT(one.at.threshold == 0.2F && one.at.counts.hit == j.at.counts.hit);
    CU_ASSERT(one.metrics.accuracy_lo == j.metrics.accuracy_lo &&
              one.at.recall_hi == j.at.recall_hi);
    thaw_judgement_release(&one);
    thaw_judgement_release(&j);
}

static void test_labels(void)
{
    bool has[IMAGES][2] = {{true, false}, {true, true}, {false, true}, {false, false}};
    struct thaw_dataset_image images[IMAGES];
    for (int i = 0; i < IMAGES; i++)
        images[i] = (struct thaw_dataset_image){.has = has[i]};
    const struct thaw_dataset data = {
        .images = images, .n = IMAGES, .classes = names, .n_classes = 2, .by_label = true};
    const float p[ROWS * 2] = {0.75F, 0.25F, 0.5F, 0.75F, 0.25F, 0.5F, 0.125F, 0.125F,
                               0.75F, 0.25F, 0.5F, 0.75F, 0.25F, 0.5F, 0.125F, 0.125F};
    struct thaw_one_label low[2] = {{.threshold = 0.5F}, {.threshold = 0.5F}},
                          high[2] = {{.threshold = 0.7F}, {.threshold = 0.2F}}, open[2] = {{0}};
    const struct thaw_decision first = {.positive = -1, .images = 9, .n = 2, .list = low},
                               second = {.positive = -1, .images = 9, .n = 2, .list = high},
                               wanted = {.positive = -1, .n = 2, .list = open};
    const struct thaw_decision *by[ROWS];
    struct thaw_judgement j;
    struct thaw_error err = {0};
    decide(by, &first, &second);
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(thaw_judge_rounds(&j, &data, p, ROUNDS, by, &wanted, &err), &err), 0);
    const struct thaw_one_label *a = &j.labels.per_label[0], *b = &j.labels.per_label[1];
    CU_ASSERT(a->support == 4 && a->auc == 1 && a->average_precision == 1 && isnan(a->threshold));
    CU_ASSERT(a->recall == 0.75 && a->specificity == 1);
    CU_ASSERT(b->recall == 1 && b->specificity == 0.75);
    /* The first model has all labels of all images right; the second is wrong on two. */
    CU_ASSERT(j.labels.exact == 0.75 && j.labels.accuracy == 0.875);
    double lo, hi;
    thaw_wilson_share(0.75, IMAGES, &lo, &hi);
    CU_ASSERT(j.labels.exact_lo == lo && j.labels.exact_hi == hi);
    thaw_wilson_share(0.75, 2, &lo, &hi);
    CU_ASSERT(a->recall_lo == lo && b->specificity_hi == hi);
    thaw_judgement_release(&j);
}

void thaw_test_judge(void)
{
    CU_pSuite s = thaw_suite("judge");
    CU_add_test(s, "two classes, a threshold for each model", test_classes);
    CU_add_test(s, "labels, thresholds for each model", test_labels);
}
