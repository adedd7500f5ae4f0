#include <stdlib.h>
#include <string.h>

#include "apps/train_data.h"
#include "io/base/mem.h"
#include "io/base/par.h"
#include "vision/labels.h"
#include "vision/sheet.h"

static void close_loader(struct thaw_train_data *d, struct thaw_train_side *side)
{
    if (side->loader)
        thaw_loader_times(side->loader, &d->loading);
    thaw_loader_free(side->loader);
    side->loader = NULL;
}

void thaw_train_data_rest(struct thaw_train_data *d)
{
    close_loader(d, &d->train);
    close_loader(d, &d->val);
}

void thaw_train_data_times(struct thaw_train_data *d, struct thaw_loader_times *times)
{
    times->decode += d->loading.decode;
    times->augment += d->loading.augment;
    times->waited += d->loading.waited;
    if (d->train.loader)
        thaw_loader_times(d->train.loader, times);
    if (d->val.loader)
        thaw_loader_times(d->val.loader, times);
}

/* Opens the side's loader, unless it is the one that is wanted. */
static int need_loader(struct thaw_train_data *d, struct thaw_train_side *side, bool augment,
                       struct thaw_error *err)
{
    if (side->loader && side->augmented == augment)
        return 0;
    thaw_train_data_rest(d); /* one loader at a time: its batches are large */
    side->augmented = augment;
    struct thaw_loader_options options = {.data = &side->data,
                                          .preprocess = &d->preprocess,
                                          .augment = augment ? &d->augment : NULL,
                                          .cache = side->cache,
                                          .seed = d->seed,
                                          .batch = d->batch,
                                          .threads = thaw_par_threads(),
                                          .ahead = d->ahead};
    return (side->loader = thaw_loader_create(&options, err)) ? 0 : -1;
}

/* The order of an epoch of training images. */
static void draw_epoch(struct thaw_train_data *d, uint32_t epoch)
{
    struct thaw_train_side *side = &d->train;
    size_t n = side->data.n;
    if (d->balanced) {
        thaw_sampler_balance(&d->strata, n, d->seed, epoch, side->order);
        thaw_sampler_turns(side->order, n, n, side->counts, side->turns);
    } else {
        thaw_sampler_shuffle(side->all, n, d->seed, epoch, side->order);
    }
}

static void choose_images(struct thaw_train_data *d, struct thaw_train_side *side,
                          const struct thaw_epoch_request *request)
{
    size_t n = side->data.n, first = request->first_batch * d->batch;
    d->turns = NULL;
    if (request->only) {
        d->order = request->only;
        d->n = request->n_only;
        return;
    }
    if (request->training)
        draw_epoch(d, request->epoch);
    first = first < n ? first : n;
    d->order = side->order + first;
    /* A fixed view shows an image in one way only, however often it comes. */
    if (request->training && d->balanced && request->view == THAW_VIEW_FRESH)
        d->turns = side->turns + first;
    d->n = n - first;
    if (request->most && d->n > request->most)
        d->n = request->most;
}

static int begin(void *ctx, const struct thaw_epoch_request *request, struct thaw_error *err)
{
    struct thaw_train_data *d = ctx;
    struct thaw_train_side *side = request->training ? &d->train : &d->val;
    choose_images(d, side, request);
    d->side = side;
    d->next = 0;
    d->reading = NULL;
    if (!request->pictures)
        return 0;
    if (need_loader(d, side, request->view != THAW_VIEW_PLAIN, err))
        return -1;
    d->reading = side->loader;
    /* A fixed view is what the epoch of that number would draw. */
    uint32_t draw = request->view >= 0 ? (uint32_t)request->view : request->epoch;
    return thaw_loader_start_turns(side->loader, d->order, d->turns, d->n, draw, err);
}

static void add_targets(struct thaw_train_data *d, struct thaw_train_batch *batch)
{
    if (!d->targets)
        return;
    thaw_labels_targets(&d->side->data, batch->ids, (size_t)batch->n, d->targets);
    batch->targets = d->targets;
}

