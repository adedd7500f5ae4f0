/* The trainer: it learns, keeps the right weights, stops well, and goes on as if it had not. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/train_rig.h"

static void start(struct rig *rig, const char *stages)
{
    CU_ASSERT_TRUE_FATAL(rig_init(rig, stages));
}

static void run(struct rig *rig)
{
    struct thaw_error err = {0};
    CU_ASSERT_TRUE_FATAL(rig_start(rig));
    CU_ASSERT_EQUAL_FATAL(thaw_told(rig_run(rig, &err), &err), 0);
}

static void test_learns(void)
{
    struct rig rig;
    size_t n;
    int results;
    start(&rig, "head:epochs=3;all:epochs=8");
    run(&rig);
    const struct thaw_epoch *history = thaw_trainer_history(rig.trainer, &n);
    CU_ASSERT_EQUAL_FATAL(n, 11);
    CU_ASSERT(history[10].train_loss < 0.3 * history[0].train_loss);
    const struct thaw_stage_result *r = thaw_trainer_results(rig.trainer, &results);
    CU_ASSERT_EQUAL_FATAL(results, 2);
    CU_ASSERT(r[1].val_accuracy > 0.9);
    CU_ASSERT_EQUAL(r[0].epochs, 3);
    CU_ASSERT_EQUAL(r[1].epochs, 8);
    CU_ASSERT_EQUAL(history[3].stage, 1);
    CU_ASSERT_EQUAL(history[3].epoch, 0);
    CU_ASSERT_EQUAL(history[3].number, 3);
    rig_release(&rig);
}

/* The head trains alone: nothing below it changes. */
static void test_frozen(void)
{
    struct rig rig;
    start(&rig, "head:epochs=2");
    size_t n = train_net_count(rig.graph);
    float *before = malloc(n * sizeof *before), *after = malloc(n * sizeof *after);
    train_net_get(rig.graph, before);
    run(&rig);
    train_net_get(rig.graph, after);
    size_t head = 24 * TRAIN_NET_CLASSES + TRAIN_NET_CLASSES;
    CU_ASSERT_EQUAL(memcmp(before, after, (n - head) * sizeof *before), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(before, after, n * sizeof *before), 0);
    free(before);
    free(after);
    rig_release(&rig);
}

/* Labels, each by itself: the mean AUC says which epoch is best. */
static void test_labels(void)
{
    struct rig rig;
    size_t n, best = 0;
    int results;
    start(&rig, "all:epochs=8");
    rig.options.loss = thaw_loss_find("binary_cross_entropy", NULL);
    rig.misled_from = 5;
    run(&rig);
    const struct thaw_epoch *history = thaw_trainer_history(rig.trainer, &n);
    CU_ASSERT_EQUAL_FATAL(n, 8);
    for (size_t i = 1; i < n; i++)
        if (history[i].val_auc > history[best].val_auc ||
            (history[i].val_auc == history[best].val_auc &&
             history[i].val_loss < history[best].val_loss))
            best = i;
    CU_ASSERT(history[best].val_auc > 0.9);
    CU_ASSERT(history[7].val_auc < 0.7);
    CU_ASSERT(history[4].train_accuracy > 0.9);
    const struct thaw_stage_result *r = thaw_trainer_results(rig.trainer, &results);
    CU_ASSERT(r->val_auc == history[best].val_auc && r->val_loss == history[best].val_loss);
    CU_ASSERT_TRUE(rig_holds(&rig, rig.after[best]));
    rig_release(&rig);
}

/* The epoch that validates best; the earlier of equals. */
static size_t best_of(const struct thaw_epoch *history, size_t first, size_t n)
{
    size_t best = first;
    for (size_t i = first + 1; i < n; i++)
        if (history[i].val_accuracy > history[best].val_accuracy ||
            (history[i].val_accuracy == history[best].val_accuracy &&
             history[i].val_loss < history[best].val_loss))
            best = i;
    return best;
}

static const char one_stage[] = "all:epochs=6";

static void test_keep_best(void)
{
    struct rig rig;
    size_t n;
    int results;
    start(&rig, one_stage);
    rig.misled_from = 4;
    run(&rig);
    const struct thaw_epoch *history = thaw_trainer_history(rig.trainer, &n);
    size_t best = best_of(history, 0, n);
    CU_ASSERT(best < 4);
    CU_ASSERT_TRUE(rig_holds(&rig, rig.after[best]));
    const struct thaw_stage_result *r = thaw_trainer_results(rig.trainer, &results);
    CU_ASSERT_EQUAL(r[0].val_loss, history[best].val_loss);
    CU_ASSERT_TRUE(history[best].best);
    rig_release(&rig);
}

