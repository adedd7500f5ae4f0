#include "nn/train_internal.h"

#include <math.h>
#include <stdlib.h>

#include "io/base/clock.h"
#include "io/base/mem.h"

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
    t->at.before_accuracy = t->at.before_loss = NAN;
    return t;
}

void thaw_trainer_free(struct thaw_trainer *t)
{
    if (!t)
        return;
    thaw_trainer_close_stage(t);
    thaw_trainer_cache_release(t);
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
    struct thaw_step_report report = {.stage = t->at.stage,
                                      .epoch = t->at.epoch,
                                      .images_done = sums->images,
                                      .images = images,
                                      .training = training,
                                      .loss = sums->loss / n,
                                      .accuracy = (double)sums->hits / n};
    observer->step(observer->ctx, &report);
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
        if (thaw_trainer_judge(t, &batch, sums, err))
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

static bool is_better(double accuracy, double loss, double than_accuracy, double than_loss)
{
    return accuracy > than_accuracy || (accuracy == than_accuracy && loss < than_loss);
}

/* Books the epoch that has just been validated and moves on to the next. */
static void book_epoch(struct thaw_trainer *t, const struct thaw_sums *val, double rate,
                       double seconds)
{
    struct thaw_position *at = &t->at;
    double images = at->sums.images ? (double)at->sums.images : 1;
    struct thaw_epoch *e = &t->history[t->n_history++];
    *e = (struct thaw_epoch){.stage = at->stage,
                             .epoch = at->epoch,
                             .number = at->number,
                             .rate = rate,
                             .train_loss = at->sums.loss / images,
                             .train_accuracy = (double)at->sums.hits / images,
                             .val_loss = val->images ? val->loss / (double)val->images : NAN,
                             .val_accuracy =
                                 val->images ? (double)val->hits / (double)val->images : NAN,
                             .seconds = seconds};
    if (val->images && is_better(e->val_accuracy, e->val_loss, at->best_accuracy, at->best_loss)) {
        e->best = true;
        at->best_accuracy = e->val_accuracy;
        at->best_loss = e->val_loss;
        if (t->options.keep == THAW_KEEP_BEST)
            thaw_trainer_keep(t, t->best);
    }
    if (val->images && e->val_loss < at->lowest_loss) {
        at->lowest_loss = e->val_loss;
        at->stalled = 0;
    } else if (val->images && ++at->stalled % PLATEAU_PATIENCE == 0) {
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
    double began = thaw_clock();
    if (thaw_grow(&t->history, &t->history_capacity, t->n_history + 1, sizeof *t->history, err) ||
        train_epoch(t, source, observer, err) || validate(t, source, observer, &val, err))
        return -1;
    book_epoch(t, &val, thaw_trainer_rate(t, source->train_images), thaw_clock() - began);
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
        t->at.lowest_loss = t->at.best_loss = INFINITY;
        t->at.best_accuracy = -1;
        t->at.sums = (struct thaw_sums){0};
        thaw_trainer_keep(t, t->before);
        if (thaw_trainer_open_stage(t, err))
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
    *r = (struct thaw_stage_result){at->epoch, last->val_accuracy, last->val_loss, 0, true};
    for (size_t i = 0; i < t->n_history; i++)
        r->seconds += t->history[i].stage == at->stage ? t->history[i].seconds : 0;
    if (t->options.keep == THAW_KEEP_BEST && at->best_accuracy >= 0) {
        bool worse =
            t->options.rollback && !isnan(at->before_accuracy) &&
            is_better(at->before_accuracy, at->before_loss, at->best_accuracy, at->best_loss);
        r->kept = !worse;
        r->val_accuracy = worse ? at->before_accuracy : at->best_accuracy;
        r->val_loss = worse ? at->before_loss : at->best_loss;
        if (thaw_trainer_restore(t, worse ? t->before : t->best, err))
            return -1;
    }
    at->before_accuracy = r->val_accuracy;
    at->before_loss = r->val_loss;
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
