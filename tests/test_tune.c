#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/base/file.h"
#include "nn/model.h"
#include "nn/tune.h"
#include "tests/check.h"

enum { MANY = 5000, LIMIT = 4 };

static struct thaw_plan *small_plan(struct thaw_graph **graph, enum thaw_precision precision)
{
    struct thaw_error err = {0};
    struct thaw_arch_options size = {.height = 32, .width = 32};
    struct thaw_plan_options options = {.last = -1, .precision = precision};
    *graph = thaw_model_random("mobilenet:0.25", &size, 1, &err);
    struct thaw_plan *plan = *graph ? thaw_plan_create(*graph, &options, &err) : NULL;
    CU_ASSERT_FATAL(thaw_told(plan ? 0 : -1, &err) == 0);
    return plan;
}

/* Lines in the file of answers. */
static int answers(void)
{
    unsigned char *text;
    size_t size;
    int n = 0;
    if (thaw_file_read(thaw_tmp("cache/thaw/micro-batches"), 1 << 20, &text, &size, NULL))
        return 0;
    for (size_t i = 0; i < size; i++)
        n += text[i] == '\n';
    free(text);
    return n;
}

static void test_memory(void)
{
    struct thaw_graph *graph;
    struct thaw_plan *plan = small_plan(&graph, THAW_F32);
    setenv("XDG_CACHE_HOME", thaw_tmp("cache"), 1);
    int few = thaw_tune_batch(plan, LIMIT, 10);
    CU_ASSERT_EQUAL(few, 0);
    CU_ASSERT_EQUAL(answers(), 0); /* nothing was measured */
    int first = thaw_tune_batch(plan, LIMIT, MANY);
    CU_ASSERT(first >= 1 && first <= LIMIT);
    CU_ASSERT_EQUAL(answers(), 1);
    CU_ASSERT_EQUAL(thaw_tune_batch(plan, LIMIT, MANY), first);
    CU_ASSERT_EQUAL(answers(), 1);
    thaw_tune_batch(plan, LIMIT / 2, MANY); /* another question */
    CU_ASSERT_EQUAL(answers(), 2);
    thaw_plan_free(plan);
    thaw_graph_free(graph);
}

/* What stands in the file is believed only where it can be true. */
static void test_spoilt_file(void)
{
    struct thaw_graph *graph;
    struct thaw_plan *plan = small_plan(&graph, THAW_F32);
    setenv("XDG_CACHE_HOME", thaw_tmp("cache"), 1);
    thaw_tune_batch(plan, LIMIT, MANY);
    unsigned char *text;
    size_t size;
    CU_ASSERT_FATAL(
        thaw_file_read(thaw_tmp("cache/thaw/micro-batches"), 1 << 20, &text, &size, NULL) == 0);
    for (size_t i = 1; i < size; i++)
        if (text[i] == '\n')
            text[i - 1] = '9';
    CU_ASSERT_FATAL(thaw_file_write(thaw_tmp("cache/thaw/micro-batches"), text, size, NULL) == 0);
    int n = thaw_tune_batch(plan, LIMIT, MANY);
    CU_ASSERT(n >= 1 && n <= LIMIT);
    free(text);
    setenv("XDG_CACHE_HOME", "/proc/no/such/place", 1);
    n = thaw_tune_batch(plan, LIMIT, MANY);
    CU_ASSERT(n >= 1 && n <= LIMIT);
    unsetenv("XDG_CACHE_HOME");
    thaw_plan_free(plan);
    thaw_graph_free(graph);
}

void thaw_test_tune(void)
{
    CU_pSuite s = thaw_suite("tune");
    CU_add_test(s, "measured once, then remembered", test_memory);
    CU_add_test(s, "answers that cannot be true, and no place for them", test_spoilt_file);
}
