/* Training from kept features: the same bits as without, and nothing decoded twice. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nn/features_folder.h"
#include "tests/check.h"
#include "tests/train_rig.h"

/* From the pool on, plain; then from block 2 on, augmented. */
static const char both[] = "head:epochs=3;2:epochs=4";

enum { MUCH = 1 << 24 };

static void start(struct rig *rig, const char *stages, int views, struct thaw_cache_limits limits)
{
    CU_ASSERT_TRUE_FATAL(rig_init(rig, stages));
    rig->options.views = views;
    rig->options.cache = limits;
}

static void run(struct rig *rig)
{
    struct thaw_error err = {0};
    CU_ASSERT_TRUE_FATAL(rig_start(rig));
    CU_ASSERT_EQUAL_FATAL(thaw_told(rig_run(rig, &err), &err), 0);
}

/* The weights at the end of a run without any cache; the caller frees. */
static float *plain_end(const char *stages, int views, bool bf16)
{
    struct rig rig;
    start(&rig, stages, views, (struct thaw_cache_limits){0});
    rig.options.bf16 = bf16;
    run(&rig);
    float *end = malloc(train_net_count(rig.graph) * sizeof *end);
    train_net_get(rig.graph, end);
    CU_ASSERT_EQUAL(rig.notes, 0);
    rig_release(&rig);
    return end;
}