/* Without pictures. */
static int next_labels(struct thaw_train_data *d, struct thaw_train_batch *batch)
{
    size_t left = d->n - d->next, n = left < d->batch ? left : d->batch;
    const size_t *ids = d->order + d->next;
    for (size_t i = 0; i < n; i++)
        d->labels[i] = d->side->data.images[ids[i]].label;
    d->next += n;
    *batch = (struct thaw_train_batch){.n = (int)n, .labels = d->labels, .ids = ids};
    add_targets(d, batch);
    return n > 0;
}

static int next(void *ctx, struct thaw_train_batch *batch, struct thaw_error *err)
{
    struct thaw_train_data *d = ctx;
    struct thaw_batch got;
    if (!d->reading)
        return next_labels(d, batch);
    int rc = thaw_loader_next(d->reading, &got, err);
    if (rc <= 0)
        return rc;
    *batch = (struct thaw_train_batch){
        .n = (int)got.n, .x = got.x, .labels = got.labels, .ids = got.ids};
    add_targets(d, batch);
    return 1;
}

static int choose_sampler(struct thaw_train_data *d, const struct thaw_train_values *v,
                          struct thaw_error *err)
{
    struct thaw_train_side *side = &d->train;
    if (!(d->balanced = strcmp(v->sampler, "balanced") == 0))
        return 0;
    side->turns = thaw_new(side->data.n, sizeof *side->turns, err);
    side->counts = thaw_new(side->data.n, sizeof *side->counts, err);
    return side->turns && side->counts ? thaw_strata_init(&d->strata, &side->data, err) : -1;
}

int thaw_train_data_source(struct thaw_train_data *d, const struct thaw_train_values *v,
                           const struct thaw_preprocess *preprocess,
                           struct thaw_batch_source *source, struct thaw_error *err)
{
    d->preprocess = *preprocess;
    d->seed = (uint64_t)v->seed;
    d->batch = (size_t)v->batch;
    const struct thaw_dataset *train = &d->train.data;
    size_t classes = (size_t)train->n_classes;
    if (!(d->labels = thaw_new(d->batch, sizeof *d->labels, err)) ||
        (train->by_label && !(d->targets = thaw_new(d->batch, classes * sizeof(float), err))) ||
        choose_sampler(d, v, err))
        return -1;
    *source = (struct thaw_batch_source){.ctx = d,
                                         .begin = begin,
                                         .next = next,
                                         .identify = thaw_train_data_identify,
                                         .train_images = d->train.data.n,
                                         .val_images = d->val.data.n};
    return 0;
}

/* --- the contact sheet --- */

static int draw(const struct thaw_train_data *d, const struct thaw_batch *batch, const char *path,
                struct thaw_error *err)
{
    const struct thaw_dataset *data = &d->train.data;
    char **titles = thaw_new(batch->n, sizeof *titles, err);
    const char **names = thaw_new(batch->n, sizeof *names, err);
    int rc = titles && names ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < batch->n; i++) {
        rc = (titles[i] = thaw_labels_text(data, batch->ids[i], err)) ? 0 : -1;
        names[i] = data->images[batch->ids[i]].relative;
    }
    if (rc == 0)
        rc = thaw_sheet_save(path, batch->x, batch->n, d->preprocess.height, d->preprocess.width,
                             d->preprocess.channels, (const char *const *)titles, names, err);
    for (size_t i = 0; titles && i < batch->n; i++)
        free(titles[i]);
    free(titles);
    free(names);
    return rc;
}

int thaw_train_data_draw(struct thaw_train_data *d, const char *path, struct thaw_error *err)
{
    struct thaw_train_side *side = &d->train;
    struct thaw_loader_options options = {.data = &side->data,
                                          .preprocess = &d->preprocess,
                                          .augment = &d->augment,
                                          .cache = side->cache,
                                          .seed = d->seed,
                                          .batch = d->batch,
                                          .threads = thaw_par_threads(),
                                          .ahead = 2,
                                          .pictures = true};
    struct thaw_batch batch;
    size_t n = side->data.n < d->batch ? side->data.n : d->batch;
    struct thaw_loader *loader = thaw_loader_create(&options, err);
    draw_epoch(d, 0);
    int rc = -1;
    if (loader && thaw_loader_start_turns(loader, side->order, side->turns, n, 0, err) == 0 &&
        thaw_loader_next(loader, &batch, err) == 1)
        rc = draw(d, &batch, path, err);
    thaw_loader_free(loader);
    return rc ? thaw_error_prefix(err, "--save-batch") : 0;
}
