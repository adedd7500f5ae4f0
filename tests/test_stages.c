/* The schedule as text, learning rates, optimisers. */
#include <math.h>
#include <string.h>

#include "nn/optimizer.h"
#include "tests/check.h"
#include "tests/train_net.h"

/* --- the text --- */

struct parsed {
    struct thaw_graph *graph;
    struct thaw_blocks blocks;
    struct thaw_stages stages;
    struct thaw_error err;
    int rc;
};

static struct parsed parse(const char *text)
{
    struct parsed p = {.graph = train_net_create(8, 1)};
    CU_ASSERT_PTR_NOT_NULL_FATAL(p.graph);
    p.blocks = train_net_blocks(p.graph);
    struct thaw_stage_defaults defaults = {.epochs = 7,
                                           .thawed_epochs = 4,
                                           .rate = 0.5F,
                                           .thawed_rate = 0.1F,
                                           .block_decay = 2.6F,
                                           .weight_decay = 0.01F,
                                           .head_weight_decay = 1.5F,
                                           .last_head_weight_decay = 0.3F,
                                           .warmup = 0.25F,
                                           .patience = 2,
                                           .schedule = thaw_schedule_find("cosine", &p.err)};
    p.rc = thaw_stages_parse(&p.stages, text, p.graph, train_net_head(p.graph), &p.blocks,
                             &defaults, &p.err);
    return p;
}

static void release(struct parsed *p)
{
    thaw_stages_release(&p->stages);
    thaw_blocks_release(&p->blocks);
    thaw_graph_free(p->graph);
}