static void test_same_bits(void)
{
    static const struct {
        int views, passes;
    } cases[] = {
        {0, 2 + 1 + 4}, /* head: both sides once; then validation once, each epoch a fresh view */
        {2, 2 + 1 + 2},
        {3, 2 + 1 + 3}, /* epochs 0 and 3 share a view; those that come once are not kept */
        {4, 2 + 1 + 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int bf16 = 0; bf16 <= (cases[i].views == 2); bf16++) {
            struct rig rig;
            float *end = plain_end(both, cases[i].views, bf16);
            start(&rig, both, cases[i].views, (struct thaw_cache_limits){.memory = MUCH});
            rig.options.bf16 = bf16;
            run(&rig);
            CU_ASSERT_TRUE(rig_holds(&rig, end));
            CU_ASSERT_EQUAL(rig.passes, cases[i].passes);
            CU_ASSERT_EQUAL(rig.notes, 0);
            rig_release(&rig);
            free(end);
        }
}

/* Views and bf16 are choices that do change the result. */
static void test_choices(void)
{
    struct rig rig;
    start(&rig, both, 0, (struct thaw_cache_limits){.memory = MUCH});
    run(&rig);
    float *two = plain_end(both, 2, false), *bf16 = plain_end(both, 0, true);
    CU_ASSERT_FALSE(rig_holds(&rig, two));
    CU_ASSERT_FALSE(rig_holds(&rig, bf16));
    free(two);
    free(bf16);
    rig_release(&rig);
}

/* Stages above the same boundary share what is kept; one epoch alone keeps nothing. */
static void test_what_pays(void)
{
    struct rig rig;
    start(&rig, "head:epochs=1;head:epochs=1,lr=0.001", 0,
          (struct thaw_cache_limits){.memory = MUCH});
    run(&rig);
    CU_ASSERT_EQUAL(rig.passes, 2);
    rig_release(&rig);
    start(&rig, "head:epochs=1;2:epochs=1,augment=0", 0,
          (struct thaw_cache_limits){.memory = MUCH});
    run(&rig);
    CU_ASSERT_EQUAL(rig.passes, 4);
    rig_release(&rig);
    /* Nothing is frozen. */
    start(&rig, "all:epochs=2,augment=0", 0, (struct thaw_cache_limits){.memory = MUCH});
    run(&rig);
    CU_ASSERT_EQUAL(rig.passes, 4);
    rig_release(&rig);
}

/* Vectors of 24 floats at the head; maps of 8 x 8 x 16 under the second block. */
static void test_limits(void)
{
    enum { VECTOR = 24 * 4, MAP = 8 * 8 * 16 * 4 };
    static const struct {
        size_t memory;
        int passes, notes;
    } cases[] = {{0, 6 + 8, 0},
                 {RIG_VAL * VECTOR - 1, 6 + 8, 2},
                 {RIG_VAL * VECTOR, 3 + 1 + 8, 2},
                 {(RIG_VAL + RIG_TRAIN) * VECTOR, 2 + 8, 1},
                 {RIG_VAL * MAP, 2 + 1 + 4, 1},
                 {(RIG_VAL + RIG_TRAIN) * MAP, 2 + 1 + 1 + 2, 1},
                 {(RIG_VAL + 2 * RIG_TRAIN) * MAP, 2 + 1 + 2, 0}};
    float *end = plain_end(both, 2, false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        start(&rig, both, 2, (struct thaw_cache_limits){.memory = cases[i].memory});
        CU_ASSERT(thaw_trainer_cache_bytes(rig.graph, &rig.stages, &rig.options, RIG_TRAIN,
                                           RIG_VAL) <= cases[i].memory);
        run(&rig);
        CU_ASSERT_TRUE(rig_holds(&rig, end));
        CU_ASSERT_EQUAL(rig.passes, cases[i].passes);
        CU_ASSERT_EQUAL(rig.notes, cases[i].notes);
        if (rig.notes)
            CU_ASSERT_PTR_NOT_NULL(strstr(rig.note, "not kept"));
        rig_release(&rig);
    }
    free(end);
}

/* A folder for the length of the run. */
static void test_disk(void)
{
    const char *folder = thaw_tmp("run-features");
    float *end = plain_end(both, 2, false);
    for (int memory = 0; memory < 2; memory++) {
        struct rig rig;
        start(&rig, both, 2,
              (struct thaw_cache_limits){
                  .memory = memory ? 5000 : 0, .disk = MUCH, .folder = folder});
        run(&rig);
        CU_ASSERT_TRUE(rig_holds(&rig, end));
        CU_ASSERT_EQUAL(rig.passes, 5);
        CU_ASSERT_EQUAL(rig.notes, 0);
        CU_ASSERT_EQUAL(access(folder, F_OK), -1);
        rig_release(&rig);
    }
    free(end);
}

static void run_kept(struct rig *rig, const char *folder, size_t disk)
{
    start(rig, both, 2,
          (struct thaw_cache_limits){.memory = MUCH, .disk = disk, .folder = folder, .keep = true});
}

/* A second run decodes what has changed, and nothing else. */
static void test_reuse(void)
{
    const char *folder = thaw_tmp("kept-features");
    float *end = plain_end(both, 2, false);
    struct rig rig;
    run_kept(&rig, folder, MUCH);
    run(&rig);
    CU_ASSERT_TRUE(rig_holds(&rig, end));
    CU_ASSERT_EQUAL(rig.passes, 5);
    rig_release(&rig);

    run_kept(&rig, folder, MUCH);
    run(&rig);
    CU_ASSERT_TRUE(rig_holds(&rig, end));
    CU_ASSERT_EQUAL(rig.decoded, 0);
    CU_ASSERT_EQUAL(rig.notes, 5);
    CU_ASSERT_PTR_NOT_NULL(strstr(rig.note, "22 of 22 found in "));
    rig_release(&rig);

    run_kept(&rig, folder, MUCH);
    rig.changed = 1000;
    run(&rig);
    CU_ASSERT_EQUAL(rig.decoded, 3); /* in plain form and in two views */
    CU_ASSERT_PTR_NOT_NULL(strstr(rig.note, "21 of 22 found in "));
    rig_release(&rig);

    run_kept(&rig, folder, MUCH);
    rig.changed = 1000;
    rig.graph->nodes[1].params[0].data[0] += 0.001F; /* a weight */
    run(&rig);
    CU_ASSERT_EQUAL(rig.passes, 5);
    CU_ASSERT_EQUAL(rig.decoded, 2 * RIG_VAL + 3 * RIG_TRAIN);
    rig_release(&rig);

    run_kept(&rig, folder, MUCH);
    rig.changed = 1000;
    rig.options.bf16 = true;
    run(&rig);
    CU_ASSERT_EQUAL(rig.passes, 5);
    rig_release(&rig);

    /* No room: the run goes on without. */
    run_kept(&rig, thaw_tmp("small-features"), 100);
    run(&rig);
    CU_ASSERT_TRUE(rig_holds(&rig, end));
    CU_ASSERT_EQUAL(rig.passes, 14);
    CU_ASSERT_EQUAL(rig.notes, 2);
    rig_release(&rig);
    run_kept(&rig, thaw_ref("train_cases.json"), MUCH); /* no folder can be here */
    run(&rig);
    CU_ASSERT_TRUE(rig_holds(&rig, end));
    CU_ASSERT_PTR_NOT_NULL(strstr(rig.note, "train_cases.json"));
    rig_release(&rig);
    thaw_features_folder_empty(folder);
    free(end);
}

/* Stopped while a store is filled, or while training from it, in memory or on the disk. */
static void test_resume(void)
{
    const char *path = thaw_tmp("cached.h5"), *folder = thaw_tmp("stopped-features");
    struct thaw_error err = {0};
    float *end = plain_end(both, 2, false);
    for (int disk = 0; disk < 2; disk++)
        for (int at = 1; at <= 24; at += at < 4 ? 1 : 8) {
            struct thaw_cache_limits limits = {
                .memory = disk ? 0 : MUCH, .disk = disk ? MUCH : 0, .folder = disk ? folder : NULL};
            struct rig half, rest;
            start(&half, both, 2, limits);
            half.stop_at = at;
            CU_ASSERT_TRUE_FATAL(rig_start(&half));
            CU_ASSERT_EQUAL(rig_run(&half, &err), -1);
            CU_ASSERT_EQUAL(err.code, THAW_ESTOPPED);
            rig_save(&half, path);
            rig_release(&half);
            start(&rest, both, 2, limits);
            CU_ASSERT_TRUE_FATAL(rig_start(&rest));
            struct thaw_keras_file *file = thaw_keras_load(path, &err);
            CU_ASSERT_EQUAL_FATAL(thaw_told(file ? 0 : -1, &err), 0);
            CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_trainer_load(rest.trainer, file, &err), &err), 0);
            thaw_keras_free(file);
            CU_ASSERT_EQUAL_FATAL(thaw_told(rig_run(&rest, &err), &err), 0);
            CU_ASSERT_TRUE(rig_holds(&rest, end));
            CU_ASSERT_EQUAL(access(folder, F_OK), -1);
            rig_release(&rest);
        }
    free(end);
}

void thaw_test_train_cache(void)
{
    CU_pSuite s = thaw_suite("train_cache");
    CU_add_test(s, "the same bits with and without", test_same_bits);
    CU_add_test(s, "views and bf16 do change the result", test_choices);
    CU_add_test(s, "kept where it pays", test_what_pays);
    CU_add_test(s, "within the memory allowed", test_limits);
    CU_add_test(s, "in files while the run lasts", test_disk);
    CU_add_test(s, "in files that later runs find", test_reuse);
    CU_add_test(s, "a resumed run ends in the same bits", test_resume);
}
