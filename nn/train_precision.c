#include "nn/train_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/clock.h"
#include "io/base/mem.h"

int thaw_trainer_sample(const struct thaw_train_options *o)
{
    return o->sample ? o->sample : THAW_SAMPLE;
}

/* Half of the sample calibrates, the other half judges. */
struct sample {
    float *x; /* [n] pictures */
    size_t n;
    float *wanted, *got; /* features of the judging half */
};

static void sample_release(struct sample *s)
{
    free(s->x);
    free(s->wanted);
    free(s->got);
}

/* Training images as they are, the first of the first epoch's order. */
static int take_sample(struct thaw_trainer *t, const struct thaw_batch_source *source,
                       struct sample *s, struct thaw_error *err)
{
    const struct thaw_plan *p = t->prefix_plan;
    size_t most = (size_t)thaw_trainer_sample(&t->options);
    size_t picture = thaw_shape_count(p->values[p->input].shape);
    size_t features = thaw_shape_count(p->values[p->output].shape);
    struct thaw_epoch_request request = {
        .training = true, .view = THAW_VIEW_PLAIN, .pictures = true, .most = most};
    struct thaw_train_batch batch;
    int more = 1;
    s->x = thaw_new(most * picture, sizeof *s->x, err);
    s->wanted = thaw_new((most - most / 2) * features, sizeof *s->wanted, err);
    s->got = thaw_new((most - most / 2) * features, sizeof *s->got, err);
    if (!s->x || !s->wanted || !s->got || source->begin(source->ctx, &request, err))
        return -1;
    while (s->n < most && (more = source->next(source->ctx, &batch, err)) > 0) {
        size_t n = (size_t)batch.n < most - s->n ? (size_t)batch.n : most - s->n;
        memcpy(s->x + s->n * picture, batch.x, n * picture * sizeof *s->x);
        s->n += n;
    }
    return more < 0 ? -1 : 0;
}

static int run_plan(const struct thaw_trainer *t, const struct thaw_plan *plan,
                    const struct sample *s, float *y, struct thaw_error *err)
{
    size_t picture = thaw_shape_count(plan->values[plan->input].shape), half = s->n / 2;
    int n = thaw_exec_choose_batch(plan, (int)(s->n - half)), most = t->options.most_at_once;
    struct thaw_exec *exec = thaw_exec_create(plan, most && n > most ? most : n, err);
    int rc = exec ? thaw_exec_infer(exec, s->x + half * picture, s->n - half, y, err) : -1;
    thaw_exec_free(exec);
    return rc;
}

/* How far the features of a precision are from those of float32: the root mean square of the
 * difference, relative to that of the features. */
static double measure_drift(const struct thaw_plan *plan, const struct sample *s)
{
    size_t n = (s->n - s->n / 2) * thaw_shape_count(plan->values[plan->output].shape);
    double error = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)s->got[i] - (double)s->wanted[i];
        error += d * d;
        size += (double)s->wanted[i] * (double)s->wanted[i];
    }
    return size > 0 ? sqrt(error / size) : error > 0 ? INFINITY : 0;
}

static struct thaw_plan *plan_in(struct thaw_trainer *t, enum thaw_precision precision,
                                 struct thaw_error *err)
{
    struct thaw_plan_options frozen = {
        .last = t->cut, .precision = precision, .ranges = &t->ranges};
    return thaw_plan_create(t->graph, &frozen, err);
}

/* Takes the plan of a precision if it may be taken; 1 when it was. */
static int try_precision(struct thaw_trainer *t, const struct sample *s,
                         enum thaw_precision precision, struct thaw_error *err)
{
    const struct thaw_train_options *o = &t->options;
    struct thaw_plan *plan = plan_in(t, precision, err);
    if (!plan || run_plan(t, plan, s, s->got, err)) {
        thaw_plan_free(plan);
        return -1;
    }
    t->settled.drift[precision] = measure_drift(plan, s);
    if (o->frozen_auto && !(t->settled.drift[precision] <= THAW_DRIFT_LIMIT)) {
        thaw_plan_free(plan);
        return 0;
    }
    thaw_plan_free(t->prefix_plan);
    t->prefix_plan = plan;
    t->settled.precision = precision;
    return 1;
}

static int choose(struct thaw_trainer *t, const struct sample *s, struct thaw_error *err)
{
    const struct thaw_train_options *o = &t->options;
    size_t half = s->n / 2;
    if (thaw_calibrate(t->graph, t->cut, s->x, half > 0 ? half : 1, &t->ranges, err) ||
        run_plan(t, t->prefix_plan, s, s->wanted, err))
        return -1;
    if (!o->frozen_auto)
        return try_precision(t, s, o->frozen, err) < 0 ? -1 : 0;
    /* The fewer bits, the faster. */
    static const enum thaw_precision fastest_first[] = {THAW_INT8, THAW_BF16};
    for (size_t i = 0; i < sizeof fastest_first / sizeof *fastest_first; i++) {
        if (thaw_precision_lacks(fastest_first[i]))
            continue;
        int taken = try_precision(t, s, fastest_first[i], err);
        if (taken)
            return taken < 0 ? -1 : 0;
    }
    return 0;
}

int thaw_trainer_settle(struct thaw_trainer *t, const struct thaw_batch_source *source,
                        const struct thaw_observer *observer, struct thaw_error *err)
{
    const struct thaw_train_options *o = &t->options;
    struct sample s = {0};
    const struct thaw_stage *stage = &t->stages->stages[t->at.stage];
    bool fresh = thaw_trainer_view(o, stage, 0) == THAW_VIEW_FRESH;
    t->frozen_samples =
        source->val_images + source->train_images * (fresh ? (size_t)stage->epochs : 1);
    t->settled = (struct thaw_settled){.precision = THAW_F32};
    for (int i = 0; i < THAW_PRECISIONS; i++)
        t->settled.drift[i] = NAN;
    if (!t->prefix_plan || (!o->frozen_auto && o->frozen == THAW_F32))
        return 0;
    thaw_ranges_release(&t->ranges);
    int rc = take_sample(t, source, &s, err);
    double began = thaw_clock();
    if (rc == 0 && s.n)
        rc = choose(t, &s, err);
    t->compute += thaw_clock() - began;
    sample_release(&s);
    if (rc == 0 && observer->settled)
        observer->settled(observer->ctx, t->at.stage, &t->settled);
    return rc;
}
