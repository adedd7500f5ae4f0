#include "apps/train_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "apps/interrupt.h"
#include "io/base/file.h"

double thaw_train_seconds(const struct thaw_train_run *run)
{
    return run->before + thaw_progress_clock() - run->begun;
}

/* --- history.csv --- */

static void put_number(FILE *to, double value, char end)
{
    if (isfinite(value))
        fprintf(to, "%.9g", value);
    fputc(end, to);
}

int thaw_train_save_history(const struct thaw_train_run *run, struct thaw_error *err)
{
    struct thaw_replace replace;
    size_t n;
    const struct thaw_epoch *history = thaw_trainer_history(run->trainer, &n);
    FILE *to = thaw_replace_open(&replace, run->paths.history, err);
    if (!to)
        return -1;
    fprintf(to, "stage,epoch,rate,train_loss,train_accuracy,val_loss,val_accuracy,%sbest,seconds\n",
            run->by_label ? "val_auc," : "");
    for (size_t i = 0; i < n; i++) {
        const struct thaw_epoch *e = &history[i];
        fprintf(to, "%s,%d,", run->stages->stages[e->stage].name, e->epoch + 1);
        put_number(to, e->rate, ',');
        put_number(to, e->train_loss, ',');
        put_number(to, e->train_accuracy, ',');
        put_number(to, e->val_loss, ',');
        put_number(to, e->val_accuracy, ',');
        if (run->by_label)
            put_number(to, e->val_auc, ',');
        fprintf(to, "%d,%.3f\n", e->best, e->seconds);
    }
    return thaw_replace_close(&replace, to, 0, err);
}

/* --- what is shown --- */

static void close_bar(struct thaw_train_run *run)
{
    if (run->bar_open)
        thaw_progress_end(&run->bar);
    run->bar_open = false;
}

static void on_stage(void *ctx, int stage, const struct thaw_plan *tail, int micro_batch)
{
    struct thaw_train_run *run = ctx;
    const struct thaw_stage *s = &run->stages->stages[stage];
    size_t weights = 0;
    for (int i = 0; i < tail->n_trained; i++)
        weights += tail->trained[i].param->count;
    close_bar(run);
    run->last_seconds = 0;
    thaw_say(&run->say,
             "stage %d of %d, %s: %zu weights train, %d epochs at rate %g (%s), %d images at once",
             stage + 1, run->stages->n, s->name, weights, s->epochs, (double)s->rate,
             s->schedule->name, micro_batch);
}

/* Members of the drifts' object, and text for the user. */
static void put_drift(json_t *drifts, FILE *text, const char *name, double drift)
{
    if (isnan(drift))
        return;
    fprintf(text, "%s%s %.3f", json_object_size(drifts) ? ", " : "", name, drift);
    json_object_set_new(drifts, name, json_real(drift));
}

static json_t *higher_names(const struct thaw_settled *s)
{
    json_t *names = json_array();
    for (size_t i = 0; i < s->n_higher; i++)
        json_array_append_new(names, json_string(s->graph->nodes[s->higher[i]].name));
    return names;
}

static void on_settled(void *ctx, int stage, const struct thaw_settled *settled)
{
    struct thaw_train_run *run = ctx;
    json_t *drifts = json_object();
    char tried[128] = "", mixed[96] = "";
    FILE *text = fmemopen(tried, sizeof tried, "w");
    for (int i = 0; text && i < THAW_PRECISIONS; i++)
        put_drift(drifts, text, thaw_precision_name((enum thaw_precision)i), settled->drift[i]);
    if (text) {
        put_drift(drifts, text, "mixed", settled->mixed_drift);
        fclose(text);
    }
    if (settled->n_higher)
        snprintf(mixed, sizeof mixed, ", %zu of %zu layers with convolutions higher",
                 settled->n_higher, settled->convolutions);
    const char *chosen = thaw_precision_name(settled->precision);
    const char *trained = thaw_precision_name(settled->trained);
    json_array_append_new(
        run->precisions,
        json_pack("{ss ss ss so sf sI so}", "stage", run->stages->stages[stage].name, "precision",
                  chosen, "trained", trained, "drift", drifts, "limit", THAW_DRIFT_LIMIT,
                  "higher_count", (json_int_t)settled->n_higher, "higher", higher_names(settled)));
    if (*tried)
        thaw_say(&run->say,
                 "the frozen part computes in %s%s; its features differ from f32's by: %s", chosen,
                 mixed, tried);
    else
        thaw_say(&run->say,
                 "the frozen part computes in %s: fewer bits would save little or nothing", chosen);
    if (settled->at_once)
        thaw_say(&run->say, "what trains computes in %s as well, %d images at once", trained,
                 settled->at_once);
}

