#include "tests/check.h"

#include "io/base/rng.h"
#include "nn/planner.h"

static bool together(const struct thaw_buffer *a, const struct thaw_buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static bool overlap(const struct thaw_buffer *a, const struct thaw_buffer *b)
{
    return a->bytes && b->bytes && a->offset < b->offset + b->bytes &&
           b->offset < a->offset + a->bytes;
}

static void test_reuse(void)
{
    /* A chain: each buffer lives with its neighbour only, so two places serve all. */
    struct thaw_buffer chain[6];
    size_t total = 0;
    for (int i = 0; i < 6; i++)
        chain[i] = (struct thaw_buffer){.bytes = 1024, .first = i, .last = i + 1};
    CU_ASSERT_EQUAL(thaw_planner_place(chain, 6, &total, NULL), 0);
    CU_ASSERT_EQUAL(total, 2048);
}

static void test_gap(void)
{
    /* The small late buffer fits into the place of the one that died between two living ones. */
    struct thaw_buffer b[] = {{.bytes = 4096, .first = 0, .last = 9},
                              {.bytes = 2048, .first = 0, .last = 1},
                              {.bytes = 1024, .first = 0, .last = 9},
                              {.bytes = 512, .first = 5, .last = 9}};
    size_t total = 0;
    CU_ASSERT_EQUAL(thaw_planner_place(b, 4, &total, NULL), 0);
    CU_ASSERT_EQUAL(total, 4096 + 2048 + 1024);
    CU_ASSERT_EQUAL(b[3].offset, b[1].offset);
}

static void test_empty(void)
{
    size_t total = 1;
    struct thaw_buffer none = {.bytes = 0, .first = 0, .last = 3};
    CU_ASSERT_EQUAL(thaw_planner_place(NULL, 0, &total, NULL), 0);
    CU_ASSERT_EQUAL(total, 0);
    CU_ASSERT_EQUAL(thaw_planner_place(&none, 1, &total, NULL), 0);
    CU_ASSERT_EQUAL(total, 0);
}

static void test_random(void)
{
    enum { COUNT = 60, ROUNDS = 200 };
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct thaw_rng rng = thaw_rng_at(1, 0, round, 0);
        struct thaw_buffer b[COUNT];
        size_t total = 0, live_most = 0;
        for (int i = 0; i < COUNT; i++) {
            int first = (int)thaw_rng_below(&rng, 40);
            b[i] = (struct thaw_buffer){.bytes = thaw_rng_below(&rng, 5000),
                                        .first = first,
                                        .last = first + (int)thaw_rng_below(&rng, 8)};
        }
        CU_ASSERT_EQUAL(thaw_planner_place(b, COUNT, &total, NULL), 0);
        for (int i = 0; i < COUNT; i++) {
            CU_ASSERT_EQUAL(b[i].offset % 64, 0);
            CU_ASSERT(b[i].offset + b[i].bytes <= total);
            for (int j = 0; j < i; j++)
                CU_ASSERT_FALSE(together(&b[i], &b[j]) && overlap(&b[i], &b[j]));
        }
        for (int step = 0; step < 48; step++) {
            size_t live = 0;
            for (int i = 0; i < COUNT; i++)
                live += b[i].first <= step && step <= b[i].last ? b[i].bytes : 0;
            live_most = live > live_most ? live : live_most;
        }
        CU_ASSERT(total >= live_most);
        CU_ASSERT(total <= 2 * live_most + COUNT * 64);
    }
}

void thaw_test_planner(void)
{
    CU_pSuite s = thaw_suite("planner");
    CU_add_test(s, "a chain needs two places", test_reuse);
    CU_add_test(s, "a gap between living buffers is used", test_gap);
    CU_add_test(s, "nothing needs nothing", test_empty);
    CU_add_test(s, "random lifetimes never overlap, and waste is bounded", test_random);
}
