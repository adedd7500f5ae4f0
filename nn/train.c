#include "nn/train_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/clock.h"
#include "io/base/mem.h"
#include "nn/rank.h"

enum { PLATEAU_PATIENCE = 2 };

struct thaw_trainer *thaw_trainer_create(struct thaw_graph *graph, const struct thaw_stages *stages,
                                         const struct thaw_blocks *blocks,
                                         const struct thaw_train_options *options,
                                         struct thaw_error *err)
{
    struct thaw_trainer *t = thaw_new(1, sizeof *t, err);
    if (!t)
        return NULL;
    t->graph = graph;
    t->stages = stages;
    t->blocks = blocks;
    t->options = *options;
    t->begun = time(NULL);
    t->weight_count = thaw_graph_param_count(graph, false);
    t->before = thaw_new_aligned(t->weight_count, sizeof(float), err);
    t->best = thaw_new_aligned(t->weight_count, sizeof(float), err);
    t->initial = thaw_new_aligned(options->l2_sp > 0 ? t->weight_count : 1, sizeof(float), err);
    t->results = thaw_new((size_t)stages->n, sizeof *t->results, err);
    if (!t->before || !t->best || !t->initial || !t->results) {
        thaw_trainer_free(t);
        return NULL;
    }
    if (options->l2_sp > 0)
        thaw_trainer_keep(t, t->initial);
    t->at.before = (struct thaw_validated){NAN, NAN, NAN};
    return t;
}

void thaw_trainer_free(struct thaw_trainer *t)
{
    if (!t)
        return;
    thaw_trainer_close_stage(t);
    thaw_trainer_cache_release(t);
    free(t->judged);
    free(t->targets);
    free(t->initial);
    free(t->before);
    free(t->best);
    free(t->history);
    free(t->results);
    free(t);
}

const struct thaw_epoch *thaw_trainer_history(const struct thaw_trainer *t, size_t *n)
{
    *n = t->n_history;
    return t->history;
}

const struct thaw_stage_result *thaw_trainer_results(const struct thaw_trainer *t, int *n)
{
    *n = t->at.stage;
    return t->results;
}

double thaw_trainer_compute(const struct thaw_trainer *t)
{
    return t->compute;
}

static void report_step(const struct thaw_trainer *t, const struct thaw_observer *observer,
                        const struct thaw_sums *sums, size_t images, bool training)
{
    if (!observer->step)
        return;
    double n = sums->images ? (double)sums->images : 1;
    double answers = sums->answers ? (double)sums->answers : 1;
    struct thaw_step_report report = {.stage = t->at.stage,
                                      .epoch = t->at.epoch,
                                      .images_done = sums->images,
                                      .images = images,
                                      .training = training,
                                      .loss = sums->loss / n,
                                      .accuracy = (double)sums->hits / answers};
    observer->step(observer->ctx, &report);
}

/* Puts the batch behind what has been judged before it in this epoch. */
static int keep_answers(struct thaw_trainer *t, const struct thaw_train_batch *batch, size_t done,
                        size_t images, struct thaw_error *err)
{
    size_t classes = (size_t)t->options.classes, n = (size_t)batch->n * classes;
    if (!t->judged && (!(t->judged = thaw_new(images, classes * sizeof *t->judged, err)) ||
                       !(t->targets = thaw_new(images, classes * sizeof *t->targets, err))))
        return -1;
    memcpy(t->judged + done * classes, t->logits, n * sizeof *t->judged);
    memcpy(t->targets + done * classes, batch->targets, n * sizeof *t->targets);
    return 0;
}