static void open_bar(struct thaw_train_run *run, const struct thaw_step_report *r)
{
    const struct thaw_stage *s = &run->stages->stages[r->stage];
    close_bar(run);
    if (r->caching)
        snprintf(run->bar_text, sizeof run->bar_text, "%s: features of %s images", s->name,
                 r->training ? "training" : "validation");
    else
        snprintf(run->bar_text, sizeof run->bar_text, "%s %d/%d%s", s->name, r->epoch + 1,
                 s->epochs, r->training ? "" : " validating");
    thaw_progress_begin(&run->bar, run->bar_text, r->images);
    run->bar_open = true;
    run->bar_training = r->training;
    run->bar_caching = r->caching;
    run->bar_stage = r->stage;
    run->bar_epoch = r->epoch;
}

static void on_step(void *ctx, const struct thaw_step_report *r)
{
    struct thaw_train_run *run = ctx;
    const struct thaw_stage *s = &run->stages->stages[r->stage];
    char note[128], left[32], stage[64] = "";
    if (!run->bar_open || run->bar_training != r->training || run->bar_caching != r->caching ||
        run->bar_stage != r->stage || run->bar_epoch != r->epoch)
        open_bar(run, r);
    if (run->last_seconds > 0) {
        thaw_progress_time(run->last_seconds * (s->epochs - r->epoch), left, sizeof left);
        snprintf(stage, sizeof stage, ", stage about %s", left);
    }
    snprintf(note, sizeof note, "loss %.4f, accuracy %.3f%s", r->loss, r->accuracy, stage);
    thaw_progress_update(&run->bar, r->images_done, r->caching ? NULL : note);
}

/* ", mean AUC 0.912" where there is one. */
static const char *auc_text(const struct thaw_train_run *run, double auc, char text[40])
{
    *text = 0;
    if (run->by_label)
        snprintf(text, 40, ", mean AUC %.3f", auc);
    return text;
}

static void on_epoch(void *ctx, const struct thaw_epoch *e)
{
    struct thaw_train_run *run = ctx;
    const struct thaw_stage *s = &run->stages->stages[e->stage];
    char time[32], auc[40];
    close_bar(run);
    run->last_seconds = e->seconds;
    thaw_progress_time(e->seconds, time, sizeof time);
    thaw_say(
        &run->say,
        "%s %d/%d: loss %.4f, accuracy %.3f; validation loss %.4f, accuracy %.3f%s%s; %s, %.0f "
        "images/s",
        s->name, e->epoch + 1, s->epochs, e->train_loss, e->train_accuracy, e->val_loss,
        e->val_accuracy, auc_text(run, e->val_auc, auc), e->best ? " *" : "", time,
        e->seconds > 0 ? (double)run->images / e->seconds : 0);
}

static void on_stage_end(void *ctx, int stage, const struct thaw_stage_result *r)
{
    struct thaw_train_run *run = ctx;
    const struct thaw_stage *s = &run->stages->stages[stage];
    char time[32], auc[40];
    close_bar(run);
    thaw_progress_time(r->seconds, time, sizeof time);
    if (r->kept)
        thaw_say(&run->say, "stage %s: validation accuracy %.3f, loss %.4f%s; %d epochs in %s",
                 s->name, r->val_accuracy, r->val_loss, auc_text(run, r->val_auc, auc), r->epochs,
                 time);
    else
        thaw_say(&run->say,
                 "stage %s validated worse than the one before and is undone (--no-rollback keeps "
                 "it); %d epochs in %s",
                 s->name, r->epochs, time);
}

static void on_note(void *ctx, const char *text)
{
    struct thaw_train_run *run = ctx;
    close_bar(run);
    thaw_say(&run->say, "%s", text);
}

static bool on_stop(void *ctx)
{
    (void)ctx;
    return thaw_interrupted();
}

static int on_checkpoint(void *ctx, struct thaw_error *err)
{
    struct thaw_train_run *run = ctx;
    /* Epochs from a cache take milliseconds, as writing a file does. */
    if (run->saved > 0 && thaw_progress_clock() - run->saved < run->every)
        return 0;
    return thaw_train_save_history(run, err) ? -1 : thaw_train_save_checkpoint(run, err);
}

struct thaw_observer thaw_train_observer(struct thaw_train_run *run)
{
    return (struct thaw_observer){.ctx = run,
                                  .stage = on_stage,
                                  .settled = on_settled,
                                  .step = on_step,
                                  .epoch = on_epoch,
                                  .stage_end = on_stage_end,
                                  .note = on_note,
                                  .stop = on_stop,
                                  .checkpoint = on_checkpoint};
}
