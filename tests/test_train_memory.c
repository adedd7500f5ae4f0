/* What a run will take is known before anything is made. */
#include "io/base/par.h"
#include "nn/model.h"
#include "tests/check.h"
#include "tests/train_rig.h"

/* The estimate of an executor against the executor. Scratch grows with threads, so that one is
 * taken, and some does not with samples, so that these are many. Pairs may need less than said. */
static void test_estimate(void)
{
    enum { SAMPLES = 32 };
    static const char *const nets[] = {"mobilenet_v2:0.35", "squeezenet", "efficientnet_lite0"};
    struct thaw_error err = {0};
    int threads = thaw_par_threads();
    thaw_par_set_threads(1);
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct thaw_arch_options o = {.height = 96, .width = 96, .classes = 5};
        struct thaw_graph *graph = thaw_model_random(nets[i], &o, 1, &err);
        CU_ASSERT_EQUAL_FATAL(thaw_told(graph ? 0 : -1, &err), 0);
        for (int kind = 0; kind < 3; kind++) {
            bool pairs = kind == 0, training = kind == 2;
            for (int k = 0; k < graph->n_nodes; k++)
                graph->nodes[k].trainable = training;
            struct thaw_plan_options options = {
                .last = -1, .training = training, .apart = !pairs, .logits = true};
            struct thaw_plan *plan = thaw_plan_create(graph, &options, &err);
            CU_ASSERT_PTR_NOT_NULL_FATAL(plan);
            struct thaw_exec *exec = thaw_exec_create(plan, SAMPLES, &err);
            CU_ASSERT_PTR_NOT_NULL_FATAL(exec);
            double real = (double)thaw_exec_bytes(exec);
            double said = (double)thaw_exec_estimate(plan, SAMPLES);
            CU_ASSERT(pairs || said <= real);
            CU_ASSERT(said >= 0.9 * real);
            thaw_exec_free(exec);
            thaw_plan_free(plan);
        }
        thaw_graph_free(graph);
    }
    thaw_par_set_threads(threads);
}

static size_t measure(struct rig *rig)
{
    struct thaw_error err = {0};
    size_t bytes = 0;
    CU_ASSERT_EQUAL(thaw_told(thaw_trainer_measure(rig->graph, &rig->stages, &rig->options,
                                                   RIG_TRAIN, &bytes, &err),
                              &err),
                    0);
    return bytes;
}

static void test_measure(void)
{
    struct rig rig;
    CU_ASSERT_TRUE_FATAL(rig_init(&rig, "head;2;all"));
    size_t all = measure(&rig);
    CU_ASSERT_EQUAL(measure(&rig), all);
    rig.options.micro_batch = 8;
    size_t eight = measure(&rig);
    rig.options.micro_batch = 2;
    size_t two = measure(&rig);
    CU_ASSERT(two < eight);
    rig.options.micro_batch = 0;
    rig.options.most_at_once = 2;
    CU_ASSERT(measure(&rig) <= all);
    rig.options.most_at_once = 0;
    rig.options.frozen_auto = true;
    size_t settling = measure(&rig);
    CU_ASSERT(settling > all);
    rig.options.sample = 16;
    CU_ASSERT(measure(&rig) < settling);
    rig.options.frozen_auto = false;
    rig.options.l2_sp = 1;
    CU_ASSERT(measure(&rig) > all);
    rig.options.l2_sp = 0;
    rig.options.mixup = 0.2F;
    CU_ASSERT(measure(&rig) > all);
    rig.options.mixup = 0;
    rig.options.batch_statistics = true;
    CU_ASSERT(measure(&rig) > all);
    rig_release(&rig);
}

/* A bound on what runs at once changes the sums' order, not what is learnt. */
static void test_bound(void)
{
    struct rig rig;
    struct thaw_error err = {0};
    int n;
    CU_ASSERT_TRUE_FATAL(rig_init(&rig, "head:epochs=3;all:epochs=8"));
    rig.options.most_at_once = 1;
    CU_ASSERT_TRUE_FATAL(rig_start(&rig));
    CU_ASSERT_EQUAL_FATAL(thaw_told(rig_run(&rig, &err), &err), 0);
    CU_ASSERT(thaw_trainer_results(rig.trainer, &n)[1].val_accuracy > 0.9);
    rig_release(&rig);
}

void thaw_test_train_memory(void)
{
    CU_pSuite s = thaw_suite("train_memory");
    CU_add_test(s, "an executor's size from its plan", test_estimate);
    CU_add_test(s, "a run's size follows from its options", test_measure);
    CU_add_test(s, "learns with one image at once", test_bound);
}
