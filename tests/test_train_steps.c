/* Five training steps against PyTorch: tests/refs/make_train.py. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "tests/check.h"
#include "tests/npz.h"
#include "tests/train_net.h"

enum { STEPS = 5, BATCH = 8, POOL = 16, SIDE = 12, SAMPLE = SIDE * SIDE * 8 };
static const double LOSS_LIMIT = 1e-4, CHANGE_LIMIT = 0.01;

static float *load(const char *member)
{
    float *data = NULL;
    long dims[THAW_NPY_RANK];
    int rank;
    CU_ASSERT_EQUAL_FATAL(thaw_npz_load(thaw_ref("train_arrays.npz"), member, &data, dims, &rank),
                          0);
    return data;
}

static json_t *load_cases(void)
{
    struct thaw_error err = {0};
    json_t *cases = thaw_json_load(thaw_ref("train_cases.json"), &err);
    thaw_told(cases ? 0 : -1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(cases);
    return cases;
}

static float real(const json_t *object, const char *key)
{
    return (float)json_number_value(json_object_get(object, key));
}

static struct thaw_train_options options_of(const json_t *c, const json_t *common, int micro_batch,
                                            float class_weights[TRAIN_NET_CLASSES])
{
    struct thaw_error err = {0};
    const char *optimizer = json_string_value(json_object_get(c, "optimizer"));
    struct thaw_train_options o = {.batch = BATCH,
                                   .micro_batch = micro_batch,
                                   .loss = thaw_loss_find("cross_entropy", &err),
                                   .loss_options = {.smoothing = real(common, "smoothing")},
                                   .class_weights = class_weights,
                                   .optimizer = thaw_optimizer_find(optimizer, &err),
                                   .optimizer_options = thaw_optimizer_presets(),
                                   .l2_sp = real(c, "l2_sp"),
                                   .clip = real(c, "clip"),
                                   .batch_statistics =
                                       json_is_true(json_object_get(c, "batch_statistics")),
                                   .classes = TRAIN_NET_CLASSES};
    const json_t *list = json_object_get(common, "class_weights");
    for (size_t i = 0; i < TRAIN_NET_CLASSES; i++)
        class_weights[i] = (float)json_number_value(json_array_get(list, i));
    if (json_object_get(c, "momentum"))
        o.optimizer_options.momentum = real(c, "momentum");
    o.optimizer_options.nesterov = json_is_true(json_object_get(c, "nesterov"));
    return o;
}

/* The five steps; their losses. */
static bool take_steps(struct thaw_trainer *t, const float *x, const float *labels,
                       double losses[STEPS])
{
    struct thaw_error err = {0};
    static float batch_x[BATCH * SAMPLE];
    int batch_labels[BATCH];
    if (thaw_told(thaw_trainer_open_stage(t, t->options.precision, &err), &err))
        return false;
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < BATCH; i++) {
            int pick = (3 * step + i) % POOL;
            memcpy(batch_x + i * SAMPLE, x + pick * SAMPLE, SAMPLE * sizeof *x);
            batch_labels[i] = (int)labels[pick];
        }
        struct thaw_train_batch batch = {.n = BATCH, .x = batch_x, .labels = batch_labels};
        t->at.sums = (struct thaw_sums){0};
        if (thaw_told(thaw_trainer_step(t, &batch, POOL, &err), &err))
            return false;
        losses[step] = t->at.sums.loss / BATCH;
    }
    return true;
}

/* Each tensor has moved as the reference's has, within CHANGE_LIMIT in L2; frozen ones not at all.
 */
