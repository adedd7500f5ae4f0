#include <math.h>

#include "io/base/rng.h"
#include "tests/check.h"
#include "tests/op_case.h"

static const int blocks[] = {16, 8, 1, 0};
enum { N_BLOCKS = sizeof blocks / sizeof *blocks };

static void check_all(const struct op_case *c)
{
    for (int i = 0; i < N_BLOCKS; i++)
        op_check(c, blocks[i]);
}

static size_t total(const struct op_case *c)
{
    return (size_t)c->n * thaw_shape_count(c->out);
}

/* --- affine and batch norm --- */

static double (*folded_act)(double);

static void affine_reference(const struct op_case *c, const double *const *in,
                             const double *const *params, double *out)
{
    const struct thaw_affine *conf = c->conf;
    for (size_t i = 0; i < total(c); i++) {
        size_t k = i % (size_t)c->out.c;
        if (conf->n_constants) {
            size_t one = conf->n_constants == 1 ? 0 : k;
            out[i] = in[0][i] * (double)conf->scale[one] + (double)conf->offset[one];
            continue;
        }
        double v = in[0][i] - (params[2] ? params[2][k] : 0);
        v /= params[3] ? sqrt(params[3][k] + (double)conf->epsilon) : 1;
        v = v * (params[0] ? params[0][k] : 1) + (params[1] ? params[1][k] : 0);
        out[i] = folded_act ? folded_act(v) : v;
    }
}

static void test_affine(void)
{
    struct thaw_affine conf = {.epsilon = 1e-3f};
    struct op_case c = {.kind = &thaw_op_affine,
                        .conf = &conf,
                        .in = {op_picture(3, 5, 21)},
                        .out = op_picture(3, 5, 21),
                        .n_in = 1,
                        .n = 2,
                        .params = {21, 21, 21, 21},
                        .reference = affine_reference};
    folded_act = NULL;
    check_all(&c);
    c.params[0] = 0; /* no gamma */
    check_all(&c);
    c.params[0] = 21;
    c.params[1] = c.params[2] = c.params[3] = 0; /* gamma alone */
    check_all(&c);
    c = (struct op_case){&thaw_op_affine, &conf, {op_vector(7)}, op_vector(7),    1, 3,
                         {7, 7, 7, 7},    {0},   false,          affine_reference};
    check_all(&c);
}

static void test_affine_act(void)
{
    struct thaw_affine conf = {.epsilon = 1e-3f};
    struct op_case c = {.kind = &thaw_op_affine,
                        .conf = &conf,
                        .in = {op_picture(2, 3, 10)},
                        .out = op_picture(2, 3, 10),
                        .n_in = 1,
                        .n = 2,
                        .params = {10, 10, 10, 10},
                        .reference = affine_reference};
    for (const struct op_act *a = op_acts; a->name; a++) {
        CU_ASSERT_EQUAL(thaw_act_find(&c.act, a->name, NULL), 0);
        folded_act = a->f;
        op_check(&c, 16);
        op_check(&c, 1);
    }
    folded_act = NULL;
}

static void test_affine_constants(void)
{
    float scale[] = {0.5f, -2, 3}, offset[] = {1, 0, -0.25f};
    struct thaw_affine conf = {.scale = scale, .offset = offset, .n_constants = 3};
    struct op_case c = {.kind = &thaw_op_affine,
                        .conf = &conf,
                        .in = {op_picture(4, 3, 3)},
                        .out = op_picture(4, 3, 3),
                        .n_in = 1,
                        .n = 2,
                        .reference = affine_reference};
    check_all(&c);
    conf.n_constants = 1;
    check_all(&c);
}

static void batch_norm_reference(const struct op_case *c, const double *const *in,
                                 const double *const *params, double *out)
{
    const struct thaw_batch_norm *conf = c->conf;
    size_t channels = (size_t)c->out.c, n = total(c), per = n / channels;
    for (size_t k = 0; k < channels; k++) {
        double mean = c->training ? 0 : params[2][k], variance = c->training ? 0 : params[3][k];
        for (size_t i = k; c->training && i < n; i += channels)
            mean += in[0][i] / (double)per;
        for (size_t i = k; c->training && i < n; i += channels)
            variance += (in[0][i] - mean) * (in[0][i] - mean) / (double)per;
        for (size_t i = k; i < n; i += channels)
            out[i] = (in[0][i] - mean) / sqrt(variance + (double)conf->epsilon) *
                         (params[0] ? params[0][k] : 1) +
                     (params[1] ? params[1][k] : 0);
    }
}

