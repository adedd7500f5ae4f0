/* What trains computes in bf16 only above frozen layers that may. */
#include <stdlib.h>

#include "nn/settled.h"
#include "tests/check.h"
#include "tests/train_rig.h"

static const char stages[] = "1:epochs=2";
static struct thaw_settled told;

static void settled(void *ctx, int stage, const struct thaw_settled *s)
{
    (void)ctx;
    (void)stage;
    told = *s;
}

/* What conv2 reads is 3 and a thousandth of what it was, which bf16 rounds away; conv2 takes both
 * back, so that in float32 the network is what it was, but for borders. */
static void spoil(struct thaw_graph *g)
{
    enum { CHANNELS = 16 };
    const float far = 3, small = 1e-3F;
    struct thaw_param *bn2 = g->nodes[thaw_graph_find(g, "bn2")].params;
    struct thaw_param *conv2 = g->nodes[thaw_graph_find(g, "conv2")].params;
    struct thaw_param *mean = g->nodes[thaw_graph_find(g, "bn3")].params + 2;
    for (size_t c = 0; c < CHANNELS; c++) {
        bn2[0].data[c] *= small;
        bn2[1].data[c] = far;
        for (size_t o = 0; o < CHANNELS; o++) {
            conv2->data[c * CHANNELS + o] /= small;
            mean->data[o] += far * conv2->data[c * CHANNELS + o];
        }
    }
}

static void start(struct rig *rig, bool spoilt)
{
    CU_ASSERT_TRUE_FATAL(rig_init(rig, stages));
    if (spoilt)
        spoil(rig->graph);
    rig->options.frozen_auto = true;
    rig->options.precision = THAW_BF16;
    rig->observer.settled = settled;
    CU_ASSERT_TRUE_FATAL(rig_start(rig));
}

static bool able(void)
{
    bool fast = !thaw_precision_lacks(THAW_BF16) && thaw_precision_for(THAW_BF16) == THAW_BF16;
    if (!fast)
        thaw_skip("bf16: this machine has no fast path");
    return fast;
}

static void test_follow(void)
{
    if (!able())
        return;
    for (int spoilt = 0; spoilt < 2; spoilt++) {
        struct rig rig;
        struct thaw_error err = {0};
        start(&rig, spoilt);
        CU_ASSERT_EQUAL(thaw_told(rig_run(&rig, &err), &err), 0);
        CU_ASSERT_EQUAL(told.precision == THAW_F32, spoilt);
        CU_ASSERT_EQUAL(told.trained, spoilt ? THAW_F32 : THAW_BF16);
        CU_ASSERT_EQUAL(told.at_once > 0, spoilt);
        rig_release(&rig);
    }
}

/* Runs what was started, for two updates, and writes its state. */
static void stop(struct rig *rig, const char *path)
{
    struct thaw_error err = {0};
    rig->stop_at = 2;
    CU_ASSERT_EQUAL(rig_run(rig, &err), -1);
    CU_ASSERT_EQUAL(err.code, THAW_ESTOPPED);
    rig_save(rig, path);
}

/* A run that goes on knows what trained in float32; one that may not train in bf16 takes no state
 * that did. */
static void test_resume(void)
{
    const char *path = thaw_tmp("followed.h5");
    struct thaw_error err = {0};
    struct rig whole, half, rest;
    if (!able())
        return;
    start(&whole, true);
    CU_ASSERT_EQUAL_FATAL(thaw_told(rig_run(&whole, &err), &err), 0);
    float *end = malloc(train_net_count(whole.graph) * sizeof *end);
    train_net_get(whole.graph, end);
    start(&half, true);
    stop(&half, path);
    start(&rest, true);
    struct thaw_keras_file *file = thaw_keras_load(path, &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(file ? 0 : -1, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_trainer_load(rest.trainer, file, &err), &err), 0);
    CU_ASSERT_EQUAL(thaw_told(rig_run(&rest, &err), &err), 0);
    CU_ASSERT_TRUE(rig_holds(&rest, end));
    CU_ASSERT_EQUAL(told.trained, THAW_F32);
    thaw_keras_free(file);
    free(end);
    rig_release(&whole);
    rig_release(&half);
    rig_release(&rest);
}

static void test_foreign(void)
{
    const char *path = thaw_tmp("in-bf16.h5");
    struct thaw_error err = {0};
    struct rig half, other;
    if (!able())
        return;
    CU_ASSERT_TRUE_FATAL(rig_init(&half, stages));
    half.options.precision = THAW_BF16;
    CU_ASSERT_TRUE_FATAL(rig_start(&half));
    stop(&half, path);
    CU_ASSERT_TRUE_FATAL(rig_init(&other, stages));
    CU_ASSERT_TRUE_FATAL(rig_start(&other));
    struct thaw_keras_file *file = thaw_keras_load(path, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(thaw_trainer_load(other.trainer, file, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "in bf16", "in f32", NULL));
    thaw_keras_free(file);
    rig_release(&half);
    rig_release(&other);
}

void thaw_test_train_precision(void)
{
    CU_pSuite s = thaw_suite("train_precision");
    CU_add_test(s, "what trains follows frozen layers that are refused bf16", test_follow);
    CU_add_test(s, "also in a run that goes on", test_resume);
    CU_add_test(s, "a state from bf16 is not taken in float32", test_foreign);
}