static void test_keep_last(void)
{
    struct rig rig;
    size_t n;
    int results;
    start(&rig, one_stage);
    rig.misled_from = 4;
    rig.options.keep = THAW_KEEP_LAST;
    run(&rig);
    const struct thaw_epoch *history = thaw_trainer_history(rig.trainer, &n);
    CU_ASSERT_TRUE(rig_holds(&rig, rig.after[n - 1]));
    const struct thaw_stage_result *r = thaw_trainer_results(rig.trainer, &results);
    CU_ASSERT_EQUAL(r[0].val_loss, history[n - 1].val_loss);
    rig_release(&rig);
}

static const char two_stages[] = "all:epochs=6;all:epochs=2";

static void test_rollback(void)
{
    struct rig rig;
    size_t n;
    int results;
    start(&rig, two_stages);
    rig.misled_from = 6;
    run(&rig);
    const struct thaw_epoch *history = thaw_trainer_history(rig.trainer, &n);
    const struct thaw_stage_result *r = thaw_trainer_results(rig.trainer, &results);
    CU_ASSERT_TRUE(r[0].kept);
    CU_ASSERT_FALSE(r[1].kept);
    CU_ASSERT_EQUAL(r[1].val_loss, r[0].val_loss);
    CU_ASSERT_TRUE(rig_holds(&rig, rig.after[best_of(history, 0, 6)]));
    rig_release(&rig);
}

static void test_no_rollback(void)
{
    struct rig rig;
    size_t n;
    int results;
    start(&rig, two_stages);
    rig.misled_from = 6;
    rig.options.rollback = false;
    run(&rig);
    const struct thaw_epoch *history = thaw_trainer_history(rig.trainer, &n);
    const struct thaw_stage_result *r = thaw_trainer_results(rig.trainer, &results);
    CU_ASSERT_TRUE(r[1].kept);
    CU_ASSERT_TRUE(rig_holds(&rig, rig.after[best_of(history, 6, n)]));
    rig_release(&rig);
}

static void test_patience(void)
{
    struct rig rig;
    size_t n;
    start(&rig, "all:epochs=14,patience=2");
    rig.misled_from = 5;
    run(&rig);
    const struct thaw_epoch *history = thaw_trainer_history(rig.trainer, &n);
    CU_ASSERT(n < 14);
    size_t lowest = 0;
    for (size_t i = 1; i < n; i++)
        lowest = history[i].val_loss < history[lowest].val_loss ? i : lowest;
    CU_ASSERT_EQUAL(n, lowest + 3);
    rig_release(&rig);
}

static void test_plateau(void)
{
    struct rig rig;
    size_t n;
    start(&rig, "all:epochs=10,schedule=plateau");
    rig.misled_from = 5;
    run(&rig);
    const struct thaw_epoch *history = thaw_trainer_history(rig.trainer, &n);
    CU_ASSERT_DOUBLE_EQUAL(history[0].rate, 0.01, 1e-9);
    CU_ASSERT(history[n - 1].rate < 0.0021);
    rig_release(&rig);
}

static void test_divergence(void)
{
    struct rig rig;
    struct thaw_error err = {0};
    start(&rig, "head:epochs=2;all:epochs=3,lr=0.02");
    rig.poisoned = 3;
    CU_ASSERT_TRUE_FATAL(rig_start(&rig));
    CU_ASSERT_EQUAL(rig_run(&rig, &err), -1);
    CU_ASSERT_EQUAL(err.code, THAW_EINPUT);
    CU_ASSERT_TRUE(thaw_says(&err, "diverged", "stage all", "epoch 2", "0.02", NULL));
    rig_release(&rig);
}

/* Dropout, batch statistics and optimiser state make the two halves of a run depend on each other.
 */
static void choose(struct rig *rig, int variant)
{
    rig->options.batch_statistics = variant == 1;
    rig->options.l2_sp = variant == 2 ? 0.1F : 0;
    if (variant == 3) {
        rig->options.optimizer = thaw_optimizer_find("sgd", NULL);
        rig->options.optimizer_options.nesterov = true;
        rig->options.micro_batch = 3;
        rig->options.keep = THAW_KEEP_LAST;
    }
    if (variant == 4)
        rig->options.loss = thaw_loss_find("binary_cross_entropy", NULL);
    rig->options.mixup = variant == 5 ? 0.2F : 0;
}

/* From the file into a trainer of its own, and to the end. */
static void go_on(struct rig *rig, const char *stages, int variant, const char *path)
{
    struct thaw_error err = {0};
    start(rig, stages);
    choose(rig, variant);
    CU_ASSERT_TRUE_FATAL(rig_start(rig));
    struct thaw_keras_file *file = thaw_keras_load(path, &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(file ? 0 : -1, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_trainer_load(rig->trainer, file, &err), &err), 0);
    thaw_keras_free(file);
    CU_ASSERT_EQUAL_FATAL(thaw_told(rig_run(rig, &err), &err), 0);
}

