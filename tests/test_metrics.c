/* Figures of a classification against scikit-learn's (tests/refs/make_metrics.py) and by hand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/json.h"
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

static void check_class(const struct thaw_class_metrics *c, const json_t *want)
{
    CU_ASSERT_EQUAL(c->support, (size_t)json_integer_value(json_object_get(want, "support")));
    CU_ASSERT(same(c->precision, wanted(want, "precision"), 1e-12));
    CU_ASSERT(same(c->recall, wanted(want, "recall"), 1e-12));
    CU_ASSERT(same(c->specificity, wanted(want, "specificity"), 1e-12));
    CU_ASSERT(same(c->f1, wanted(want, "f1"), 1e-12));
    CU_ASSERT(same(c->auc, wanted(want, "auc"), 1e-12));
}

static void check_figures(const struct thaw_metrics *m, const json_t *want)
{
    CU_ASSERT(same(m->accuracy, wanted(want, "accuracy"), 1e-12));
    CU_ASSERT(same(m->balanced_accuracy, wanted(want, "balanced_accuracy"), 1e-12));
    CU_ASSERT(same(m->macro_f1, wanted(want, "macro_f1"), 1e-12));
    CU_ASSERT(same(m->auc, wanted(want, "auc"), 1e-12));
    CU_ASSERT(same(m->loss, wanted(want, "loss"), 1e-9));
    CU_ASSERT(same(m->ece, wanted(want, "ece"), 1e-9));
    for (int i = 0; i < m->classes; i++) {
        const json_t *row = json_array_get(json_object_get(want, "confusion"), (size_t)i);
        check_class(&m->per_class[i],
                    json_array_get(json_object_get(want, "per_class"), (size_t)i));
        for (int j = 0; j < m->classes; j++)
            CU_ASSERT_EQUAL(m->confusion[i * m->classes + j],
                            (size_t)json_integer_value(json_array_get(row, (size_t)j)));
    }
}

static void check_case(const json_t *want)
{
    const json_t *labels = json_object_get(want, "labels");
    const json_t *probabilities = json_object_get(want, "probabilities");
    size_t n = json_array_size(labels), values = json_array_size(probabilities);
    int classes = (int)json_integer_value(json_object_get(want, "classes"));
    int *y = calloc(n, sizeof *y);
    float *p = calloc(values, sizeof *p);
    struct thaw_metrics m;
    struct thaw_error err = {0};
    CU_ASSERT_FATAL(y && p && n && values == n * (size_t)classes);
    for (size_t i = 0; i < n; i++)
        y[i] = (int)json_integer_value(json_array_get(labels, i));
    for (size_t i = 0; i < values; i++)
        p[i] = (float)json_number_value(json_array_get(probabilities, i));
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_metrics_compute(&m, p, y, n, classes, &err), &err), 0);
    CU_ASSERT_EQUAL(m.images, n);
    check_figures(&m, want);
    thaw_metrics_release(&m);
    free(y);
    free(p);
}

static void test_sklearn(void)
{
    struct thaw_error err = {0};
    json_t *all = thaw_json_load(thaw_ref("metrics.json"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(all);
    const json_t *cases = json_object_get(all, "cases");
    CU_ASSERT(json_array_size(cases) >= 6);
    for (size_t i = 0; i < json_array_size(cases); i++)
        check_case(json_array_get(cases, i));
    json_decref(all);
}

/* Published: Wilson's interval of 8 of 10 is 0.490 to 0.943 (Newcombe 1998 gives the form). */
static void test_wilson(void)
{
    double lo, hi;
    thaw_wilson(8, 10, &lo, &hi);
    CU_ASSERT(same(lo, 0.49016248, 1e-7) && same(hi, 0.94331784, 1e-7));
    thaw_wilson(0, 10, &lo, &hi);
    CU_ASSERT(lo == 0 && same(hi, 0.27753279, 1e-7));
    thaw_wilson(10, 10, &lo, &hi);
    CU_ASSERT(same(lo, 0.72246721, 1e-7) && hi == 1);
    thaw_wilson(81, 263, &lo, &hi);
    CU_ASSERT(same(lo, 0.2553, 5e-5) && same(hi, 0.3662, 5e-5));
    thaw_wilson(0, 0, &lo, &hi);
    CU_ASSERT(lo == 0 && hi == 1);
}

/* Scores 1/4, 1/2, 1/2, 3/4 of negative, positive, negative, positive: of the four pairs three are
 * in order and one is tied. */
static void test_ties(void)
{
    const float p[] = {0.75f, 0.25f, 0.5f, 0.5f, 0.5f, 0.5f, 0.25f, 0.75f};
    const int y[] = {0, 1, 0, 1};
    struct thaw_metrics m;
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL_FATAL(thaw_metrics_compute(&m, p, y, 4, 2, &err), 0);
    CU_ASSERT(same(m.per_class[1].auc, 0.875, 1e-15) && same(m.auc, 0.875, 1e-15));
    CU_ASSERT(m.accuracy == 0.75); /* equal probabilities: the first class is predicted */
    thaw_metrics_release(&m);
}

/* Bins of width 1/15. The top probabilities 0.75 (hit), 0.75 (miss) share one bin, 1.0 (hit) is in
 * the last: |0.5 - 0.75| * 2/3 + |1 - 1| / 3. */
static void test_calibration(void)
{
    const float p[] = {0.75f, 0.25f, 0.75f, 0.25f, 1, 0};
    const int y[] = {0, 1, 0};
    struct thaw_metrics m;
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL_FATAL(thaw_metrics_compute(&m, p, y, 3, 2, &err), 0);
    CU_ASSERT(same(m.ece, 1.0 / 6, 1e-12));
    CU_ASSERT(same(m.loss, -(log(0.75) + log(0.25)) / 3, 1e-7));
    thaw_metrics_release(&m);
    CU_ASSERT_EQUAL(thaw_metrics_compute(&m, p, y, 0, 2, &err), -1);
    CU_ASSERT(thaw_says(&err, "no images", NULL));
}

void thaw_test_metrics(void)
{
    CU_pSuite s = thaw_suite("metrics");
    CU_add_test(s, "figures are those of scikit-learn", test_sklearn);
    CU_add_test(s, "Wilson's interval", test_wilson);
    CU_add_test(s, "tied scores count half", test_ties);
    CU_add_test(s, "calibration error and loss by hand", test_calibration);
}
