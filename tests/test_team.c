#include <string.h>

#include "io/base/par.h"
#include "nn/team.h"
#include "tests/check.h"
#include "tests/train_net.h"

enum { SIDE = 12, SAMPLE = SIDE * SIDE * 8, BATCH = 7, CLASSES = TRAIN_NET_CLASSES };

struct fixture {
    struct thaw_graph *graph;
    struct thaw_plan *plan;
    float x[BATCH * SAMPLE], direction[BATCH * CLASSES], y[BATCH * CLASSES];
    int pieces[BATCH]; /* how often a sample was run */
};

static void fixture_of(struct fixture *f, struct thaw_graph *graph, bool training)
{
    struct thaw_plan_options options = {.last = -1, .training = training, .logits = true};
    struct thaw_error err = {0};
    *f = (struct fixture){.graph = graph};
    CU_ASSERT_PTR_NOT_NULL_FATAL(f->graph);
    for (int i = 0; i < f->graph->n_nodes; i++)
        f->graph->nodes[i].trainable = true;
    f->plan = thaw_plan_create(f->graph, &options, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f->plan);
    for (size_t i = 0; i < BATCH * SAMPLE; i++)
        f->x[i] = (float)(i * 37 % 101) / 50 - 1;
    for (size_t i = 0; i < BATCH * CLASSES; i++)
        f->direction[i] = (float)(i * 29 % 13) / 6 - 1;
}

static void fixture_init(struct fixture *f, bool training)
{
    fixture_of(f, train_net_create(SIDE, 1), training);
}

static void fixture_release(struct fixture *f)
{
    thaw_plan_free(f->plan);
    thaw_graph_free(f->graph);
}

static int run_piece(void *ctx, struct thaw_exec *exec, const struct thaw_piece *piece,
                     struct thaw_error *err)
{
    struct fixture *f = ctx;
    size_t at = (size_t)piece->at;
    struct thaw_pass pass = {
        .x = f->x + at * SAMPLE, .form = THAW_NHWC, .count = piece->count, .training = true};
    for (int i = 0; i < piece->count; i++)
        f->pieces[piece->at + i]++;
    if (thaw_exec_forward(exec, &pass, err))
        return -1;
    thaw_exec_read(exec, piece->count, f->y + at * CLASSES);
    return thaw_exec_backward(exec, f->direction + at * CLASSES, piece->count, piece->first, err);
}

/* `samples` of the fixture through a team of so many threads; gradients stay in the team. */
static struct thaw_team *run_team(struct fixture *f, int threads, int micro_batch, int samples)
{
    struct thaw_error err = {0};
    int before = thaw_par_threads();
    thaw_par_set_threads(threads);
    struct thaw_team *team = thaw_team_create(f->plan, BATCH, micro_batch, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(team);
    CU_ASSERT_EQUAL(thaw_par_threads(), threads);
    memset(f->pieces, 0, sizeof f->pieces);
    CU_ASSERT_EQUAL(thaw_told(thaw_team_run(team, samples, run_piece, f, &err), &err), 0);
    CU_ASSERT_EQUAL(thaw_told(thaw_team_gradients(team, &err), &err), 0);
    thaw_par_set_threads(before);
    for (int i = 0; i < BATCH; i++)
        CU_ASSERT_EQUAL(f->pieces[i], i < samples);
    return team;
}

static double furthest(const struct fixture *f, struct thaw_team *a, struct thaw_team *b)
{
    double most = 0;
    for (int i = 0; i < f->plan->n_trained; i++) {
        double d = thaw_distance(thaw_team_gradient(a, i), thaw_team_gradient(b, i),
                                 f->plan->trained[i].param->count);
        most = d > most ? d : most;
    }
    return most;
}

static void test_sizes(void)
{
    static const struct {
        int threads, micro_batch, size;
    } cases[] = {{1, 2, 1}, {2, 2, 2}, {3, 2, 3}, {4, 2, 4}, {5, 2, 1}, {3, 7, 1}, {2, 0, 2}};
    struct fixture f;
    fixture_init(&f, true);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct thaw_team *t = run_team(&f, cases[i].threads, cases[i].micro_batch, BATCH);
        CU_ASSERT_EQUAL(thaw_team_size(t), cases[i].size);
        if (cases[i].micro_batch)
            CU_ASSERT_EQUAL(thaw_team_micro_batch(t), cases[i].micro_batch);
        thaw_team_free(t);
    }
    fixture_release(&f);
}

/* However the samples are shared out, the sum is the same, also when executors stay idle. */
static void test_shared_out(void)
{
    static const int samples[] = {BATCH, 3, 1};
    struct fixture f;
    fixture_init(&f, true);
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        float y[BATCH * CLASSES];
        struct thaw_team *whole = run_team(&f, 1, BATCH, samples[i]);
        memcpy(y, f.y, sizeof y);
        for (int threads = 2; threads <= 4; threads++)
            for (int micro = 1; micro <= 2; micro++) {
                struct thaw_team *team = run_team(&f, threads, micro, samples[i]);
                CU_ASSERT(thaw_near(f.y, y, (size_t)(samples[i] * CLASSES), 1e-6));
                CU_ASSERT(furthest(&f, team, whole) < 1e-5);
                thaw_team_free(team);
            }
        thaw_team_free(whole);
    }
    fixture_release(&f);
}

