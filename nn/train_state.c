#include "nn/train_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

/* JSON has no infinity and no NaN: both stand as null, and come back as the field's own empty
 * value. */
static json_t *real_or_null(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *position_json(const struct thaw_position *at)
{
    return json_pack(
        "{si si sI sI sI sI si si so so so so so so so sf sI sI sI}", "stage", at->stage, "epoch",
        at->epoch, "number", (json_int_t)at->number, "batch", (json_int_t)at->batch, "stage_step",
        (json_int_t)at->stage_step, "step", (json_int_t)at->step, "stalled", at->stalled, "drops",
        at->drops, "lowest_loss", real_or_null(at->lowest_loss), "best_accuracy",
        real_or_null(at->best.accuracy), "best_loss", real_or_null(at->best.loss), "best_auc",
        real_or_null(at->best.auc), "before_accuracy", real_or_null(at->before.accuracy),
        "before_loss", real_or_null(at->before.loss), "before_auc", real_or_null(at->before.auc),
        "loss_sum", at->sums.loss, "hits", (json_int_t)at->sums.hits, "answers",
        (json_int_t)at->sums.answers, "images", (json_int_t)at->sums.images);
}

static json_t *epoch_json(const struct thaw_epoch *e)
{
    return json_pack("{si si sI sf so so so so so sf sb}", "stage", e->stage, "epoch", e->epoch,
                     "number", (json_int_t)e->number, "rate", e->rate, "train_loss",
                     real_or_null(e->train_loss), "train_accuracy", real_or_null(e->train_accuracy),
                     "val_loss", real_or_null(e->val_loss), "val_accuracy",
                     real_or_null(e->val_accuracy), "val_auc", real_or_null(e->val_auc), "seconds",
                     e->seconds, "best", (int)e->best);
}

static json_t *result_json(const struct thaw_stage_result *r)
{
    return json_pack("{si so so so sf sb}", "epochs", r->epochs, "val_accuracy",
                     real_or_null(r->val_accuracy), "val_loss", real_or_null(r->val_loss),
                     "val_auc", real_or_null(r->val_auc), "seconds", r->seconds, "kept",
                     (int)r->kept);
}

static json_t *trainer_json(const struct thaw_trainer *t)
{
    json_t *history = json_array(), *results = json_array();
    for (size_t i = 0; i < t->n_history; i++)
        json_array_append_new(history, epoch_json(&t->history[i]));
    for (int i = 0; i < t->at.stage; i++)
        json_array_append_new(results, result_json(&t->results[i]));
    return json_pack("{so so so ss si si}", "position", position_json(&t->at), "history", history,
                     "results", results, "trained", thaw_precision_name(t->trained), "micro_batch",
                     thaw_team_micro_batch(t->tail), "executors", thaw_team_size(t->tail));
}

static int lend_floats(struct thaw_keras_file *file, const char *name, float *data, size_t count,
                       struct thaw_error *err)
{
    struct thaw_tensor lent = {.rank = 1, .dims = {(long)count}, .data = data, .borrowed = true};
    return thaw_keras_place(file, NULL, name, &lent, err);
}

/* The weights as they are now lie apart, node by node. */
static int add_weights(const struct thaw_trainer *t, struct thaw_keras_file *file,
                       struct thaw_error *err)
{
    struct thaw_tensor all = {.rank = 1,
                              .dims = {(long)t->weight_count},
                              .data = thaw_new(t->weight_count, sizeof *all.data, err)};
    if (!all.data)
        return -1;
    thaw_trainer_keep(t, all.data);
    if (thaw_keras_place(file, NULL, "weights", &all, err) == 0)
        return 0;
    free(all.data);
    return -1;
}

static const char *const slot_names[THAW_MAX_SLOTS] = {"optimizer_0", "optimizer_1"};

int thaw_trainer_save(const struct thaw_trainer *t, struct thaw_keras_file *file,
                      struct thaw_error *err)
{
    if (!t->open)
        return thaw_fail(err, THAW_EUSAGE, "there is no stage under way to be saved");
    if (!file->thaw && !(file->thaw = json_object()))
        return thaw_fail(err, THAW_EMEMORY, "out of memory for a checkpoint");
    json_t *state = trainer_json(t);
    if (!state || json_object_set_new(file->thaw, "trainer", state))
        return thaw_fail(err, THAW_EMEMORY, "out of memory for a checkpoint");
    if (add_weights(t, file, err) ||
        lend_floats(file, "weights_before", t->before, t->weight_count, err) ||
        lend_floats(file, "weights_best", t->best, t->weight_count, err))
        return -1;
    for (int k = 0; k < t->options.optimizer->slots; k++)
        if (lend_floats(file, slot_names[k], t->slots[k], t->slot_count, err))
            return -1;
    return 0;
}

static double real_of(const json_t *object, const char *key, double empty)
{
    const json_t *v = json_object_get(object, key);
    return json_is_number(v) ? json_number_value(v) : empty;
}

static json_int_t int_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static struct thaw_position read_position(const json_t *j)
{
    return (struct thaw_position){
        .stage = (int)int_of(j, "stage"),
        .epoch = (int)int_of(j, "epoch"),
        .number = (uint32_t)int_of(j, "number"),
        .batch = (size_t)int_of(j, "batch"),
        .stage_step = (uint32_t)int_of(j, "stage_step"),
        .step = (uint32_t)int_of(j, "step"),
        .stalled = (int)int_of(j, "stalled"),
        .drops = (int)int_of(j, "drops"),
        .lowest_loss = real_of(j, "lowest_loss", INFINITY),
        .best = {real_of(j, "best_accuracy", -1), real_of(j, "best_loss", INFINITY),
                 real_of(j, "best_auc", NAN)},
        .before = {real_of(j, "before_accuracy", NAN), real_of(j, "before_loss", NAN),
                   real_of(j, "before_auc", NAN)},
        .sums = {real_of(j, "loss_sum", 0), (size_t)int_of(j, "hits"), (size_t)int_of(j, "answers"),
                 (size_t)int_of(j, "images")}};
}

static struct thaw_epoch read_epoch(const json_t *j)
{
    return (struct thaw_epoch){.stage = (int)int_of(j, "stage"),
                               .epoch = (int)int_of(j, "epoch"),
                               .number = (uint32_t)int_of(j, "number"),
                               .rate = real_of(j, "rate", 0),
                               .train_loss = real_of(j, "train_loss", NAN),
                               .train_accuracy = real_of(j, "train_accuracy", NAN),
                               .val_loss = real_of(j, "val_loss", NAN),
                               .val_accuracy = real_of(j, "val_accuracy", NAN),
                               .val_auc = real_of(j, "val_auc", NAN),
                               .seconds = real_of(j, "seconds", 0),
                               .best = json_is_true(json_object_get(j, "best"))};
}

static struct thaw_stage_result read_result(const json_t *j)
{
    return (struct thaw_stage_result){.epochs = (int)int_of(j, "epochs"),
                                      .val_accuracy = real_of(j, "val_accuracy", NAN),
                                      .val_loss = real_of(j, "val_loss", NAN),
                                      .val_auc = real_of(j, "val_auc", NAN),
                                      .seconds = real_of(j, "seconds", 0),
                                      .kept = json_is_true(json_object_get(j, "kept"))};
}

static int take_floats(const struct thaw_keras_file *file, const char *name, float *to,
                       size_t count, struct thaw_error *err)
{
    const struct thaw_tensor *tensor = thaw_keras_extra(file, name);
    if (!tensor)
        return thaw_fail(err, THAW_EINPUT, "no tensor '%s' in it", name);
    if (tensor->count != count)
        return thaw_fail(err, THAW_EINPUT, "tensor '%s' has %zu numbers; this run needs %zu", name,
                         tensor->count, count);
    return thaw_tensor_read(tensor, to, err);
}

static int read_lists(struct thaw_trainer *t, const json_t *state, struct thaw_error *err)
{
    const json_t *history = json_object_get(state, "history");
    const json_t *results = json_object_get(state, "results");
    t->at = read_position(json_object_get(state, "position"));
    if (t->at.stage < 0 || t->at.stage >= t->stages->n ||
        json_array_size(results) != (size_t)t->at.stage)
        return thaw_fail(err, THAW_EINPUT,
                         "its position is stage %d of %d: not a state of this run", t->at.stage + 1,
                         t->stages->n);
    size_t n = json_array_size(history);
    if (thaw_grow(&t->history, &t->history_capacity, n + 1, sizeof *t->history, err))
        return -1;
    for (t->n_history = 0; t->n_history < n; t->n_history++)
        t->history[t->n_history] = read_epoch(json_array_get(history, t->n_history));
    for (int i = 0; i < t->at.stage; i++)
        t->results[i] = read_result(json_array_get(results, (size_t)i));
    return 0;
}

static int open_as_saved(struct thaw_trainer *t, const json_t *state, struct thaw_error *err)
{
    const char *name = json_string_value(json_object_get(state, "trained"));
    int trained = thaw_precision_find(name ? name : "", err);
    if (trained < 0)
        return thaw_error_prefix(err, "what trained");
    if (trained != THAW_F32 && trained != (int)t->options.precision)
        return thaw_fail(err, THAW_EINPUT,
                         "it was made while training in %s; here that is done in %s", name,
                         thaw_precision_name(t->options.precision));
    return thaw_trainer_open_stage(t, (enum thaw_precision)trained, err);
}

int thaw_trainer_load(struct thaw_trainer *t, const struct thaw_keras_file *file,
                      struct thaw_error *err)
{
    const json_t *state = json_object_get(file->thaw, "trainer");
    if (!json_is_object(state))
        return thaw_fail(err, THAW_EINPUT, "no record of a training run in it");
    if (read_lists(t, state, err) || take_floats(file, "weights", t->best, t->weight_count, err) ||
        thaw_trainer_restore(t, t->best, err) ||
        take_floats(file, "weights_before", t->before, t->weight_count, err) ||
        take_floats(file, "weights_best", t->best, t->weight_count, err))
        return -1;
    if (open_as_saved(t, state, err))
        return -1;
    /* Sums over micro-batches of another size, or otherwise shared out, differ in the last bits. */
    int micro_batch = (int)int_of(state, "micro_batch"), size = (int)int_of(state, "executors");
    if (micro_batch != thaw_team_micro_batch(t->tail) || size != thaw_team_size(t->tail))
        return thaw_fail(err, THAW_EINPUT,
                         "it was made with micro-batches of %d images in %d threads; here they are "
                         "of %d in %d",
                         micro_batch, size, thaw_team_micro_batch(t->tail),
                         thaw_team_size(t->tail));
    for (int k = 0; k < t->options.optimizer->slots; k++)
        if (take_floats(file, slot_names[k], t->slots[k], t->slot_count, err))
            return -1;
    return 0;
}