static void test_batch_norm(void)
{
    struct thaw_batch_norm conf = {.epsilon = 1e-3f, .momentum = 0.99f};
    struct op_case c = {.kind = &thaw_op_batch_norm,
                        .conf = &conf,
                        .in = {op_picture(3, 4, 19)},
                        .out = op_picture(3, 4, 19),
                        .n_in = 1,
                        .n = 3,
                        .params = {19, 19, 19, 19},
                        .reference = batch_norm_reference};
    check_all(&c);
    c.training = true;
    check_all(&c);
    c.params[0] = 0;
    check_all(&c);
    c = (struct op_case){&thaw_op_batch_norm, &conf, {op_vector(6)}, op_vector(6),        1, 5,
                         {6, 6, 6, 6},        {0},   true,           batch_norm_reference};
    check_all(&c);
}

static void test_moving_statistics(void)
{
    struct thaw_batch_norm conf = {.epsilon = 1e-3f, .momentum = 0.9f};
    float x[] = {1, 2, 3, 6}, y[4], mean = 10, variance = 20, scratch[64];
    const void *in[] = {x};
    struct thaw_param params[2] = {{.count = 1, .data = &mean}, {.count = 1, .data = &variance}};
    struct thaw_value values[2] = {{.shape = {3, 2, 2, 1}, .layout = {1, 1, 4}}};
    int number = 0;
    struct thaw_op op = {.kind = &thaw_op_batch_norm,
                         .conf = &conf,
                         .in = &number,
                         .n_in = 1,
                         .out = 1,
                         .params = {NULL, NULL, &params[0], &params[1]}};
    struct thaw_op_env env = {.n = 1, .values = values};
    struct thaw_error err = {0};
    void *state;
    values[1] = values[0];
    CU_ASSERT_EQUAL_FATAL(op.kind->prepare(&op, &env, &state, &err), 0);
    CU_ASSERT_FATAL(env.scratch_bytes <= sizeof scratch);
    struct thaw_run run = {.n = 1, .in = in, .out = y, .scratch = scratch};
    CU_ASSERT_EQUAL(op.kind->forward(&op, state, &run, &err), 0);
    CU_ASSERT_EQUAL(mean, 10); /* left alone at inference */
    run.training = true;
    CU_ASSERT_EQUAL(op.kind->forward(&op, state, &run, &err), 0);
    CU_ASSERT_DOUBLE_EQUAL(mean, 10 * 0.9 + 3 * 0.1, 1e-5);
    CU_ASSERT_DOUBLE_EQUAL(variance, 20 * 0.9 + 3.5 * 0.1, 1e-5);
    op.kind->release(state);
}

/* --- activations, softmax, layer norm --- */

static void act_reference(const struct op_case *c, const double *const *in,
                          const double *const *params, double *out)
{
    (void)params;
    for (size_t i = 0; i < total(c); i++)
        out[i] = folded_act ? folded_act(in[0][i]) : in[0][i];
}

static void test_activation(void)
{
    struct thaw_activation conf;
    struct op_case c = {.kind = &thaw_op_activation,
                        .conf = &conf,
                        .in = {op_picture(3, 3, 18)},
                        .out = op_picture(3, 3, 18),
                        .n_in = 1,
                        .n = 2,
                        .reference = act_reference};
    for (const struct op_act *a = op_acts; a->name; a++) {
        CU_ASSERT_EQUAL(thaw_act_find(&conf.act, a->name, NULL), 0);
        folded_act = a->f;
        check_all(&c);
    }
    folded_act = NULL;
    CU_ASSERT_EQUAL(thaw_act_find(&conf.act, "linear", NULL), 0);
    check_all(&c);
}

static void softmax_reference(const struct op_case *c, const double *const *in,
                              const double *const *params, double *out)
{
    const struct thaw_softmax *conf = c->conf;
    size_t channels = (size_t)c->out.c;
    (void)params;
    for (size_t i = 0; i < total(c); i += channels) {
        double sum = 0;
        for (size_t k = 0; k < channels; k++)
            sum += exp(in[0][i + k]);
        for (size_t k = 0; k < channels; k++)
            out[i + k] = conf->log ? in[0][i + k] - log(sum) : exp(in[0][i + k]) / sum;
    }
}