/* Executors take their pieces in a fixed order: not even the last bits depend on who is faster, nor
 * on how many threads do the work. */
static void test_repeats(void)
{
    struct fixture f;
    struct thaw_error err = {0};
    fixture_init(&f, true);
    struct thaw_team *a = run_team(&f, 3, 1, BATCH), *b = run_team(&f, 3, 1, BATCH);
    CU_ASSERT_EQUAL(furthest(&f, a, b), 0);
    int before = thaw_par_threads();
    thaw_par_set_threads(1);
    CU_ASSERT_EQUAL(thaw_team_run(b, BATCH, run_piece, &f, &err), 0);
    CU_ASSERT_EQUAL(thaw_team_gradients(b, &err), 0);
    thaw_par_set_threads(before);
    CU_ASSERT_EQUAL(furthest(&f, a, b), 0);
    thaw_team_free(a);
    thaw_team_free(b);
    fixture_release(&f);
}

/* New weights reach every executor. */
static void test_update(void)
{
    struct fixture f;
    struct thaw_error err = {0};
    fixture_init(&f, true);
    struct thaw_team *team = run_team(&f, 3, 1, BATCH);
    for (int i = 0; i < f.plan->n_trained; i++)
        for (size_t j = 0; j < f.plan->trained[i].param->count; j++)
            f.plan->trained[i].param->data[j] += 0.01f * (float)(j % 3);
    CU_ASSERT_EQUAL(thaw_team_update(team, &err), 0);
    CU_ASSERT_EQUAL(thaw_team_run(team, BATCH, run_piece, &f, &err), 0);
    CU_ASSERT_EQUAL(thaw_team_gradients(team, &err), 0);
    struct thaw_team *fresh = run_team(&f, 3, 1, BATCH);
    CU_ASSERT_EQUAL(furthest(&f, team, fresh), 0);
    thaw_team_free(team);
    thaw_team_free(fresh);
    fixture_release(&f);
}

/* A batch norm behind an activation folds into nothing: it keeps weights of its own, in each
 * executor. */
static void test_own_weights(void)
{
    static const char *const kinds[] = {"InputLayer", "ReLU", "BatchNormalization",
                                        "GlobalAveragePooling2D", "Dense"};
    struct thaw_graph *graph = thaw_graph_create("net", NULL);
    struct fixture f;
    struct thaw_error err = {0};
    json_t *configs[] = {json_pack("{s:[n,i,i,i]}", "batch_input_shape", SIDE, SIDE, 8), NULL, NULL,
                         NULL, json_pack("{s:i, s:s}", "units", CLASSES, "activation", "softmax")};
    CU_ASSERT_PTR_NOT_NULL_FATAL(graph);
    for (int i = 0; i < 5; i++) {
        int below = i - 1;
        int node = thaw_graph_add(graph, kinds[i], kinds[i], &below, i > 0, configs[i], &err);
        CU_ASSERT_FATAL(thaw_told(node < 0 ? -1 : 0, &err) == 0);
        json_decref(configs[i]);
    }
    thaw_graph_init(graph, 0, 1);
    fixture_of(&f, graph, true);
    struct thaw_team *many = run_team(&f, 3, 1, BATCH);
    for (int i = 0; i < f.plan->n_trained; i++)
        f.plan->trained[i].param->data[0] += 0.5F;
    CU_ASSERT_EQUAL(thaw_team_update(many, &err), 0);
    CU_ASSERT_EQUAL(thaw_team_run(many, BATCH, run_piece, &f, &err), 0);
    float y[BATCH * CLASSES];
    memcpy(y, f.y, sizeof y);
    thaw_team_free(run_team(&f, 1, BATCH, BATCH));
    CU_ASSERT(thaw_near(y, f.y, BATCH * CLASSES, 1e-6));
    thaw_team_free(many);
    fixture_release(&f);
}

static int fail_at(void *ctx, struct thaw_exec *exec, const struct thaw_piece *piece,
                   struct thaw_error *err)
{
    (void)exec;
    return piece->at >= *(int *)ctx ? thaw_fail(err, THAW_EINPUT, "piece %d", piece->at) : 0;
}

static void test_failure(void)
{
    struct fixture f;
    struct thaw_error err = {0};
    fixture_init(&f, true);
    struct thaw_team *team = run_team(&f, 2, 1, BATCH);
    int at = 4;
    CU_ASSERT_EQUAL(thaw_team_run(team, BATCH, fail_at, &at, &err), -1);
    CU_ASSERT(thaw_says(&err, "piece 4", NULL)); /* the first executor's */
    thaw_team_free(team);
    fixture_release(&f);
}

void thaw_test_team(void)
{
    CU_pSuite s = thaw_suite("team");
    CU_add_test(s, "as many executors as threads", test_sizes);
    CU_add_test(s, "a batch shared out gives the same sums", test_shared_out);
    CU_add_test(s, "the same bits again", test_repeats);
    CU_add_test(s, "new weights reach all", test_update);
    CU_add_test(s, "operations with weights of their own", test_own_weights);
    CU_add_test(s, "a failure is told", test_failure);
}
