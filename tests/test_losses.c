/* Losses: gradients against finite differences, values by hand, numbers at the ends. */
#include <math.h>
#include <string.h>

#include "nn/loss.h"
#include "tests/check.h"

enum { CLASSES = 4 };

static bool close_to(double a, double b, double limit)
{
    return fabs(a - b) <= limit;
}

/* Differences of double sums over float logits: the step is a power of two, so that it is exact. */
static void check_gradient(const struct thaw_loss *loss, const struct thaw_loss_options *o,
                           const float *logits, struct thaw_truth truth)
{
    const float step = 1.0F / 1024;
    float moved[CLASSES], gradient[CLASSES];
    double value = loss->apply(o, logits, CLASSES, truth, gradient);
    CU_ASSERT(close_to(loss->apply(o, logits, CLASSES, truth, NULL), value, 0));
    for (int k = 0; k < CLASSES; k++) {
        memcpy(moved, logits, sizeof moved);
        moved[k] = logits[k] + step;
        double above = loss->apply(o, moved, CLASSES, truth, NULL);
        moved[k] = logits[k] - step;
        double below = loss->apply(o, moved, CLASSES, truth, NULL);
        CU_ASSERT(close_to((above - below) / (2 * (double)step), (double)gradient[k], 1e-5));
    }
}

static void test_gradients(void)
{
    static const float logits[][CLASSES] = {
        {0.5F, -1.25F, 2, 0.125F}, {0, 0, 0, 0}, {6, -4, -2.5F, 1}, {-8, 9, 0.5F, -1}};
    static const float targets[][CLASSES] = {{0, 1, 0, 1}, {1, 1, 1, 1}, {0, 0, 0, 0}};
    static const float weights[2 * CLASSES] = {0.5F, 3, 1, 1, 0.75F, 2, 1.5F, 0.25F};
    static const float gammas[] = {0, 0.5F, 1, 2, 5};
    int losses = 0;
    for (const struct thaw_loss *const *loss = thaw_losses; *loss; loss++, losses++)
        for (size_t i = 0; i < sizeof logits / sizeof *logits; i++)
            for (size_t g = 0; g < sizeof gammas / sizeof *gammas; g++)
                for (int variant = 0; variant < 12; variant++) {
                    struct thaw_loss_options o = {.gamma = gammas[g],
                                                  .smoothing = variant % 2 ? 0.2F : 0,
                                                  .label_weights =
                                                      variant / 2 % 2 ? weights : NULL};
                    struct thaw_truth truth = {variant / 4, targets[variant / 4]};
                    check_gradient(*loss, &o, logits[i], truth);
                }
    CU_ASSERT(losses >= 4);
}

static const struct thaw_loss *find(const char *name)
{
    struct thaw_error err = {0};
    const struct thaw_loss *loss = thaw_loss_find(name, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loss);
    return loss;
}

/* Lin et al. 2017: at p = 0.9 and gamma 2 the loss is a hundredth of cross-entropy. */
static void test_focal(void)
{
    const float logits[2] = {logf(9), 0};
    const float one_logit[1] = {logf(9)}, holds[1] = {1}, absent[1] = {0};
    struct thaw_loss_options o = {.gamma = 2};
    struct thaw_truth right = {0, holds}, wrong = {1, absent};
    double certain = -log(0.9), doubtful = -log(0.1);
    CU_ASSERT(close_to(find("focal")->apply(&o, logits, 2, right, NULL), 0.01 * certain, 1e-8));
    CU_ASSERT(close_to(find("focal")->apply(&o, logits, 2, wrong, NULL), 0.81 * doubtful, 1e-6));
    const struct thaw_loss *binary = find("binary_focal");
    CU_ASSERT(close_to(binary->apply(&o, one_logit, 1, right, NULL), 0.01 * certain, 1e-8));
    CU_ASSERT(close_to(binary->apply(&o, one_logit, 1, wrong, NULL), 0.81 * doubtful, 1e-6));
    o.gamma = 0;
    CU_ASSERT(close_to(find("focal")->apply(&o, logits, 2, right, NULL), certain, 1e-7));
}

/* Weights count what is absent and what holds; the loss is the mean over labels. */
static void test_binary(void)
{
    const float logits[2] = {0, 0}, targets[2] = {1, 0}, weights[4] = {1, 3, 0.5F, 7};
    struct thaw_loss_options o = {0};
    struct thaw_truth truth = {0, targets};
    const struct thaw_loss *loss = find("binary_cross_entropy");
    CU_ASSERT(close_to(loss->apply(&o, logits, 2, truth, NULL), log(2), 1e-12));
    o.label_weights = weights;
    CU_ASSERT(close_to(loss->apply(&o, logits, 2, truth, NULL), 1.75 * log(2), 1e-12));
}

static void test_ends(void)
{
    const float logits[CLASSES] = {300, -300, 300, -300}, targets[CLASSES] = {1, 0, 0, 1};
    float gradient[CLASSES];
    struct thaw_truth truth = {1, targets};
    for (const struct thaw_loss *const *loss = thaw_losses; *loss; loss++)
        for (int g = 0; g < 3; g++) {
            struct thaw_loss_options o = {.gamma = (float)g / 2};
            double value = (*loss)->apply(&o, logits, CLASSES, truth, gradient);
            CU_ASSERT(isfinite(value));
            CU_ASSERT(close_to(value, (*loss)->by_label ? 150 : 600, 1));
            for (int k = 0; k < CLASSES; k++)
                CU_ASSERT(isfinite(gradient[k]));
        }
}

static void test_parse(void)
{
    struct thaw_loss_options o = {0};
    struct thaw_error err = {0};
    CU_ASSERT_PTR_EQUAL(thaw_loss_parse("cross_entropy", false, &o, &err), find("cross_entropy"));
    CU_ASSERT_PTR_EQUAL(thaw_loss_parse("cross_entropy", true, &o, &err),
                        find("binary_cross_entropy"));
    CU_ASSERT_PTR_EQUAL(thaw_loss_parse("focal", false, &o, &err), find("focal"));
    CU_ASSERT(o.gamma == 2);
    CU_ASSERT_PTR_EQUAL(thaw_loss_parse("focal:gamma=0.5", true, &o, &err), find("binary_focal"));
    CU_ASSERT(o.gamma == 0.5F);
    static const char *const wrong[] = {"focal:",         "focal:gamma=",  "focal:gamma=x",
                                        "focal:gamma=-1", "focal:alpha=1", "cross_entropy:gamma=2",
                                        "hinge",          "binary_focal"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CU_ASSERT_PTR_NULL(thaw_loss_parse(wrong[i], false, &o, &err));
        CU_ASSERT_TRUE(thaw_says(&err, wrong[i], NULL));
    }
}

void thaw_test_losses(void)
{
    CU_pSuite s = thaw_suite("losses");
    CU_add_test(s, "gradients are those of finite differences", test_gradients);
    CU_add_test(s, "the focal loss by hand", test_focal);
    CU_add_test(s, "weights of labels by hand", test_binary);
    CU_add_test(s, "large logits give finite numbers", test_ends);
    CU_add_test(s, "the text of the option", test_parse);
}
