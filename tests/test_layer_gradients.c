/* Gradients of every layer kind, from its own examples. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "tests/check.h"
#include "tests/layer_case.h"

enum { MAX_TENSORS = 1 + THAW_MAX_PARAMS };

/* Gradients of sum(r y), r a fixed random projection: of the input, then of the trained weights. */
struct gradients {
    float *of[MAX_TENSORS];
    float *place[MAX_TENSORS]; /* the numbers they belong to */
    size_t count[MAX_TENSORS];
    int n;
};

static void gradients_release(struct gradients *g)
{
    for (int i = 0; i < g->n; i++)
        free(g->of[i]);
}

static float projection(size_t i)
{
    return layer_case_value(i, 99) * 2 - 1;
}

static int copy_gradients(struct layer_run *run, struct gradients *g, struct thaw_error *err)
{
    for (int i = 0; i < run->plan->n_trained; i++) {
        struct thaw_param *p = run->plan->trained[i].param;
        g->place[1 + i] = p->data;
        g->count[1 + i] = p->count;
        g->of[1 + i] = thaw_new(p->count, sizeof(float), err);
        if (!g->of[1 + i])
            return -1;
        g->n++;
        memcpy(g->of[1 + i], thaw_exec_gradient(run->exec, i), p->count * sizeof(float));
    }
    return 0;
}

/* The batch in micro-batches of n samples. */
static int find_gradients(struct layer_case *c, const struct thaw_plan_options *options, int n,
                          struct gradients *g, struct thaw_error *err)
{
    struct layer_run run;
    size_t y_size = LAYER_SAMPLES * c->y_size;
    float *r = thaw_new(y_size, sizeof *r, err);
    int rc = -1;
    *g = (struct gradients){.n = 1, .count[0] = LAYER_SAMPLES * c->x_size};
    g->of[0] = thaw_new(g->count[0], sizeof(float), err);
    layer_case_fill(c);
    if (layer_run_init(&run, c, options, n, err) || !r || !g->of[0])
        goto done;
    for (size_t i = 0; i < y_size; i++)
        r[i] = projection(i);
    g->place[0] = c->x;
    if (run.plan->n_ops == 0) { /* "linear" leaves nothing to run */
        memcpy(g->of[0], r, y_size * sizeof *r);
        rc = 0;
        goto done;
    }
    const struct thaw_value *input = &run.plan->values[run.plan->input];
    for (int at = 0; at < LAYER_SAMPLES; at += n) {
        struct thaw_pass pass = {.x = c->x + (size_t)at * c->x_size,
                                 .count = n,
                                 .training = true,
                                 .seed = 5,
                                 .first_sample = (uint32_t)at};
        if (thaw_exec_forward(run.exec, &pass, err) ||
            thaw_exec_backward(run.exec, r + (size_t)at * c->y_size, n, at == 0, err))
            goto done;
        thaw_layout_unpack(input->shape, input->layout, thaw_exec_input_gradient(run.exec),
                           (size_t)n, g->of[0] + (size_t)at * c->x_size);
    }
    rc = thaw_exec_gradients(run.exec, err) || copy_gradients(&run, g, err) ? -1 : 0;
done:
    layer_run_release(&run);
    free(r);
    return rc;
}

/* --- against differences --- */

/* Change of the loss when one number moves by 2h, over 2h. Differences of single outputs are summed
 * in double, so that what did not change adds no rounding. */
static int difference(struct layer_run *run, struct layer_case *c, float *number, float h, float *y,
                      double *slope, struct thaw_error *err)
{
    float before = *number, up = before + h, down = before - h;
    size_t n = LAYER_SAMPLES * c->y_size;
    double sum = 0;
    int rc = -1;
    *number = up;
    if (layer_run_forward(run, c, true, y, err))
        goto done;
    *number = down;
    if (layer_run_forward(run, c, true, y + n, err))
        goto done;
    for (size_t i = 0; i < n; i++)
        sum += (double)projection(i) * ((double)y[i] - (double)y[n + i]);
    *slope = sum / ((double)up - (double)down);
    rc = 0;
done:
    *number = before;
    return rc;
}

/* Outputs are rounded to about 1e-7 and the widest step is 2^-7, so what the difference tells is
 * good to some 1e-4; the tolerance is 0.3 % of the tensor's largest gradient beside that. Where a
 * kink (ReLU, a maximum) lies within the wide step, a narrower one goes clear of it; a wrong
 * gradient agrees with none. */
static bool number_agrees(struct layer_run *run, struct layer_case *c, float *number, double got,
                          double tolerance, float *y, struct thaw_error *err)
{
    static const float steps[] = {0x1p-7f, 0x1p-9f, 0x1p-11f, 0x1p-13f};
    double found[4];
    for (int i = 0; i < 4; i++) {
        if (difference(run, c, number, steps[i], y, &found[i], err))
            return false;
        if (fabs(found[i] - got) <= tolerance)
            return true;
    }
    printf("\n    gradient %g, differences %g %g %g %g, tolerance %g\n", got, found[0], found[1],
           found[2], found[3], tolerance);
    return false;
}