static void test_parse(void)
{
    struct parsed p = parse("head:epochs=3,lr=0.01;1;3:decay=1.5,warmup=2,patience=0;"
                            "relu2:schedule=step;all:weight_decay=0.2");
    CU_ASSERT_EQUAL_FATAL(thaw_told(p.rc, &p.err), 0);
    CU_ASSERT_EQUAL_FATAL(p.stages.n, 5);
    const struct thaw_stage *s = p.stages.stages;
    CU_ASSERT_STRING_EQUAL(s[0].name, "head");
    CU_ASSERT_EQUAL(s[0].first, train_net_head(p.graph));
    CU_ASSERT_EQUAL(s[0].epochs, 3);
    CU_ASSERT_DOUBLE_EQUAL(s[0].rate, 0.01, 1e-9);
    CU_ASSERT_EQUAL(s[0].patience, 2);
    CU_ASSERT_STRING_EQUAL(s[1].name, "top 1 block");
    CU_ASSERT_EQUAL(s[1].first, thaw_graph_find(p.graph, "conv3"));
    CU_ASSERT_EQUAL(s[1].epochs, 4);
    CU_ASSERT_DOUBLE_EQUAL(s[1].rate, 0.1, 1e-6);
    CU_ASSERT_STRING_EQUAL(s[1].schedule->name, "cosine");
    CU_ASSERT_STRING_EQUAL(s[2].name, "top 3 blocks");
    CU_ASSERT_EQUAL(s[2].first, thaw_graph_find(p.graph, "conv1"));
    CU_ASSERT_DOUBLE_EQUAL(s[2].block_decay, 1.5, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(s[2].warmup, 2, 1e-6);
    CU_ASSERT_EQUAL(s[2].patience, 0);
    CU_ASSERT_STRING_EQUAL(s[3].name, "from relu2");
    CU_ASSERT_EQUAL(s[3].first, thaw_graph_find(p.graph, "relu2"));
    CU_ASSERT_STRING_EQUAL(s[3].schedule->name, "step");
    CU_ASSERT_EQUAL(s[4].first, 1);
    CU_ASSERT_DOUBLE_EQUAL(s[0].weight_decay, 1.5, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(s[1].weight_decay, 0.01, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(s[4].weight_decay, 0.2, 1e-6);
    release(&p);
}

/* Blocks are trained more gently than a head, and from augmented images. */
static void test_presets(void)
{
    struct parsed p = parse("head;1");
    CU_ASSERT_EQUAL_FATAL(thaw_told(p.rc, &p.err), 0);
    const struct thaw_stage *s = p.stages.stages;
    CU_ASSERT_EQUAL(s[0].epochs, 7);
    CU_ASSERT_EQUAL(s[1].epochs, 4);
    CU_ASSERT_DOUBLE_EQUAL(s[0].rate, 0.5, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(s[1].rate, 0.1, 1e-6);
    CU_ASSERT_FALSE(s[0].augment);
    CU_ASSERT_TRUE(s[1].augment);
    release(&p);
}

static float last_decay(const char *text)
{
    struct parsed p = parse(text);
    CU_ASSERT_EQUAL_FATAL(thaw_told(p.rc, &p.err), 0);
    float decay = p.stages.stages[p.stages.n - 1].weight_decay;
    release(&p);
    return decay;
}

/* A head that is all that trains is held less than one under which blocks thaw. */
static void test_last_head(void)
{
    CU_ASSERT_DOUBLE_EQUAL(last_decay("head"), 0.3, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(last_decay("head;"), 0.3, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(last_decay("all;head:epochs=2"), 0.3, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(last_decay("head:weight_decay=2"), 2, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(last_decay("head;1"), 0.01, 1e-6);
}

static void refused(const char *text, const char *a, const char *b)
{
    struct parsed p = parse(text);
    CU_ASSERT_EQUAL(p.rc, -1);
    CU_ASSERT_EQUAL(p.err.code, THAW_EUSAGE);
    CU_ASSERT_TRUE(thaw_says(&p.err, a, b, NULL));
    CU_ASSERT_EQUAL(p.stages.n, 0);
    release(&p);
}

static void test_refusals(void)
{
    refused("haed", "haed", "'head'");
    refused("4", "'4'", "1 to 3");
    refused("0", "'0'", "1 to 3");
    refused("head;;nothing", "nothing", "layer");
    refused("", "empty", "stages");
    refused("head:epochs", "epochs", "key=value");
    refused("head:epochs=0", "epochs=0", "1 to");
    refused("head:lr=fast", "lr=fast", "number");
    refused("head:lr=nan", "lr=nan", "number");
    refused("head:speed=1", "speed", "warmup");
    refused("head:schedule=sine", "sine", "cosine");
    refused("head:decay=0.5", "decay=0.5", "1 to");
}

static void test_divisor(void)
{
    struct parsed p = parse("all:decay=2");
    CU_ASSERT_EQUAL_FATAL(thaw_told(p.rc, &p.err), 0);
    static const struct {
        const char *node;
        double divisor;
    } want[] = {{"logits", 1}, {"pool", 1}, {"conv3", 2}, {"add", 4},
                {"dw", 4},     {"bn2", 4},  {"bn1", 8},   {"conv1", 8}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        int node = thaw_graph_find(p.graph, want[i].node);
        CU_ASSERT_DOUBLE_EQUAL(
            thaw_stage_divisor(&p.stages.stages[0], node, train_net_head(p.graph), &p.blocks),
            want[i].divisor, 1e-6);
    }
    release(&p);
}

/* --- rates --- */

static double factor(const char *name, double done, int drops)
{
    struct thaw_error err = {0};
    const struct thaw_schedule *s = thaw_schedule_find(name, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    struct thaw_moment at = {done, drops};
    return s->factor(&at);
}

static void test_schedules(void)
{
    CU_ASSERT_DOUBLE_EQUAL(factor("constant", 0.7, 3), 1, 0);
    CU_ASSERT_DOUBLE_EQUAL(factor("cosine", 0, 0), 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(factor("cosine", 0.25, 0), 0.5 + sqrt(0.125), 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(factor("cosine", 1, 0), 0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(factor("step", 0.32, 0), 1, 0);
    CU_ASSERT_DOUBLE_EQUAL(factor("step", 0.34, 0), 0.1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(factor("step", 0.99, 0), 0.01, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(factor("plateau", 0.5, 0), 1, 0);
    CU_ASSERT_DOUBLE_EQUAL(factor("plateau", 0.5, 2), 0.04, 1e-12);
}

/* torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=11), whose rise ends at step 2.3. */
static void test_onecycle(void)
{
    static const double torch[11] = {0.04,         0.4223411137, 0.9602614247, 0.9797465678,
                                     0.8844757248, 0.7260870493, 0.5305827081, 0.3300580290,
                                     0.1574325128, 0.0410455432, 0.000004};
    for (int k = 0; k < 11; k++) {
        double done = k < 2.3 ? 0.3 * k / 2.3 : 0.3 + 0.7 * (k - 2.3) / 7.7;
        CU_ASSERT_DOUBLE_EQUAL(factor("onecycle", done, 0), torch[k], 1e-9);
    }
}

/* Ten images in batches of four: three updates an epoch. */
static void test_warmup(void)
{
    struct thaw_stage stage = {
        .epochs = 4, .rate = 1, .warmup = 1, .schedule = thaw_schedule_find("cosine", NULL)};
    struct thaw_stages stages = {&stage, 1};
    struct thaw_trainer t = {.stages = &stages, .options = {.batch = 4}};
    static const double want[] = {0.25, 0.5, 0.75, 1};
    for (unsigned i = 0; i < 4; i++) {
        t.at.stage_step = i;
        CU_ASSERT_DOUBLE_EQUAL(thaw_trainer_rate(&t, 10), want[i], 1e-6);
    }
    t.at.stage_step = 6;
    CU_ASSERT_DOUBLE_EQUAL(thaw_trainer_rate(&t, 10), 0.5 * (1 + cos(M_PI * 3 / 9)), 1e-6);
    t.at.stage_step = 12;
    CU_ASSERT_DOUBLE_EQUAL(thaw_trainer_rate(&t, 10), 0, 1e-6);
}

/* --- optimisers: one number, three updates, against torch.optim --- */

static void optimise(const char *name, const struct thaw_optimizer_options *options, float decay,
                     const double want[3])
{
    struct thaw_error err = {0};
    const struct thaw_optimizer *o = thaw_optimizer_find(name, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    static const float gradients[3] = {0.5F, -0.3F, 0.02F};
    float weight = 1, slots[THAW_MAX_SLOTS] = {0};
    for (uint32_t i = 0; i < 3; i++) {
        struct thaw_update u = {.weights = &weight,
                                .gradient = &gradients[i],
                                .slots = {&slots[0], &slots[1]},
                                .count = 1,
                                .rate = 0.1F,
                                .decay = decay,
                                .step = i + 1};
        o->apply(options, &u, 0, 1);
        CU_ASSERT_DOUBLE_EQUAL(weight, want[i], 2e-7);
    }
}

static void test_optimisers(void)
{
    struct thaw_optimizer_options options = thaw_optimizer_presets();
    optimise("adamw", &options, 0.1F, (double[]){0.890000002, 0.8619501989, 0.8363448346});
    optimise("sgd", &options, 0, (double[]){0.95, 0.935, 0.9195});
    options.nesterov = true;
    optimise("sgd", &options, 0, (double[]){0.905, 0.9215, 0.90555});
    options = (struct thaw_optimizer_options){0};
    /* p *= 1 - rate * decay, then p -= rate * g */
    optimise("sgd", &options, 0.5F, (double[]){0.9, 0.885, 0.83875});
}

static void test_unknown(void)
{
    struct thaw_error err = {0};
    CU_ASSERT_PTR_NULL(thaw_optimizer_find("adam", &err));
    CU_ASSERT_TRUE(thaw_says(&err, "adam", "adamw", "sgd", NULL));
    CU_ASSERT_PTR_NULL(thaw_schedule_find("linear", &err));
    CU_ASSERT_TRUE(thaw_says(&err, "linear", "cosine", "plateau", NULL));
    CU_ASSERT_PTR_NULL(thaw_loss_find("hinge", &err));
    CU_ASSERT_TRUE(thaw_says(&err, "hinge", "cross_entropy", NULL));
}

void thaw_test_stages(void)
{
    CU_pSuite s = thaw_suite("stages");
    CU_add_test(s, "text to stages", test_parse);
    CU_add_test(s, "what a stage leaves open depends on what trains", test_presets);
    CU_add_test(s, "a head that is all that trains", test_last_head);
    CU_add_test(s, "unknown words and values are named", test_refusals);
    CU_add_test(s, "each block's rate is divided once more", test_divisor);
    CU_add_test(s, "schedules", test_schedules);
    CU_add_test(s, "one cycle equals PyTorch's", test_onecycle);
    CU_add_test(s, "warm-up, then the schedule to the end of the stage", test_warmup);
    CU_add_test(s, "optimisers equal PyTorch's", test_optimisers);
    CU_add_test(s, "unknown names list the known ones", test_unknown);
}