static int validate(struct thaw_trainer *t, const struct thaw_batch_source *source,
                    const struct thaw_observer *observer, struct thaw_sums *sums,
                    struct thaw_error *err)
{
    struct thaw_train_batch batch;
    int more = 0;
    *sums = (struct thaw_sums){0};
    if (!source->val_images)
        return 0;
    if (thaw_trainer_cache_use(t, source, observer, false, err))
        return -1;
    struct thaw_epoch_request request = {
        .view = THAW_VIEW_PLAIN, .pictures = !t->kept, .epoch = t->at.number};
    if (source->begin(source->ctx, &request, err))
        return -1;
    while ((more = source->next(source->ctx, &batch, err)) > 0) {
        size_t done = sums->images;
        if (thaw_trainer_judge(t, &batch, sums, err) ||
            (t->options.loss->by_label && keep_answers(t, &batch, done, source->val_images, err)))
            return -1;
        report_step(t, observer, sums, source->val_images, false);
    }
    return more;
}

static int train_epoch(struct thaw_trainer *t, const struct thaw_batch_source *source,
                       const struct thaw_observer *observer, struct thaw_error *err)
{
    struct thaw_train_batch batch;
    int more = 0;
    if (thaw_trainer_cache_use(t, source, observer, true, err))
        return -1;
    struct thaw_epoch_request request = {
        .training = true,
        .view = thaw_trainer_view(&t->options, &t->stages->stages[t->at.stage], t->at.epoch),
        .pictures = !t->kept,
        .epoch = t->at.number,
        .first_batch = t->at.batch};
    if (source->begin(source->ctx, &request, err))
        return -1;
    while ((more = source->next(source->ctx, &batch, err)) > 0) {
        if (thaw_trainer_step(t, &batch, source->train_images, err))
            return -1;
        report_step(t, observer, &t->at.sums, source->train_images, true);
        if (observer->stop && observer->stop(observer->ctx))
            return thaw_fail(err, THAW_ESTOPPED, "stopped in stage %s, epoch %d, after %zu batches",
                             t->stages->stages[t->at.stage].name, t->at.epoch + 1, t->at.batch);
    }
    return more;
}

/* Where no label has both kinds of images, the loss decides alone. */
static double merit(const struct thaw_trainer *t, const struct thaw_validated *v)
{
    return !t->options.loss->by_label ? v->accuracy : isnan(v->auc) ? 0 : v->auc;
}

static bool is_better(const struct thaw_trainer *t, const struct thaw_validated *a,
                      const struct thaw_validated *than)
{
    double x = merit(t, a), y = merit(t, than);
    return x > y || (x == y && a->loss < than->loss);
}

static int sum_up(const struct thaw_trainer *t, const struct thaw_sums *val,
                  struct thaw_validated *v, struct thaw_error *err)
{
    *v = (struct thaw_validated){NAN, NAN, NAN};
    if (!val->images)
        return 0;
    v->accuracy = (double)val->hits / (double)val->answers;
    v->loss = val->loss / (double)val->images;
    return t->options.loss->by_label
               ? thaw_mean_auc(t->judged, t->targets, val->images, t->options.classes, &v->auc, err)
               : 0;
}

/* Books the epoch that has just been validated and moves on to the next. */
static void book_epoch(struct thaw_trainer *t, const struct thaw_validated *v, double rate,
                       double seconds)
{
    struct thaw_position *at = &t->at;
    double images = at->sums.images ? (double)at->sums.images : 1;
    double answers = at->sums.answers ? (double)at->sums.answers : 1;
    bool validated = !isnan(v->accuracy);
    struct thaw_epoch *e = &t->history[t->n_history++];
    *e = (struct thaw_epoch){.stage = at->stage,
                             .epoch = at->epoch,
                             .number = at->number,
                             .rate = rate,
                             .train_loss = at->sums.loss / images,
                             .train_accuracy = (double)at->sums.hits / answers,
                             .val_loss = v->loss,
                             .val_accuracy = v->accuracy,
                             .val_auc = v->auc,
                             .seconds = seconds};
    if (validated && is_better(t, v, &at->best)) {
        e->best = true;
        at->best = *v;
        if (t->options.keep == THAW_KEEP_BEST)
            thaw_trainer_keep(t, t->best);
    }
    if (validated && e->val_loss < at->lowest_loss) {
        at->lowest_loss = e->val_loss;
        at->stalled = 0;
    } else if (validated && ++at->stalled % PLATEAU_PATIENCE == 0) {
        at->drops++;
    }
    at->epoch++;
    at->number++;
    at->batch = 0;
    at->sums = (struct thaw_sums){0};
}

