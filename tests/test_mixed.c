/* Mixed precision: convolutions that int8 does not suit are found and stay higher. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/rng.h"
#include "nn/features_folder.h"
#include "nn/mixed.h"
#include "nn/ops.h"
#include "tests/check.h"
#include "tests/train_rig.h"

/* A chain of 3x3 convolutions with ReLU, whose last one gives the features. */
enum { SIDE = 8, WIDTH = 16, DEPTH = 28, PICTURES = 20 };
static const double limit = 0.1;

static int add(struct thaw_graph *g, const char *kind, const char *name, int from, json_t *config)
{
    struct thaw_error err = {0};
    int node = thaw_graph_add(g, kind, name, &from, from < 0 ? 0 : 1, config, &err);
    json_decref(config);
    CU_ASSERT_EQUAL_FATAL(thaw_told(node < 0 ? -1 : 0, &err), 0);
    return node;
}

static struct thaw_graph *chain(void)
{
    struct thaw_graph *g = thaw_graph_create("chain", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    int last = add(g, "InputLayer", "image", -1,
                   json_pack("{s:[n,i,i,i]}", "batch_input_shape", SIDE, SIDE, WIDTH));
    for (int i = 1; i <= DEPTH; i++) {
        char name[16];
        snprintf(name, sizeof name, "conv%d", i);
        last = add(g, "Conv2D", name, last,
                   json_pack("{s:i, s:i, s:s, s:s, s:s}", "filters", WIDTH, "kernel_size", 3,
                             "padding", "same", "activation", "relu", "kernel_initializer",
                             "he_normal"));
    }
    thaw_graph_init(g, 0, 7);
    return g;
}

/* One channel that conv `number` reads becomes 1000 times as large as the others; the network
 * computes what it did. */
static void spoil(struct thaw_graph *g, int number)
{
    struct thaw_param *before = g->nodes[number - 1].params, *kernel = g->nodes[number].params;
    for (size_t i = 0; i < before[0].count; i += WIDTH)
        before[0].data[i] *= 1000;
    before[1].data[0] *= 1000;
    for (size_t tap = 0; tap < 9; tap++)
        for (size_t o = 0; o < WIDTH; o++)
            kernel->data[tap * WIDTH * WIDTH + o] /= 1000;
}

struct bench {
    struct thaw_judge judge;
    struct thaw_ranges ranges;
    float *x;
};

/* False where the machine has no int8. */
static bool set_up(struct bench *b)
{
    size_t count = (size_t)PICTURES * SIDE * SIDE * WIDTH;
    struct thaw_rng rng = thaw_rng_at(3, 0, 0, 0);
    *b = (struct bench){0};
    if (thaw_precision_lacks(THAW_INT8)) {
        thaw_skip("int8: this machine has no fast path");
        return false;
    }
    b->x = thaw_new(count, sizeof *b->x, NULL);
    b->judge = (struct thaw_judge){.graph = chain(), .last = -1, .x = b->x, .n = PICTURES};
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->x);
    for (size_t i = 0; i < count; i++)
        b->x[i] = thaw_rng_uniform(&rng, -1, 1);
    return true;
}

/* After the network has got its weights. */
static void calibrate(struct bench *b)
{
    struct thaw_error err = {0};
    int rc = thaw_calibrate(b->judge.graph, -1, b->x, PICTURES, &b->ranges, &err) ||
             thaw_judge_init(&b->judge, &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(rc ? -1 : 0, &err), 0);
}

static double drift(struct bench *b, enum thaw_precision precision)
{
    struct thaw_error err = {0};
    double d = NAN;
    int rc = thaw_judge_drift(&b->judge, precision, &b->ranges, &d, &err);
    CU_ASSERT_EQUAL(thaw_told(rc, &err), 0);
    return d;
}

static struct thaw_mixture mix(struct bench *b, double most)
{
    struct thaw_error err = {0};
    struct thaw_mixture m = {0};
    CU_ASSERT_EQUAL(thaw_told(thaw_mix(&b->judge, most, &b->ranges, &m, &err), &err), 0);
    return m;
}

static void tear_down(struct bench *b)
{
    thaw_judge_release(&b->judge);
    thaw_ranges_release(&b->ranges);
    thaw_graph_free(b->judge.graph);
    free(b->x);
}

/* On either side of halves, and at the end. */
static void test_one(void)
{
    static const int numbers[] = {8, 14, 15, DEPTH};
    struct bench b;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (!set_up(&b))
            return;
        calibrate(&b);
        double good = drift(&b, THAW_INT8);
        CU_ASSERT(good <= limit);
        thaw_judge_release(&b.judge);
        thaw_ranges_release(&b.ranges);
        spoil(b.judge.graph, numbers[i]);
        calibrate(&b);
        CU_ASSERT(drift(&b, THAW_INT8) > 2 * limit);
        struct thaw_mixture m = mix(&b, limit);
        CU_ASSERT_EQUAL(m.convolutions, DEPTH);
        CU_ASSERT(m.drift <= limit);
        CU_ASSERT_DOUBLE_EQUAL(m.drift, drift(&b, THAW_INT8), 0);
        CU_ASSERT_EQUAL_FATAL(b.ranges.n_higher, 1);
        CU_ASSERT_EQUAL(b.ranges.higher[0], numbers[i]);
        tear_down(&b);
    }
}

