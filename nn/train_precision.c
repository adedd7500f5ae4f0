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
};

/* Training images as they are, the first of the first epoch's order. */
static int take_sample(struct thaw_trainer *t, const struct thaw_batch_source *source,
                       struct sample *s, struct thaw_error *err)
{
    const struct thaw_plan *p = t->prefix_plan;
    size_t most = (size_t)thaw_trainer_sample(&t->options);
    size_t picture = thaw_shape_count(p->values[p->input].shape);
    struct thaw_epoch_request request = {
        .training = true, .view = THAW_VIEW_PLAIN, .pictures = true, .most = most};
    struct thaw_train_batch batch;
    int more = 1;
    s->x = thaw_new(most * picture, sizeof *s->x, err);
    if (!s->x || source->begin(source->ctx, &request, err))
        return -1;
    while (s->n < most && (more = source->next(source->ctx, &batch, err)) > 0) {
        size_t n = (size_t)batch.n < most - s->n ? (size_t)batch.n : most - s->n;
        memcpy(s->x + s->n * picture, batch.x, n * picture * sizeof *s->x);
        s->n += n;
    }
    return more < 0 ? -1 : 0;
}

static int take_precision(struct thaw_trainer *t, enum thaw_precision precision,
                          struct thaw_error *err)
{
    struct thaw_plan_options frozen = {
        .last = t->cut, .precision = precision, .ranges = &t->ranges};
    struct thaw_plan *plan = thaw_plan_create(t->graph, &frozen, err);
    if (!plan)
        return -1;
    thaw_plan_free(t->prefix_plan);
    t->prefix_plan = plan;
    t->settled.precision = precision;
    t->settled.higher = t->ranges.higher;
    t->settled.n_higher = t->ranges.n_higher;
    return 0;
}

static bool keeps_limit(double drift)
{
    return drift <= THAW_DRIFT_LIMIT; /* not where either is no number */
}

static int mix(struct thaw_trainer *t, struct thaw_judge *judge, struct thaw_error *err)
{
    struct thaw_mixture mixture;
    if (thaw_mix(judge, THAW_DRIFT_LIMIT, &t->ranges, &mixture, err))
        return -1;
    t->settled.mixed_drift = mixture.drift;
    t->settled.convolutions = mixture.convolutions;
    return 0;
}

/* Takes a precision if it may be taken; 1 when it was. */
static int try_precision(struct thaw_trainer *t, struct thaw_judge *judge,
                         enum thaw_precision precision, struct thaw_error *err)
{
    double *drift = &t->settled.drift[precision];
    if (thaw_judge_drift(judge, precision, &t->ranges, drift, err))
        return -1;
    bool good = keeps_limit(*drift);
    /* Goes on to bf16 rather than to a mixture: recipes were as fast that way, and more accurate.
     */
    if (t->options.frozen_auto && !good)
        return 0;
    /* The search makes more code than was planned for where memory is short. */
    bool may_mix = precision == THAW_INT8 && !t->options.most_at_once;
    if (!good && may_mix && mix(t, judge, err))
        return -1;
    return take_precision(t, precision, err) ? -1 : 1;
}

/* The fastest first. */
static const enum thaw_precision low_ones[] = {THAW_INT8, THAW_BF16};
enum { LOW_ONES = sizeof low_ones / sizeof *low_ones };

static bool is_faster(enum thaw_precision low)
{
    return !thaw_precision_lacks(low) && thaw_precision_for(low) == low;
}

/* What trains computes in float32, too, where bf16 moves what lies under it too far. */
static int follow(struct thaw_trainer *t, struct thaw_error *err)
{
    if (t->trained == THAW_F32)
        return 0;
    if (thaw_trainer_train_in(t, THAW_F32, err))
        return -1;
    t->settled.trained = t->trained;
    t->settled.at_once = thaw_team_micro_batch(t->tail);
    return 0;
}

static int choose(struct thaw_trainer *t, struct thaw_judge *judge, struct thaw_error *err)
{
    const struct thaw_train_options *o = &t->options;
    if (!o->frozen_auto)
        return try_precision(t, judge, o->frozen, err) < 0 ? -1 : 0;
    for (int i = 0; i < LOW_ONES; i++) {
        int taken = is_faster(low_ones[i]) ? try_precision(t, judge, low_ones[i], err) : 0;
        if (taken)
            return taken < 0 ? -1 : 0;
    }
    return follow(t, err);
}

static int calibrate_and_choose(struct thaw_trainer *t, const struct sample *s,
                                struct thaw_error *err)
{
    size_t half = s->n / 2, picture = thaw_shape_count(t->graph->nodes[0].shape);
    struct thaw_judge judge = {.graph = t->graph,
                               .last = t->cut,
                               .x = s->x + half * picture,
                               .n = s->n - half,
                               .most = t->options.most_at_once};
    if (thaw_calibrate(t->graph, t->cut, s->x, half > 0 ? half : 1, &t->ranges, err))
        return -1;
    int rc = thaw_judge_init(&judge, err) || choose(t, &judge, err) ? -1 : 0;
    thaw_judge_release(&judge);
    return rc;
}

/* Images that go through the frozen part in the stage at hand, about: what does not change from
 * epoch to epoch is kept as a rule. */
static size_t count_frozen(const struct thaw_trainer *t, const struct thaw_batch_source *source)
{
    const struct thaw_stage *stage = &t->stages->stages[t->at.stage];
    int fixed = stage->augment ? t->options.views : 1;
    int views = fixed && fixed < stage->epochs ? fixed : stage->epochs;
    return source->val_images + source->train_images * (size_t)views;
}

/* Is the frozen part of this stage little beside the rest of the run? Then fewer bits would save
 * next to nothing, and the features of a new head may as well be exact. */
static bool is_minor(const struct thaw_trainer *t, const struct thaw_batch_source *source)
{
    enum { TIMES = 10 };
    size_t elsewhere = 0; /* images trained in stages where more than the head trains */
    for (int i = 0; i < t->stages->n; i++)
        if (i != t->at.stage && t->stages->stages[i].first < t->options.head)
            elsewhere += source->train_images * (size_t)t->stages->stages[i].epochs;
    return t->frozen_samples <= elsewhere / TIMES;
}

/* Is anything to be found out from a sample? */
static bool is_open(const struct thaw_trainer *t, const struct thaw_batch_source *source)
{
    bool any = !t->options.frozen_auto;
    for (int i = 0; i < LOW_ONES && !any; i++)
        any = is_faster(low_ones[i]);
    return any && !(t->options.frozen_auto && is_minor(t, source));
}

int thaw_trainer_settle(struct thaw_trainer *t, const struct thaw_batch_source *source,
                        const struct thaw_observer *observer, struct thaw_error *err)
{
    const struct thaw_train_options *o = &t->options;
    struct sample s = {0};
    t->frozen_samples = count_frozen(t, source);
    t->settled =
        (struct thaw_settled){.trained = t->trained, .mixed_drift = NAN, .graph = t->graph};
    for (int i = 0; i < THAW_PRECISIONS; i++)
        t->settled.drift[i] = NAN;
    if (!t->prefix_plan || (!o->frozen_auto && o->frozen == THAW_F32))
        return 0;
    thaw_ranges_release(&t->ranges);
    int rc = is_open(t, source) ? take_sample(t, source, &s, err) : 0;
    double began = thaw_clock();
    if (rc == 0 && s.n)
        rc = calibrate_and_choose(t, &s, err);
    t->compute += thaw_clock() - began;
    free(s.x);
    if (rc == 0 && observer->settled)
        observer->settled(observer->ctx, t->at.stage, &t->settled);
    return rc;
}
