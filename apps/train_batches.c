#include <stdlib.h>

#include "apps/train_data.h"
#include "io/base/mem.h"
#include "io/base/par.h"
#include "vision/sampler.h"
#include "vision/sheet.h"

enum { AHEAD = 4 };

static int make_loader(struct thaw_train_data *d, struct thaw_train_side *side, bool augment,
                       struct thaw_error *err)
{
    thaw_loader_free(side->loader);
    side->augmented = augment;
    struct thaw_loader_options options = {.data = &side->data,
                                          .preprocess = &d->preprocess,
                                          .augment = augment ? &d->augment : NULL,
                                          .cache = side->cache,
                                          .seed = d->seed,
                                          .batch = d->batch,
                                          .threads = thaw_par_threads(),
                                          .ahead = AHEAD};
    return (side->loader = thaw_loader_create(&options, err)) ? 0 : -1;
}

static int begin(void *ctx, bool training, bool augment, uint32_t epoch, size_t first_batch,
                 struct thaw_error *err)
{
    struct thaw_train_data *d = ctx;
    struct thaw_train_side *side = training ? &d->train : &d->val;
    size_t skip = first_batch * d->batch < side->data.n ? first_batch * d->batch : side->data.n;
    if (augment != side->augmented && make_loader(d, side, augment, err))
        return -1;
    if (training)
        thaw_sampler_shuffle(side->all, side->data.n, d->seed, epoch, side->order);
    d->reading = side->loader;
    return thaw_loader_start(side->loader, side->order + skip, side->data.n - skip, epoch, err);
}

static int next(void *ctx, struct thaw_train_batch *batch, struct thaw_error *err)
{
    struct thaw_train_data *d = ctx;
    struct thaw_batch got;
    int rc = thaw_loader_next(d->reading, &got, err);
    if (rc > 0)
        *batch = (struct thaw_train_batch){.n = (int)got.n, .x = got.x, .labels = got.labels};
    return rc;
}

int thaw_train_data_source(struct thaw_train_data *d, const struct thaw_train_values *v,
                           const struct thaw_preprocess *preprocess,
                           struct thaw_batch_source *source, struct thaw_error *err)
{
    d->preprocess = *preprocess;
    d->seed = (uint64_t)v->seed;
    d->batch = (size_t)v->batch;
    if (make_loader(d, &d->train, true, err) || make_loader(d, &d->val, false, err))
        return -1;
    *source = (struct thaw_batch_source){.ctx = d,
                                         .begin = begin,
                                         .next = next,
                                         .train_images = d->train.data.n,
                                         .val_images = d->val.data.n};
    return 0;
}

/* --- the contact sheet --- */

static int draw(const struct thaw_train_data *d, const struct thaw_batch *batch, const char *path,
                struct thaw_error *err)
{
    const struct thaw_dataset *data = &d->train.data;
    const char **titles = thaw_new(batch->n, sizeof *titles, err);
    const char **names = thaw_new(batch->n, sizeof *names, err);
    int rc = titles && names ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < batch->n; i++) {
        titles[i] = data->classes[batch->labels[i]];
        names[i] = data->images[batch->ids[i]].relative;
    }
    if (rc == 0)
        rc = thaw_sheet_save(path, batch->x, batch->n, d->preprocess.height, d->preprocess.width,
                             d->preprocess.channels, titles, names, err);
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
    thaw_sampler_shuffle(side->all, side->data.n, d->seed, 0, side->order);
    int rc = -1;
    if (loader && thaw_loader_start(loader, side->order, n, 0, err) == 0 &&
        thaw_loader_next(loader, &batch, err) == 1)
        rc = draw(d, &batch, path, err);
    thaw_loader_free(loader);
    return rc ? thaw_error_prefix(err, "--save-batch") : 0;
}