static void test_two(void)
{
    struct bench b;
    if (!set_up(&b))
        return;
    spoil(b.judge.graph, 5);
    spoil(b.judge.graph, 20);
    calibrate(&b);
    CU_ASSERT(mix(&b, limit).drift <= limit);
    CU_ASSERT_EQUAL_FATAL(b.ranges.n_higher, 2);
    CU_ASSERT(b.ranges.higher[0] == 5 && b.ranges.higher[1] == 20);
    /* A limit that nothing keeps leaves all in int8, whatever was there before. */
    if (thaw_precision_for(THAW_BF16) == THAW_BF16) {
        CU_ASSERT(isnan(mix(&b, 1e-9).drift));
        CU_ASSERT_EQUAL(b.ranges.n_higher, 0);
    }
    tear_down(&b);
}

/* Near the picture, which must be converted anyway, it is cheaper to keep what lies before too. */
static void test_neighbours(void)
{
    struct bench b;
    if (!set_up(&b))
        return;
    spoil(b.judge.graph, 3);
    calibrate(&b);
    CU_ASSERT(mix(&b, limit).drift <= limit);
    CU_ASSERT_EQUAL_FATAL(b.ranges.n_higher, 3);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(b.ranges.higher[i], i + 1);
    tear_down(&b);
}

/* Many that must stay higher cost more in conversions than the others save: then all stay. */
static void test_not_worth(void)
{
    struct bench b;
    if (!set_up(&b))
        return;
    for (int i = 3; i < DEPTH; i += 3)
        spoil(b.judge.graph, i);
    calibrate(&b);
    CU_ASSERT(mix(&b, limit).drift <= limit);
    CU_ASSERT_EQUAL(b.ranges.n_higher, DEPTH);
    enum thaw_precision higher = thaw_precision_for(THAW_BF16);
    CU_ASSERT_DOUBLE_EQUAL(drift(&b, THAW_INT8), drift(&b, higher), 0.002);
    tear_down(&b);
}

/* Neighbours stay in int8; what is kept reads and writes no 8-bit value. */
static void test_plan(void)
{
    enum { KEPT = 9 };
    struct thaw_error err = {0};
    struct bench b;
    if (!set_up(&b))
        return;
    calibrate(&b);
    bool low = thaw_precision_for(THAW_BF16) == THAW_BF16;
    enum thaw_type higher = low ? THAW_TYPE_BF16 : THAW_TYPE_F32;
    struct thaw_plan_options options = {.last = -1, .precision = THAW_INT8, .ranges = &b.ranges};
    b.ranges.higher = thaw_new(1, sizeof *b.ranges.higher, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b.ranges.higher);
    b.ranges.higher[0] = KEPT;
    b.ranges.n_higher = 1;
    struct thaw_plan *p = thaw_plan_create(b.judge.graph, &options, &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(p ? 0 : -1, &err), 0);
    int converts = 0, linear = 0;
    for (int i = 0; i < p->n_ops; i++) {
        const struct thaw_op *op = &p->ops[i];
        const struct thaw_value *in = &p->values[op->in[0]];
        converts += op->kind == &thaw_op_convert;
        if (op->kind != &thaw_op_linear)
            continue;
        linear++;
        if (op->node == &b.judge.graph->nodes[KEPT])
            CU_ASSERT(in->type == higher && p->values[op->out].type == THAW_TYPE_F32)
        else
            CU_ASSERT(thaw_type_is_8bit(in->type));
    }
    CU_ASSERT_EQUAL(linear, DEPTH);
    CU_ASSERT_EQUAL(converts, 4); /* the ends, and either side of what is kept */
    thaw_plan_free(p);
    tear_down(&b);
}

/* --- in a training run --- */

enum { MUCH = 1 << 24 };
static struct thaw_settled told;
static int told_higher;

static void settled(void *ctx, int stage, const struct thaw_settled *s)
{
    (void)ctx;
    if (stage == 0) {
        told = *s;
        told_higher = s->n_higher ? s->higher[0] : -1;
    }
}

/* All but one channel of what conv2 reads become small. */
static void spoil_rig(struct rig *rig)
{
    struct thaw_graph *g = rig->graph;
    struct thaw_node *norm = &g->nodes[thaw_graph_find(g, "bn2")];
    struct thaw_param *kernel = g->nodes[thaw_graph_find(g, "conv2")].params;
    for (size_t c = 1; c < 16; c++) {
        norm->params[0].data[c] /= 1000;
        norm->params[1].data[c] /= 1000;
        for (size_t o = 0; o < 16; o++)
            kernel->data[c * 16 + o] *= 1000;
    }
}