static bool same_history(const struct rig *a, const struct rig *b)
{
    size_t n, m;
    const struct thaw_epoch *x = thaw_trainer_history(a->trainer, &n);
    const struct thaw_epoch *y = thaw_trainer_history(b->trainer, &m);
    bool same = n == m;
    for (size_t i = 0; same && i < n; i++)
        same = x[i].stage == y[i].stage && x[i].epoch == y[i].epoch && x[i].rate == y[i].rate &&
               x[i].train_loss == y[i].train_loss && x[i].train_accuracy == y[i].train_accuracy &&
               x[i].val_loss == y[i].val_loss && x[i].val_accuracy == y[i].val_accuracy &&
               (x[i].val_auc == y[i].val_auc || isnan(y[i].val_auc)) && x[i].best == y[i].best;
    return same;
}

static void test_resume(void)
{
    static const char stages[] = "head:epochs=2;2:epochs=2,lr=0.05,schedule=cosine";
    const char *path = thaw_tmp("state.h5");
    struct thaw_error err = {0};
    for (int variant = 0; variant < 6; variant++) {
        struct rig whole;
        start(&whole, stages);
        choose(&whole, variant);
        run(&whole);
        float *end = malloc(train_net_count(whole.graph) * sizeof *end);
        train_net_get(whole.graph, end);
        /* Within an epoch, after its last update, at both sides of the change of stage. */
        static const int places[] = {2, 3, 4, 6, 7, 11};
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            struct rig half, rest;
            start(&half, stages);
            choose(&half, variant);
            half.stop_at = places[i];
            CU_ASSERT_TRUE_FATAL(rig_start(&half));
            CU_ASSERT_EQUAL(rig_run(&half, &err), -1);
            CU_ASSERT_EQUAL(err.code, THAW_ESTOPPED);
            rig_save(&half, path);
            go_on(&rest, stages, variant, path);
            CU_ASSERT_TRUE(rig_holds(&rest, end));
            CU_ASSERT_TRUE(same_history(&whole, &rest));
            rig_release(&half);
            rig_release(&rest);
        }
        free(end);
        rig_release(&whole);
    }
}

/* A state of another run is not taken. */
static void test_foreign_state(void)
{
    const char *path = thaw_tmp("foreign.h5");
    struct thaw_error err = {0};
    struct rig rig, other;
    start(&rig, "2:epochs=2");
    rig.options.micro_batch = 4;
    rig.stop_at = 2;
    CU_ASSERT_TRUE_FATAL(rig_start(&rig));
    CU_ASSERT_EQUAL(rig_run(&rig, &err), -1);
    rig_save(&rig, path);
    struct thaw_keras_file *file = thaw_keras_load(path, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    start(&other, "2:epochs=2");
    other.options.micro_batch = 2;
    CU_ASSERT_TRUE_FATAL(rig_start(&other));
    CU_ASSERT_EQUAL(thaw_trainer_load(other.trainer, file, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "micro-batches of 4", "of 2", NULL));
    rig_release(&other);
    start(&other, "head:epochs=2");
    other.options.micro_batch = 4;
    CU_ASSERT_TRUE_FATAL(rig_start(&other));
    CU_ASSERT_EQUAL(thaw_trainer_load(other.trainer, file, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "optimizer_0", "needs", NULL));
    rig_release(&other);
    thaw_keras_free(file);
    rig_release(&rig);
}

void thaw_test_train(void)
{
    CU_pSuite s = thaw_suite("train");
    CU_add_test(s, "learns what can be learnt", test_learns);
    CU_add_test(s, "labels are learnt, and their AUC chooses", test_labels);
    CU_add_test(s, "a frozen backbone keeps its bits", test_frozen);
    CU_add_test(s, "keep best: the weights of the best epoch", test_keep_best);
    CU_add_test(s, "keep last: the weights of the last epoch", test_keep_last);
    CU_add_test(s, "a stage that worsens validation is undone", test_rollback);
    CU_add_test(s, "or kept, when the user says so", test_no_rollback);
    CU_add_test(s, "patience ends a stage", test_patience);
    CU_add_test(s, "plateau lowers the rate", test_plateau);
    CU_add_test(s, "what is not a number stops the run", test_divergence);
    CU_add_test(s, "a resumed run ends in the same bits", test_resume);
    CU_add_test(s, "the state of another run is refused", test_foreign_state);
}
