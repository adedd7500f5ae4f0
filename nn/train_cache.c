/* Features of the frozen part, kept from one epoch to the next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/features_folder.h"
#include "nn/train_internal.h"

enum { VALIDATION, PLAIN, FIRST_VIEW }; /* slots */

int thaw_trainer_view(const struct thaw_train_options *options, const struct thaw_stage *stage,
                      int epoch)
{
    if (!stage->augment)
        return THAW_VIEW_PLAIN;
    return options->views ? epoch % options->views : THAW_VIEW_FRESH;
}

/* -1: a fresh view, which is never seen again. */
static int slot_of(bool training, int view)
{
    if (!training)
        return VALIDATION;
    return view == THAW_VIEW_FRESH ? -1 : view == THAW_VIEW_PLAIN ? PLAIN : FIRST_VIEW + view;
}

static int slot_count(const struct thaw_train_options *o)
{
    return FIRST_VIEW + o->views;
}

/* --- whether it pays --- */

/* How many epochs read the slot, from this one of this stage on, until the cut moves. */
static int count_uses(const struct thaw_train_options *o, const struct thaw_stages *stages,
                      const struct thaw_graph *graph, int stage, int epoch, int cut, int slot)
{
    int uses = 0;
    for (int s = stage; s < stages->n; s++, epoch = 0) {
        const struct thaw_stage *at = &stages->stages[s];
        if (s > stage && thaw_trainer_cut(graph, at->first, NULL) != cut)
            break;
        if (slot == VALIDATION)
            uses += at->epochs - epoch;
        else
            for (int e = epoch; e < at->epochs; e++)
                uses += slot_of(true, thaw_trainer_view(o, at, e)) == slot;
    }
    return uses;
}

/* Filling a store costs about as much as one epoch without it, and every epoch after that is
 * nearly free. A file that stays may serve later runs. */
static bool pays(const struct thaw_cache_limits *limits, int uses)
{
    return limits->keep && limits->disk ? uses >= 1 : uses >= 2;
}

size_t thaw_trainer_cache_bytes(struct thaw_graph *graph, const struct thaw_stages *stages,
                                const struct thaw_train_options *o, size_t train_images,
                                size_t val_images)
{
    size_t most = 0;
    if (o->cache.keep && o->cache.disk)
        return 0;
    for (int s = 0; s < stages->n; s++) {
        int cut = thaw_trainer_cut(graph, stages->stages[s].first, NULL);
        struct thaw_plan_options frozen = {.last = cut};
        struct thaw_plan *plan = cut > 0 ? thaw_plan_create(graph, &frozen, NULL) : NULL;
        size_t sum = 0;
        for (int slot = 0; plan && slot < slot_count(o); slot++) {
            struct thaw_features_options store = {
                .rows = slot == VALIDATION ? val_images : train_images,
                .floats = plan->values[plan->output].layout.sample,
                .bf16 = o->bf16};
            size_t bytes = thaw_features_bytes(&store);
            if (pays(&o->cache, count_uses(o, stages, graph, s, 0, cut, slot)) &&
                bytes <= o->cache.memory - sum)
                sum += bytes;
        }
        thaw_plan_free(plan);
        most = sum > most ? sum : most;
    }
    return most;
}

/* --- words --- */

static void note(const struct thaw_observer *observer, const char *text)
{
    if (observer->note && text)
        observer->note(observer->ctx, text);
}

static const char *name_slot(int slot, char text[64])
{
    if (slot >= FIRST_VIEW)
        snprintf(text, 64, "training images, view %d", slot - FIRST_VIEW + 1);
    else
        snprintf(text, 64, "%s images", slot == PLAIN ? "training" : "validation");
    return text;
}

/* What a file already has. */
static void note_found(const struct thaw_trainer *t, const struct thaw_observer *observer, int slot,
                       size_t rows)
{
    char name[64];
    size_t found = rows - thaw_features_missing(t->cache.slots[slot].features);
    char *text = found ? thaw_format(NULL, "features of the %s: %zu of %zu found in %s",
                                     name_slot(slot, name), found, rows, t->options.cache.folder)
                       : NULL;
    note(observer, text);
    free(text);
}

/* Once for each cut: what holds for one view holds for the others. */
static void note_refusal(struct thaw_trainer *t, const struct thaw_observer *observer, int slot,
                         size_t bytes, const char *why)
{
    char name[64];
    if (t->cache.told)
        return;
    t->cache.told = true;
    char *text = thaw_format(NULL, "features of the %s (%.1f MB) are not kept: %s",
                             name_slot(slot, name), (double)bytes / 1e6, why);
    note(observer, text);
    free(text);
}

/* --- a slot's store --- */

static struct thaw_features_options slot_store(const struct thaw_trainer *t,
                                               const struct thaw_batch_source *source, int slot)
{
    return (struct thaw_features_options){.rows = slot == VALIDATION ? source->val_images
                                                                     : source->train_images,
                                          .floats = t->feature_floats,
                                          .bf16 = t->options.bf16};
}

static void open_slot(struct thaw_trainer *t, const struct thaw_batch_source *source,
                      const struct thaw_observer *observer, int slot, int view)
{
    const struct thaw_cache_limits *limits = &t->options.cache;
    struct thaw_train_slot *s = &t->cache.slots[slot];
    struct thaw_error why = {0};
    struct thaw_features_options store = {.rows = slot == VALIDATION ? source->val_images
                                                                     : source->train_images,
                                          .floats = t->feature_floats,
                                          .bf16 = t->options.bf16};
    size_t bytes = thaw_features_bytes(&store);
    bool disk = limits->folder && limits->disk && source->identify;
    if (!(disk && limits->keep) && bytes <= limits->memory - t->cache.memory) {
        s->features = thaw_features_create(&store, &why);
        t->cache.memory += s->features ? bytes : 0;
    } else if (disk) {
        s->features = thaw_trainer_cache_file(t, source, slot != VALIDATION, view, &store, &why);
    }
    s->refused = !s->features;
    if (s->features)
        note_found(t, observer, slot, store.rows);
    else if (limits->memory || disk)
        note_refusal(t, observer, slot, bytes, why.code ? why.text : "there is no room for them");
}