static void run_rig(struct rig *rig, const char *folder, int most)
{
    struct thaw_error err = {0};
    CU_ASSERT_TRUE_FATAL(rig_init(rig, "head:epochs=2"));
    spoil_rig(rig);
    rig->options.frozen = THAW_INT8;
    rig->options.most_at_once = most;
    rig->options.cache = (struct thaw_cache_limits){
        .memory = MUCH, .disk = MUCH, .folder = folder, .keep = folder != NULL};
    rig->observer.settled = settled;
    CU_ASSERT_TRUE_FATAL(rig_start(rig));
    CU_ASSERT_EQUAL(thaw_told(rig_run(rig, &err), &err), 0);
}

/* Kept features know which layers stayed higher: memory that is short leaves none. */
static void test_training(void)
{
    struct rig rig;
    const char *folder = thaw_tmp("mixed-features");
    if (thaw_precision_lacks(THAW_INT8)) {
        thaw_skip("int8: this machine has no fast path");
        return;
    }
    run_rig(&rig, folder, 8);
    CU_ASSERT(told.precision == THAW_INT8 && told.n_higher == 0 && isnan(told.mixed_drift));
    CU_ASSERT(told.drift[THAW_INT8] > THAW_DRIFT_LIMIT);
    rig_release(&rig);

    run_rig(&rig, folder, 0);
    CU_ASSERT(told.precision == THAW_INT8 && told.n_higher >= 1);
    CU_ASSERT(told.mixed_drift <= THAW_DRIFT_LIMIT);
    int found = rig.decoded;
    CU_ASSERT(found >= RIG_TRAIN + RIG_VAL);
    rig_release(&rig);

    run_rig(&rig, folder, 0);
    CU_ASSERT_EQUAL(rig.decoded, found - RIG_TRAIN - RIG_VAL); /* the sample alone */
    rig_release(&rig);

    thaw_features_folder_empty(folder);
}

/* Only who asks for int8 gets a mixture. */
static void test_automatic(void)
{
    struct rig rig;
    struct thaw_error err = {0};
    if (thaw_precision_lacks(THAW_INT8)) {
        thaw_skip("int8: this machine has no fast path");
        return;
    }
    CU_ASSERT_TRUE_FATAL(rig_init(&rig, "1:epochs=2"));
    spoil_rig(&rig);
    rig.options.frozen_auto = true;
    rig.observer.settled = settled;
    CU_ASSERT_TRUE_FATAL(rig_start(&rig));
    CU_ASSERT_EQUAL(thaw_told(rig_run(&rig, &err), &err), 0);
    CU_ASSERT(told.drift[THAW_INT8] > THAW_DRIFT_LIMIT && isnan(told.mixed_drift));
    CU_ASSERT(told.n_higher == 0 && told.precision != THAW_INT8);
    rig_release(&rig);
}

static int measured; /* stages in which a precision was tried, as bits */

static void note_measured(void *ctx, int stage, const struct thaw_settled *s)
{
    (void)ctx;
    bool any = !isnan(s->drift[THAW_BF16]) || !isnan(s->drift[THAW_INT8]);
    CU_ASSERT(any || s->precision == THAW_F32);
    measured |= any << stage;
}

/* A head's features, computed once, are little beside 16 epochs of more; beside 15 they are not. */
static void test_minor(void)
{
    static const struct {
        const char *stages;
        int measured;
    } cases[] = {{"head:epochs=1;1:epochs=16", 2}, {"head:epochs=1;1:epochs=15", 3}};
    if (thaw_precision_lacks(THAW_INT8)) {
        thaw_skip("int8: this machine has no fast path");
        return;
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        struct thaw_error err = {0};
        CU_ASSERT_TRUE_FATAL(rig_init(&rig, cases[i].stages));
        rig.options.frozen_auto = true;
        rig.observer.settled = note_measured;
        measured = 0;
        CU_ASSERT_TRUE_FATAL(rig_start(&rig));
        CU_ASSERT_EQUAL(thaw_told(rig_run(&rig, &err), &err), 0);
        CU_ASSERT_EQUAL(measured, cases[i].measured);
        rig_release(&rig);
    }
}

void thaw_test_mixed(void)
{
    CU_pSuite s = thaw_suite("mixed");
    CU_add_test(s, "one convolution that int8 does not suit is found", test_one);
    CU_add_test(s, "two are; and none where nothing helps", test_two);
    CU_add_test(s, "what costs less as a group stays as a group", test_neighbours);
    CU_add_test(s, "too many leave all of them higher", test_not_worth);
    CU_add_test(s, "a mixed plan converts where precisions meet", test_plan);
    CU_add_test(s, "auto does not mix", test_automatic);
    CU_add_test(s, "auto leaves what is little of a run in float32", test_minor);
    CU_add_test(s, "a training run mixes, and keeps features apart", test_training);
}
