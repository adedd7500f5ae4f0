/* Figures of labels against scikit-learn's (tests/refs/make_label_metrics.py), thresholds by hand.
 */
#include <math.h>
#include <stdlib.h>

#include "io/base/json.h"
#include "nn/label_metrics.h"
#include "nn/metrics.h"
#include "tests/check.h"

static bool same(double got, double want, double limit)
{
    return isnan(want) ? isnan(got) : fabs(got - want) <= limit;
}

static double wanted(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static float *floats(const json_t *object, const char *key, size_t *n)
{
    const json_t *list = json_object_get(object, key);
    *n = json_array_size(list);
    float *values = calloc(*n + 1, sizeof *values);
    for (size_t i = 0; values && i < *n; i++)
        values[i] = (float)json_number_value(json_array_get(list, i));
    return values;
}

static void check_case(const json_t *want)
{
    struct thaw_label_metrics m;
    struct thaw_error err = {0};
    int labels = (int)json_integer_value(json_object_get(want, "labels"));
    size_t n, values, given;
    float *p = floats(want, "probabilities", &values), *y = floats(want, "targets", &n);
    float *thresholds = floats(want, "thresholds", &given);
    bool *said = calloc(n + 1, sizeof *said);
    CU_ASSERT_FATAL(p && y && said && thresholds && values == n && given == (size_t)labels);
    for (size_t i = 0; i < n; i++)
        said[i] = p[i] >= thresholds[i % given];
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(thaw_label_metrics_compute(&m, p, y, said, n / given, labels, &err), &err), 0);
    CU_ASSERT(same(m.mean_auc, wanted(want, "mean_auc"), 1e-12));
    CU_ASSERT(same(m.mean_average_precision, wanted(want, "mean_average_precision"), 1e-12));
    CU_ASSERT(same(m.macro_f1, wanted(want, "macro_f1"), 1e-12));
    CU_ASSERT(same(m.micro_f1, wanted(want, "micro_f1"), 1e-12));
    CU_ASSERT(same(m.accuracy, wanted(want, "accuracy"), 1e-12));
    CU_ASSERT(same(m.exact, wanted(want, "exact"), 1e-12));
    CU_ASSERT(same(m.loss, wanted(want, "loss"), 1e-9));
    for (int k = 0; k < labels; k++) {
        const json_t *one = json_array_get(json_object_get(want, "per_label"), (size_t)k);
        CU_ASSERT(same(m.per_label[k].auc, wanted(one, "auc"), 1e-12));
        CU_ASSERT(same(m.per_label[k].average_precision, wanted(one, "average_precision"), 1e-12));
        CU_ASSERT(same(m.per_label[k].recall, wanted(one, "recall"), 1e-12));
        CU_ASSERT(same(m.per_label[k].specificity, wanted(one, "specificity"), 1e-12));
    }
    double auc;
    CU_ASSERT_EQUAL(thaw_mean_auc(p, y, n / given, labels, &auc, &err), 0);
    CU_ASSERT(auc == m.mean_auc);
    thaw_label_metrics_release(&m);
    free(p);
    free(y);
    free(thresholds);
    free(said);
}