static int run_epoch(struct thaw_trainer *t, const struct thaw_batch_source *source,
                     const struct thaw_observer *observer, struct thaw_error *err)
{
    struct thaw_sums val;
    struct thaw_validated validated;
    double began = thaw_clock();
    if (thaw_grow(&t->history, &t->history_capacity, t->n_history + 1, sizeof *t->history, err) ||
        train_epoch(t, source, observer, err) || validate(t, source, observer, &val, err) ||
        sum_up(t, &val, &validated, err))
        return -1;
    book_epoch(t, &validated, thaw_trainer_rate(t, source->train_images), thaw_clock() - began);
    if (observer->epoch)
        observer->epoch(observer->ctx, &t->history[t->n_history - 1]);
    return observer->checkpoint ? observer->checkpoint(observer->ctx, err) : 0;
}

static int begin_stage(struct thaw_trainer *t, const struct thaw_observer *observer,
                       struct thaw_error *err)
{
    bool resumed = t->open;
    if (!resumed) {
        t->at.epoch = t->at.stalled = t->at.drops = 0;
        t->at.stage_step = 0;
        t->at.batch = 0;
        t->at.lowest_loss = INFINITY;
        t->at.best = (struct thaw_validated){-1, INFINITY, -1};
        t->at.sums = (struct thaw_sums){0};
        thaw_trainer_keep(t, t->before);
        if (thaw_trainer_open_stage(t, t->options.precision, err))
            return -1;
    }
    if (observer->stage)
        observer->stage(observer->ctx, t->at.stage, t->tail_plan, thaw_team_micro_batch(t->tail));
    return 0;
}

static bool stage_is_done(const struct thaw_trainer *t)
{
    const struct thaw_stage *s = &t->stages->stages[t->at.stage];
    return t->at.epoch >= s->epochs || (s->patience > 0 && t->at.stalled >= s->patience);
}

/* Chooses the weights the stage ends with. Validation may decide only when the user let it. */
static int end_stage(struct thaw_trainer *t, const struct thaw_observer *observer,
                     struct thaw_error *err)
{
    struct thaw_position *at = &t->at;
    const struct thaw_epoch *last = &t->history[t->n_history - 1];
    struct thaw_stage_result *r = &t->results[at->stage];
    struct thaw_validated ends = {last->val_accuracy, last->val_loss, last->val_auc};
    *r = (struct thaw_stage_result){.epochs = at->epoch, .kept = true};
    for (size_t i = 0; i < t->n_history; i++)
        r->seconds += t->history[i].stage == at->stage ? t->history[i].seconds : 0;
    if (t->options.keep == THAW_KEEP_BEST && at->best.accuracy >= 0) {
        bool worse = t->options.rollback && !isnan(at->before.accuracy) &&
                     is_better(t, &at->before, &at->best);
        r->kept = !worse;
        ends = worse ? at->before : at->best;
        if (thaw_trainer_restore(t, worse ? t->before : t->best, err))
            return -1;
    }
    r->val_accuracy = ends.accuracy;
    r->val_loss = ends.loss;
    r->val_auc = ends.auc;
    at->before = ends;
    if (observer->stage_end)
        observer->stage_end(observer->ctx, at->stage, r);
    thaw_trainer_close_stage(t);
    at->stage++;
    return 0;
}

int thaw_trainer_run(struct thaw_trainer *t, const struct thaw_batch_source *source,
                     const struct thaw_observer *observer, struct thaw_error *err)
{
    static const struct thaw_observer silent;
    observer = observer ? observer : &silent;
    while (t->at.stage < t->stages->n) {
        if (begin_stage(t, observer, err) || thaw_trainer_settle(t, source, observer, err))
            return -1;
        while (!stage_is_done(t))
            if (run_epoch(t, source, observer, err))
                return -1;
        if (end_stage(t, observer, err))
            return -1;
    }
    thaw_trainer_cache_leave(t, 0);
    return 0;
}