static bool tensor_agrees(struct layer_run *run, struct layer_case *c, const struct gradients *g,
                          int t, float *y, struct thaw_error *err)
{
    enum { PROBES = 10 };
    double scale = 0;
    for (size_t i = 0; i < g->count[t]; i++)
        scale = fmax(scale, fabs((double)g->of[t][i]));
    for (unsigned probe = 0; probe < PROBES; probe++) {
        size_t i = (size_t)(layer_case_value(probe, 7) * (float)g->count[t]);
        if (number_agrees(run, c, &g->place[t][i], (double)g->of[t][i], 3e-3 * scale + 3e-4, y,
                          err))
            continue;
        printf("    of tensor %d at %zu of %zu\n", t, i, g->count[t]);
        return false;
    }
    return true;
}

static bool differences_agree(struct layer_case *c, bool batch_statistics, struct thaw_error *err)
{
    struct thaw_plan_options options = {
        .last = -1, .training = true, .batch_statistics = batch_statistics, .input_gradient = true};
    struct gradients g;
    struct layer_run run = {0};
    float *y = thaw_new(2 * LAYER_SAMPLES * c->y_size, sizeof *y, err);
    bool good = find_gradients(c, &options, LAYER_SAMPLES, &g, err) == 0 && y;
    layer_case_fill(c);
    good = good && layer_run_init(&run, c, &options, LAYER_SAMPLES, err) == 0;
    for (int t = 0; good && t < g.n; t++)
        good = tensor_agrees(&run, c, &g, t, y, err);
    layer_run_release(&run);
    gradients_release(&g);
    free(y);
    return good;
}

static bool moving_agrees(struct layer_case *c, struct thaw_error *err)
{
    return differences_agree(c, false, err);
}

static void test_differences(void)
{
    CU_ASSERT(layer_case_each(moving_agrees) > 0);
}

static bool batch_agrees(struct layer_case *c, struct thaw_error *err)
{
    return strcmp(c->kind->name, "BatchNormalization") != 0 || differences_agree(c, true, err);
}

static void test_batch_statistics(void)
{
    CU_ASSERT(layer_case_each(batch_agrees) > 0);
}

/* --- the same gradients in other ways --- */

static bool same(const struct gradients *a, const struct gradients *b, double limit)
{
    bool good = a->n == b->n;
    for (int t = 0; good && t < a->n; t++)
        good = a->count[t] == b->count[t] && thaw_near(a->of[t], b->of[t], a->count[t], limit);
    return good;
}

static const struct thaw_plan_options all = {.last = -1, .training = true, .input_gradient = true};

static bool sums_agree(struct layer_case *c, struct thaw_error *err)
{
    struct gradients whole, parts;
    bool good = find_gradients(c, &all, LAYER_SAMPLES, &whole, err) == 0;
    good &= find_gradients(c, &all, 1, &parts, err) == 0;
    good = good && same(&parts, &whole, 1e-5);
    gradients_release(&whole);
    gradients_release(&parts);
    return good;
}

static void test_micro_batches(void)
{
    CU_ASSERT(layer_case_each(sums_agree) > 0);
}

static bool threads_agree(struct layer_case *c, struct thaw_error *err)
{
    struct gradients one, two;
    int before = thaw_par_threads();
    thaw_par_set_threads(1);
    bool good = find_gradients(c, &all, LAYER_SAMPLES, &one, err) == 0;
    thaw_par_set_threads(2);
    good &= find_gradients(c, &all, LAYER_SAMPLES, &two, err) == 0;
    thaw_par_set_threads(before);
    good = good && same(&one, &two, 1e-5);
    gradients_release(&one);
    gradients_release(&two);
    return good;
}

static void test_threads(void)
{
    CU_ASSERT(layer_case_each(threads_agree) > 0);
}

static bool frozen(struct layer_case *c, struct thaw_error *err)
{
    struct gradients free_one, held;
    bool good = find_gradients(c, &all, LAYER_SAMPLES, &free_one, err) == 0;
    c->graph->nodes[c->node].trainable = false;
    good &= find_gradients(c, &all, LAYER_SAMPLES, &held, err) == 0;
    good = good && held.n == 1 && thaw_near(held.of[0], free_one.of[0], held.count[0], 1e-5);
    gradients_release(&free_one);
    gradients_release(&held);
    return good;
}

static void test_frozen(void)
{
    CU_ASSERT(layer_case_each(frozen) > 0);
}

void thaw_test_layer_gradients(void)
{
    CU_pSuite s = thaw_suite("layer gradients");
    CU_add_test(s, "agree with differences", test_differences);
    CU_add_test(s, "agree with differences on batch statistics", test_batch_statistics);
    CU_add_test(s, "of micro-batches sum to those of the batch", test_micro_batches);
    CU_add_test(s, "agree on one and two threads", test_threads);
    CU_add_test(s, "a frozen layer has none, its input the same", test_frozen);
}