static void test_softmax(void)
{
    struct thaw_softmax conf = {.log = false};
    struct op_case c = {.kind = &thaw_op_softmax,
                        .conf = &conf,
                        .in = {op_picture(2, 3, 11)},
                        .out = op_picture(2, 3, 11),
                        .n_in = 1,
                        .n = 2,
                        .reference = softmax_reference};
    for (int i = 0; i < 2; i++) {
        conf.log = i == 1;
        c.in[0] = c.out = op_picture(2, 3, 11);
        check_all(&c);
        c.in[0] = c.out = op_vector(9);
        check_all(&c);
    }
}

static void layer_norm_reference(const struct op_case *c, const double *const *in,
                                 const double *const *params, double *out)
{
    const struct thaw_layer_norm *conf = c->conf;
    size_t channels = (size_t)c->out.c;
    for (size_t i = 0; i < total(c); i += channels) {
        double mean = 0, variance = 0;
        for (size_t k = 0; k < channels; k++)
            mean += in[0][i + k] / (double)channels;
        for (size_t k = 0; k < channels; k++)
            variance += pow(in[0][i + k] - mean, 2) / (double)channels;
        for (size_t k = 0; k < channels; k++)
            out[i + k] = (in[0][i + k] - mean) / sqrt(variance + (double)conf->epsilon) *
                             (params[0] ? params[0][k] : 1) +
                         (params[1] ? params[1][k] : 0);
    }
}

static void test_layer_norm(void)
{
    struct thaw_layer_norm conf = {.epsilon = 1e-3f};
    struct op_case c = {.kind = &thaw_op_layer_norm,
                        .conf = &conf,
                        .in = {op_picture(3, 2, 21)},
                        .out = op_picture(3, 2, 21),
                        .n_in = 1,
                        .n = 2,
                        .params = {21, 21},
                        .reference = layer_norm_reference};
    check_all(&c);
    c.params[0] = c.params[1] = 0;
    check_all(&c);
    c.in[0] = c.out = op_vector(5);
    c.params[1] = 5;
    check_all(&c);
}

/* --- dropout --- */

static struct thaw_rng dropout_stream(size_t sample)
{
    return thaw_rng_at(3, 1, 64 + (uint32_t)sample + (5 << 20), THAW_RNG_DROPOUT);
}

static void dropout_reference(const struct op_case *c, const double *const *in,
                              const double *const *params, double *out)
{
    const struct thaw_dropout *conf = c->conf;
    size_t per = thaw_shape_count(c->out);
    double scale = c->training ? 1 / (1 - (double)conf->rate) : 1;
    (void)params;
    for (size_t n = 0; n < (size_t)c->n; n++) {
        struct thaw_rng rng = dropout_stream(n);
        bool dropped = false;
        for (size_t i = 0; i < per; i++) {
            if (i == 0 || !conf->per_sample)
                dropped = c->training && thaw_rng_float(&rng) < conf->rate;
            out[n * per + i] = dropped ? 0 : in[0][n * per + i] * scale;
        }
    }
}

static void test_dropout(void)
{
    struct thaw_dropout conf = {.rate = 0.3f};
    struct op_case c = {.kind = &thaw_op_dropout,
                        .conf = &conf,
                        .in = {op_picture(2, 3, 18)},
                        .out = op_picture(2, 3, 18),
                        .n_in = 1,
                        .n = 3,
                        .reference = dropout_reference};
    check_all(&c); /* identity outside training */
    c.training = true;
    check_all(&c);
    conf.per_sample = true;
    conf.rate = 0.5f;
    c.n = 6;
    check_all(&c);
    c.in[0] = c.out = op_vector(40);
    conf.per_sample = false;
    check_all(&c);
}

void thaw_test_ops(void)
{
    CU_pSuite s = thaw_suite("ops");
    CU_add_test(s, "affine: values and gradients", test_affine);
    CU_add_test(s, "affine with each activation", test_affine_act);
    CU_add_test(s, "affine by constants", test_affine_constants);
    CU_add_test(s, "batch norm, moving and batch statistics", test_batch_norm);
    CU_add_test(s, "batch norm moves its statistics in training only", test_moving_statistics);
    CU_add_test(s, "each activation", test_activation);
    CU_add_test(s, "softmax and its logarithm", test_softmax);
    CU_add_test(s, "layer norm", test_layer_norm);
    CU_add_test(s, "dropout draws the same in both directions and any layout", test_dropout);
}