/* --- filling it --- */

static int put_batch(struct thaw_trainer *t, struct thaw_features *features,
                     const struct thaw_train_batch *batch, struct thaw_error *err)
{
    for (int i = 0; i < batch->n; i++)
        if (thaw_features_put(features, batch->ids[i], t->features + (size_t)i * t->feature_floats,
                              err))
            return -1;
    return 0;
}

static int report(const struct thaw_trainer *t, const struct thaw_observer *observer, bool training,
                  size_t done, size_t images, struct thaw_error *err)
{
    struct thaw_step_report report = {.stage = t->at.stage,
                                      .epoch = t->at.epoch,
                                      .images_done = done,
                                      .images = images,
                                      .training = training,
                                      .caching = true};
    if (observer->step)
        observer->step(observer->ctx, &report);
    if (observer->stop && observer->stop(observer->ctx))
        return thaw_fail(err, THAW_ESTOPPED, "stopped in stage %s, before epoch %d",
                         t->stages->stages[t->at.stage].name, t->at.epoch + 1);
    return 0;
}

/* Pictures through the frozen part into the store. What the store itself cannot do is told in
 * *why. */
static int fill(struct thaw_trainer *t, const struct thaw_batch_source *source,
                const struct thaw_observer *observer, const struct thaw_epoch_request *request,
                struct thaw_features *features, struct thaw_error *why, struct thaw_error *err)
{
    struct thaw_train_batch batch;
    size_t done = 0;
    int more = 0;
    if (source->begin(source->ctx, request, err))
        return -1;
    while (!why->code && (more = source->next(source->ctx, &batch, err)) > 0) {
        if (thaw_trainer_prefix(t, &batch, err))
            return -1;
        done += (size_t)batch.n;
        if (put_batch(t, features, &batch, why) == 0 &&
            report(t, observer, request->training, done, request->n_only, err))
            return -1;
    }
    if (more < 0)
        return -1;
    if (!why->code)
        thaw_features_finish(features, why);
    return 0;
}

static int fill_slot(struct thaw_trainer *t, const struct thaw_batch_source *source,
                     const struct thaw_observer *observer, int slot, int view,
                     struct thaw_error *err)
{
    struct thaw_train_slot *s = &t->cache.slots[slot];
    struct thaw_error why = {0};
    size_t images = slot == VALIDATION ? source->val_images : source->train_images, n = 0;
    size_t *missing = thaw_new(thaw_features_missing(s->features), sizeof *missing, err);
    if (!missing)
        return -1;
    for (size_t i = 0; i < images; i++)
        if (!thaw_features_has(s->features, i))
            missing[n++] = i;
    struct thaw_epoch_request request = {.training = slot != VALIDATION,
                                         .view = view,
                                         .pictures = true,
                                         .only = missing,
                                         .n_only = n};
    int rc = fill(t, source, observer, &request, s->features, &why, err);
    free(missing);
    if (rc == 0 && why.code) {
        struct thaw_features_options store = slot_store(t, source, slot);
        note_refusal(t, observer, slot, thaw_features_bytes(&store), why.text);
        if (thaw_features_missing(s->features)) {
            thaw_features_free(s->features);
            s->features = NULL;
            s->refused = true;
        }
    }
    return rc;
}

int thaw_trainer_cache_use(struct thaw_trainer *t, const struct thaw_batch_source *source,
                           const struct thaw_observer *observer, bool training,
                           struct thaw_error *err)
{
    const struct thaw_stage *stage = &t->stages->stages[t->at.stage];
    int view = training ? thaw_trainer_view(&t->options, stage, t->at.epoch) : THAW_VIEW_PLAIN;
    int slot = slot_of(training, view);
    t->kept = NULL;
    if (!t->prefix_plan || slot < 0)
        return 0;
    if (!t->cache.slots &&
        !(t->cache.slots = thaw_new((size_t)slot_count(&t->options), sizeof *t->cache.slots, err)))
        return -1;
    struct thaw_train_slot *s = &t->cache.slots[slot];
    if (!s->features && !s->refused &&
        pays(&t->options.cache,
             count_uses(&t->options, t->stages, t->graph, t->at.stage, t->at.epoch, t->cut, slot)))
        open_slot(t, source, observer, slot, view);
    if (s->features && thaw_features_missing(s->features) &&
        fill_slot(t, source, observer, slot, view, err))
        return -1;
    t->kept = s->features;
    return 0;
}

/* --- the end --- */

void thaw_trainer_cache_release(struct thaw_trainer *t)
{
    for (int i = 0; t->cache.slots && i < slot_count(&t->options); i++)
        thaw_features_free(t->cache.slots[i].features);
    free(t->cache.slots);
    free(t->cache.key);
    t->cache = (struct thaw_train_cache){0};
    t->kept = NULL;
}

void thaw_trainer_cache_leave(struct thaw_trainer *t, int cut)
{
    const struct thaw_cache_limits *limits = &t->options.cache;
    if (t->cache.cut == cut)
        return;
    bool used = t->cache.cut > 0;
    thaw_trainer_cache_release(t);
    t->cache.cut = cut;
    if (used && limits->folder && !limits->keep)
        thaw_features_folder_empty(limits->folder);
}