static bool moved_alike(const struct thaw_graph *graph, const float *start, const float *want,
                        const char *name)
{
    bool alike = true;
    for (int i = 0; i < graph->n_nodes; i++)
        for (int k = 0; k < graph->nodes[i].n_params; k++) {
            const struct thaw_param *p = &graph->nodes[i].params[k];
            double off = 0, moved = 0;
            for (size_t j = 0; j < p->count; j++) {
                double d = (double)p->data[j] - want[j], m = (double)want[j] - start[j];
                off += d * d;
                moved += m * m;
            }
            if (!(sqrt(off) <= CHANGE_LIMIT * sqrt(moved))) {
                printf("\n    %s: %s %s moved by %g, off by %g\n", name, graph->nodes[i].name,
                       p->role, sqrt(moved), sqrt(off));
                alike = false;
            }
            start += p->count;
            want += p->count;
        }
    return alike;
}

static bool run_case(const json_t *c, const json_t *common, int micro_batch)
{
    struct thaw_error err = {0};
    const char *name = json_string_value(json_object_get(c, "name"));
    const char *first = json_string_value(json_object_get(c, "first"));
    float class_weights[TRAIN_NET_CLASSES];
    double losses[STEPS];
    bool good = false;
    float *x = load("x"), *labels = load("labels"), *start = load("initial"), *want = load(name);
    struct thaw_graph *graph = train_net_create(SIDE, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(graph);
    train_net_set(graph, start);
    struct thaw_blocks blocks = train_net_blocks(graph);
    struct thaw_stage stage = {.name = "test",
                               .first = thaw_graph_find(graph, first),
                               .epochs = 1,
                               .rate = real(c, "rate"),
                               .block_decay = real(common, "block_decay"),
                               .weight_decay = real(c, "decay"),
                               .schedule = thaw_schedule_find("constant", &err)};
    struct thaw_stages stages = {&stage, 1};
    struct thaw_train_options o = options_of(c, common, micro_batch, class_weights);
    o.head = train_net_head(graph);
    struct thaw_trainer *t = thaw_trainer_create(graph, &stages, &blocks, &o, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    if (take_steps(t, x, labels, losses)) {
        good = moved_alike(graph, start, want, name);
        const json_t *list = json_object_get(c, "losses");
        for (size_t i = 0; i < STEPS; i++) {
            double loss = json_number_value(json_array_get(list, i));
            if (!(fabs(losses[i] - loss) <= LOSS_LIMIT)) {
                printf("\n    %s: loss %.7f of step %zu, %.7f wanted\n", name, losses[i], i + 1,
                       loss);
                good = false;
            }
        }
    }
    thaw_trainer_free(t);
    thaw_blocks_release(&blocks);
    thaw_graph_free(graph);
    free(x);
    free(labels);
    free(start);
    free(want);
    return good;
}

static void run_cases(bool statistics, int micro_batch)
{
    json_t *all = load_cases();
    const json_t *list = json_object_get(all, "cases");
    int run = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *c = json_array_get(list, i);
        if (json_is_true(json_object_get(c, "batch_statistics")) != statistics)
            continue;
        CU_ASSERT_TRUE(run_case(c, json_object_get(all, "common"), micro_batch));
        run++;
    }
    CU_ASSERT(run >= 2);
    json_decref(all);
}

static void test_one(void)
{
    run_cases(false, 1);
}

static void test_four(void)
{
    run_cases(false, 4);
}

static void test_three(void)
{
    run_cases(false, 3); /* the last micro-batch has room left */
}

static void test_whole(void)
{
    run_cases(false, BATCH);
}

static void test_chosen(void)
{
    run_cases(false, 0);
}

static void test_statistics(void)
{
    run_cases(true, 0);
}

void thaw_test_train_steps(void)
{
    CU_pSuite s = thaw_suite("train_steps");
    CU_add_test(s, "five steps equal PyTorch's with micro-batches of one", test_one);
    CU_add_test(s, "five steps equal PyTorch's with micro-batches of three", test_three);
    CU_add_test(s, "five steps equal PyTorch's with micro-batches of four", test_four);
    CU_add_test(s, "five steps equal PyTorch's with the whole batch at once", test_whole);
    CU_add_test(s, "five steps equal PyTorch's with the size chosen by itself", test_chosen);
    CU_add_test(s, "five steps equal PyTorch's on batch statistics", test_statistics);
}