static void test_sklearn(void)
{
    struct thaw_error err = {0};
    json_t *all = thaw_json_load(thaw_ref("label_metrics.json"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(all);
    const json_t *cases = json_object_get(all, "cases");
    CU_ASSERT(json_array_size(cases) >= 3);
    for (size_t i = 0; i < json_array_size(cases); i++)
        check_case(json_array_get(cases, i));
    json_decref(all);
}

/* From the highest score down: + + - + - - + -, the two of 0.5 tied. */
static struct thaw_scored *scores(void)
{
    static struct thaw_scored s[8];
    static const float at[] = {0.1F, 0.9F, 0.8F, 0.7F, 0.5F, 0.5F, 0.3F, 0.2F};
    static const bool holds[] = {false, true, true, false, true, false, false, true};
    for (size_t i = 0; i < 8; i++)
        s[i] = (struct thaw_scored){at[i], holds[i]};
    thaw_rank_sort(s, 8);
    return s;
}

static void check_at(double specificity, float lo, float hi, size_t hit, size_t wrong)
{
    float threshold = 0;
    const struct thaw_scored *s = scores();
    CU_ASSERT_EQUAL(thaw_threshold_at_specificity(s, 8, specificity, &threshold), 0);
    CU_ASSERT(threshold > lo && threshold <= hi);
    struct thaw_counts c = thaw_count_at(s, 8, threshold);
    CU_ASSERT(c.hit == hit && c.missed == 4 - hit && c.wrong == wrong && c.clear == 4 - wrong);
}

static void test_specificity(void)
{
    check_at(0.99, 0.7F, 0.8F, 2, 0);
    check_at(0.75, 0.7F, 0.8F, 2, 0); /* one more wrong would bring nothing */
    check_at(0.5, 0.3F, 0.5F, 3, 2);  /* the tied ones go together */
    check_at(0.25, 0.1F, 0.2F, 4, 3);
    /* The highest score is wrong: nothing can be said. */
    struct thaw_scored top[] = {{1, false}, {0.5F, true}};
    float threshold = 0;
    CU_ASSERT_EQUAL(thaw_threshold_at_specificity(top, 2, 0.9, &threshold), 0);
    CU_ASSERT(threshold > 1);
    CU_ASSERT_EQUAL(thaw_count_at(top, 2, threshold).hit, 0);
}

static void test_f1(void)
{
    float threshold = 0;
    CU_ASSERT_EQUAL(thaw_threshold_best_f1(scores(), 8, &threshold), 0);
    /* F1 is 2/3 after two and after five, 8/11 after seven. */
    CU_ASSERT(threshold > 0.1F && threshold <= 0.2F);
    struct thaw_scored one_kind[] = {{0.5F, true}, {0.25F, true}};
    CU_ASSERT_EQUAL(thaw_threshold_best_f1(one_kind, 2, &threshold), -1);
    CU_ASSERT_EQUAL(thaw_threshold_at_specificity(one_kind, 2, 0.5, &threshold), -1);
    /* Neighbouring floats have no middle. */
    struct thaw_scored near[] = {{nextafterf(0.5F, 1), true}, {0.5F, false}};
    CU_ASSERT_EQUAL(thaw_threshold_best_f1(near, 2, &threshold), 0);
    CU_ASSERT(threshold == near[0].score);
}

/* What is said counts; ranks and probabilities stay as they are. */
static void test_said(void)
{
    const float p[] = {0.75F, 0.25F, 0.625F, 0.375F, 0.25F, 0.75F, 0.875F, 0.125F};
    const int y[] = {0, 1, 1, 1}, said[] = {0, 1, 1, 0};
    struct thaw_metrics even, m;
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL_FATAL(thaw_metrics_compute(&even, p, y, 4, 2, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_metrics_compute_by(&m, p, y, said, 4, 2, &err), 0);
    CU_ASSERT(even.accuracy == 0.5 && m.accuracy == 0.75);
    CU_ASSERT_EQUAL(m.confusion[3], 2);
    CU_ASSERT(m.auc == even.auc && m.loss == even.loss && m.ece == even.ece);
    double lo, hi;
    thaw_wilson(2, 3, &lo, &hi);
    CU_ASSERT(m.per_class[1].recall_lo == lo && m.per_class[1].recall_hi == hi);
    thaw_metrics_release(&even);
    thaw_metrics_release(&m);
}

void thaw_test_label_metrics(void)
{
    CU_pSuite s = thaw_suite("label_metrics");
    CU_add_test(s, "figures are those of scikit-learn", test_sklearn);
    CU_add_test(s, "sensitivity at a wanted specificity", test_specificity);
    CU_add_test(s, "the threshold of the greatest F1", test_f1);
    CU_add_test(s, "what is said in place of the most probable class", test_said);
}
