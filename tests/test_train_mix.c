/* Mixup: what trains sees mixtures of the batch's images, and is told so. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/rng.h"
#include "tests/check.h"
#include "tests/train_rig.h"

enum { BATCH = 8, SAMPLE = 8 * 8 * 8 };
static const float alpha = 0.4F;

static void start(struct rig *rig, const char *stages)
{
    CU_ASSERT_TRUE_FATAL(rig_init(rig, stages));
    rig->options.keep = THAW_KEEP_LAST;
}

static void run(struct rig *rig)
{
    struct thaw_error err = {0};
    CU_ASSERT_TRUE_FATAL(rig_start(rig));
    CU_ASSERT_EQUAL_FATAL(thaw_told(rig_run(rig, &err), &err), 0);
}

/* The weights after a run; the caller frees. */
static float *learn(struct rig *rig)
{
    float *weights = malloc(train_net_count(rig->graph) * sizeof *weights);
    run(rig);
    train_net_get(rig->graph, weights);
    return weights;
}

/* A source whose training batches are mixed by hand: pictures, and targets of labels. */
struct mixer {
    struct thaw_batch_source plain;
    uint64_t seed;
    uint32_t update;
    bool training;
};

static int begin_mixed(void *ctx, const struct thaw_epoch_request *request, struct thaw_error *err)
{
    struct mixer *m = ctx;
    m->training = request->training;
    return m->plain.begin(m->plain.ctx, request, err);
}

static void blend(const float *from, int n, size_t count, const float *shares, float *to)
{
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < count; k++)
            to[(size_t)i * count + k] = shares[i] * from[(size_t)i * count + k] +
                                        (1 - shares[i]) * from[(size_t)((i + 1) % n) * count + k];
}

static int next_mixed(void *ctx, struct thaw_train_batch *batch, struct thaw_error *err)
{
    static float x[BATCH * SAMPLE], targets[BATCH * TRAIN_NET_CLASSES], shares[BATCH];
    struct mixer *m = ctx;
    int more = m->plain.next(m->plain.ctx, batch, err);
    if (more <= 0 || !m->training)
        return more;
    struct thaw_rng rng = thaw_rng_at(m->seed, m->update++, 0, THAW_RNG_MIX);
    for (int i = 0; i < batch->n; i++) {
        float share = thaw_rng_beta(&rng, alpha);
        shares[i] = fmaxf(share, 1 - share);
    }
    blend(batch->x, batch->n, SAMPLE, shares, x);
    blend(batch->targets, batch->n, TRAIN_NET_CLASSES, shares, targets);
    batch->x = x;
    batch->targets = targets;
    return more;
}

static void learn_mixed(struct rig *rig)
{
    struct thaw_error err = {0};
    struct mixer mixer = {.plain = rig->source, .seed = rig->options.seed};
    struct thaw_batch_source source = {.ctx = &mixer,
                                       .begin = begin_mixed,
                                       .next = next_mixed,
                                       .train_images = RIG_TRAIN,
                                       .val_images = RIG_VAL};
    mixer.plain.ctx = rig->observer.ctx = rig;
    CU_ASSERT_TRUE_FATAL(rig_start(rig));
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(thaw_trainer_run(rig->trainer, &source, &rig->observer, &err), &err), 0);
}

/* The loss of labels is linear in their targets: a run that mixes learns what one learns without,
 * from mixed pictures and targets. */
static void test_by_hand(void)
{
    static const char stages[] = "all:epochs=2";
    struct rig mixing, given;
    start(&mixing, stages);
    mixing.options.mixup = alpha;
    mixing.options.loss = thaw_loss_find("binary_cross_entropy", NULL);
    start(&given, stages);
    given.options.loss = mixing.options.loss;
    size_t n = train_net_count(given.graph);
    float *before = malloc(n * sizeof *before);
    train_net_get(given.graph, before);
    float *a = learn(&mixing), *b = malloc(n * sizeof *b);
    learn_mixed(&given);
    train_net_get(given.graph, b);
    double error = 0, change = 0;
    for (size_t i = 0; i < n; i++) {
        error = fmax(error, fabs((double)a[i] - (double)b[i]));
        change = fmax(change, fabs((double)a[i] - (double)before[i]));
    }
    CU_ASSERT(change > 0.02);
    CU_ASSERT(error < 1e-4 * change);
    free(a);
    free(b);
    free(before);
    rig_release(&mixing);
    rig_release(&given);
}

/* Above a frozen part, from features that are kept or not, the network learns its classes. */
static void test_learns(void)
{
    for (int cached = 0; cached < 2; cached++) {
        struct rig rig;
        int results;
        start(&rig, "head:epochs=3;2:epochs=8,augment=1");
        rig.options.mixup = alpha;
        rig.options.views = 2;
        rig.options.cache.memory = cached ? 1 << 20 : 0;
        run(&rig);
        CU_ASSERT(thaw_trainer_results(rig.trainer, &results)[1].val_accuracy > 0.9);
        rig_release(&rig);
    }
}

/* Does a run end in the same bits with and without mixup? */
static bool same_bits(const char *stages)
{
    struct rig plain, mixing;
    start(&plain, stages);
    start(&mixing, stages);
    mixing.options.mixup = alpha;
    float *a = learn(&plain);
    run(&mixing);
    bool same = rig_holds(&mixing, a);
    free(a);
    rig_release(&plain);
    rig_release(&mixing);
    return same;
}

/* A head alone learns from images as they are. */
static void test_only_thawed(void)
{
    CU_ASSERT_TRUE(same_bits("head:epochs=2"));
    CU_ASSERT_FALSE(same_bits("head:epochs=2;2:epochs=1"));
}

void thaw_test_train_mix(void)
{
    CU_pSuite s = thaw_suite("train_mix");
    CU_add_test(s, "as pictures and targets mixed by hand", test_by_hand);
    CU_add_test(s, "learns above a frozen part, cached or not", test_learns);
    CU_add_test(s, "only once blocks thaw", test_only_thawed);
}
