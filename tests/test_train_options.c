/* What a run records of its options, and what of it a resumed run takes. */
#include <string.h>

#include "apps/train_options.h"
#include "tests/check.h"

static struct thaw_train_values values_of(void)
{
    struct thaw_train_values v = {0};
    struct thaw_error err = {0};
    char *argv[] = {NULL}, *words[1];
    int n_words;
    bool help;
    int rc = thaw_options_read(thaw_train_table, NULL, &v, 0, argv, words, &n_words, &help, &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(rc, &err), 0);
    return v;
}

static json_t *record_of(const struct thaw_train_values *v)
{
    struct thaw_error err = {0};
    json_t *record = thaw_train_options_json(v, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(record);
    return record;
}

static void test_round(void)
{
    struct thaw_train_values v = values_of(), resumed = values_of();
    struct thaw_error err = {0};
    v.head_weight_decay = "0.5";
    v.batch = 7;
    v.weight_decay = 0.25;
    v.head_only = true;
    json_t *record = record_of(&v);
    CU_ASSERT_EQUAL(thaw_told(thaw_train_options_resume(&resumed, record, &err), &err), 0);
    CU_ASSERT_STRING_EQUAL(resumed.head_weight_decay, "0.5");
    CU_ASSERT_EQUAL(resumed.batch, 7);
    CU_ASSERT_EQUAL(resumed.weight_decay, 0.25);
    CU_ASSERT_TRUE(resumed.head_only);
    CU_ASSERT_PTR_NULL(resumed.stages);
    json_decref(record);
}

/* A record with another value, or without one where it is NULL. */
static void refused(const char *key, json_t *value, const char *option)
{
    struct thaw_train_values v = values_of();
    struct thaw_error err = {0};
    json_t *record = record_of(&v);
    if (value)
        json_object_set_new(record, key, value);
    else
        json_object_del(record, key);
    CU_ASSERT_EQUAL(thaw_train_options_resume(&v, record, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, option, "another version", NULL));
    json_decref(record);
}

static void test_other_versions(void)
{
    refused("head_weight_decay", NULL, "--head-weight-decay");
    refused("head_weight_decay", json_real(1.5), "--head-weight-decay");
    refused("head_weight_decay", json_null(), "--head-weight-decay");
    refused("batch", json_string("32"), "--batch");
    refused("weight_decay", json_true(), "--weight-decay");
    refused("head_only", json_integer(1), "--head-only");
}

void thaw_test_train_options(void)
{
    CU_pSuite s = thaw_suite("train_options");
    CU_add_test(s, "a record gives the same options", test_round);
    CU_add_test(s, "records of other versions", test_other_versions);
}
