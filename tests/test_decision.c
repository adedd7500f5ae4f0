/* Thresholds that stay with a model, and what labels weigh. */
#include <math.h>
#include <stdlib.h>

#include "apps/decision.h"
#include "apps/train_weights.h"
#include "tests/check.h"

static char *const two[] = {(char *)"lesion", (char *)"normal"};
static char *const three[] = {(char *)"a", (char *)"b", (char *)"c"};

static void test_wanted(void)
{
    struct thaw_decision d;
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL(thaw_decision_init(&d, NULL, NULL, two, 2, false, &err), 0);
    CU_ASSERT(d.n == 0 && d.positive == -1);
    CU_ASSERT_EQUAL(thaw_decision_init(&d, "specificity=0.9", "normal", two, 2, false, &err), 0);
    CU_ASSERT(d.n == 1 && d.positive == 1 && d.specificity == 0.9);
    thaw_decision_release(&d);
    CU_ASSERT_EQUAL(thaw_decision_init(&d, NULL, NULL, three, 3, true, &err), 0);
    CU_ASSERT(d.n == 3 && d.positive == -1 && d.specificity == 0);
    thaw_decision_release(&d);
    static const char *const wrong[] = {"0.9",           "specificity=",  "specificity=1",
                                        "specificity=0", "specificity=x", "sensitivity=0.9"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CU_ASSERT_EQUAL(thaw_decision_init(&d, wrong[i], "lesion", two, 2, false, &err), -1);
        CU_ASSERT_TRUE(thaw_says(&err, wrong[i], "specificity=0.95", NULL));
    }
    CU_ASSERT_EQUAL(thaw_decision_init(&d, NULL, "lesion", two, 2, false, &err), -1);
    CU_ASSERT_EQUAL(thaw_decision_init(&d, "specificity=0.9", NULL, two, 2, false, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "--positive lesion or --positive normal", NULL));
    CU_ASSERT_EQUAL(thaw_decision_init(&d, "specificity=0.9", "a", three, 3, false, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "here are 3 classes", NULL));
}

/* Into a record and out of it. */
static void check_kept(const struct thaw_decision *d, char *const *classes, int n)
{
    struct thaw_decision back;
    struct thaw_error err = {0};
    json_t *record = json_pack("{s:o}", "decision", thaw_decision_json(d, classes));
    struct thaw_model_file model = {
        .path = (char *)"m.h5", .classes = (char **)classes, .n_classes = n, .record = record};
    CU_ASSERT_PTR_NOT_NULL_FATAL(record);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_decision_read(&back, &model, &err), &err), 0);
    CU_ASSERT(back.n == d->n && back.positive == d->positive && back.images == d->images &&
              back.specificity == d->specificity);
    for (int i = 0; i < d->n; i++) {
        const struct thaw_one_label *a = &d->list[i], *b = &back.list[i];
        CU_ASSERT(a->threshold == b->threshold && a->counts.hit == b->counts.hit &&
                  a->counts.wrong == b->counts.wrong && a->support == b->support &&
                  a->recall_lo == b->recall_lo);
    }
    thaw_decision_release(&back);
    model.n_classes = n + 1;
    CU_ASSERT_EQUAL(thaw_decision_read(&back, &model, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "m.h5", "thresholds", NULL));
    json_decref(record);
}

static void test_kept(void)
{
    const float p[] = {0.9F, 0.1F, 0.7F, 0.3F, 0.6F, 0.4F, 0.2F, 0.8F, 0.1F, 0.9F};
    const float y[] = {1, 0, 0, 1, 1, 0, 0, 1, 0, 1};
    struct thaw_decision d;
    struct thaw_rule rule;
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL_FATAL(thaw_decision_init(&d, "specificity=0.6", "lesion", two, 2, false, &err),
                          0);
    CU_ASSERT_PTR_NULL(thaw_decision_rule(&d, &rule)); /* nothing chosen so far */
    CU_ASSERT_EQUAL_FATAL(thaw_decision_choose(&d, p, y, 5, 2, two, &err), 0);
    CU_ASSERT_PTR_EQUAL_FATAL(thaw_decision_rule(&d, &rule), &rule);
    CU_ASSERT(rule.positive == 0 && rule.threshold > 0.2F && rule.threshold <= 0.6F);
    CU_ASSERT(d.images == 5 && d.list[0].counts.hit == 2 && d.list[0].counts.wrong == 1);
    check_kept(&d, two, 2);
    static const float one_kind[] = {1, 0, 1, 0, 1, 0, 1, 0, 1, 0};
    CU_ASSERT_EQUAL(thaw_decision_choose(&d, p, one_kind, 5, 2, two, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "both lesion and normal", NULL));
    thaw_decision_release(&d);

    /* Labels: one of no image keeps 1/2. */
    const float q[] = {0.9F, 0.2F, 0.3F, 0.7F, 0.3F, 0.2F, 0.1F, 0.9F, 0.1F};
    const float z[] = {1, 0, 0, 0, 1, 0, 0, 1, 0};
    CU_ASSERT_EQUAL_FATAL(thaw_decision_init(&d, NULL, NULL, three, 3, true, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_decision_choose(&d, q, z, 3, 3, three, &err), 0);
    CU_ASSERT(d.list[0].threshold > 0.7F && d.list[0].threshold <= 0.9F);
    CU_ASSERT(d.list[1].threshold > 0.2F && d.list[1].threshold <= 0.3F);
    CU_ASSERT(d.list[2].threshold == 0.5F && isnan(d.list[2].recall));
    check_kept(&d, three, 3);
    thaw_decision_release(&d);
}

/* A fifth of the images has the first label, all have the second, none the third. */
static void test_weights(void)
{
    const double share[] = {0.2, 1, 0};
    float w[6];
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL_FATAL(thaw_train_label_weights("auto", share, 3, w, &err), 0);
    CU_ASSERT(fabs((double)w[0] - 0.625) < 1e-6 && fabs((double)w[1] - 2.5) < 1e-6);
    CU_ASSERT(w[2] == 1 && w[3] == 1 && w[4] == 1 && w[5] == 1);
    CU_ASSERT_EQUAL_FATAL(thaw_train_label_weights("none", share, 3, w, &err), 0);
    CU_ASSERT(w[0] == 1 && w[1] == 1);
    CU_ASSERT_EQUAL_FATAL(thaw_train_label_weights("2,1,3", share, 3, w, &err), 0);
    CU_ASSERT(fabs((double)(w[1] / w[0]) - 2) < 1e-6);
    CU_ASSERT(fabs(0.8 * (double)w[0] + 0.2 * (double)w[1] - 1) < 1e-6);
    CU_ASSERT_EQUAL(thaw_train_label_weights("2,1", share, 3, w, &err), -1);
}

void thaw_test_decision(void)
{
    CU_pSuite s = thaw_suite("decision");
    CU_add_test(s, "what may be wanted", test_wanted);
    CU_add_test(s, "thresholds are chosen, and kept in a model's record", test_kept);
    CU_add_test(s, "labels weigh by their share", test_weights);
}
