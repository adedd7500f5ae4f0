#include "tests/train_rig.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/rng.h"
#include "tests/check.h"

enum { SIDE = 8, SAMPLE = SIDE * SIDE * 8, BATCH = 8 };

/* Image i: noise, and a little more in the channels of its class. */
static void draw(int i, int view, float *x)
{
    struct thaw_rng rng = thaw_rng_at(3, (uint32_t)view, (uint32_t)i, THAW_RNG_ORDER);
    for (int k = 0; k < SAMPLE; k++)
        x[k] = thaw_rng_normal(&rng) + (k % 8 % 3 == i % TRAIN_NET_CLASSES ? 0.8F : 0);
}

static int begin(void *ctx, const struct thaw_epoch_request *request, struct thaw_error *err)
{
    struct rig *rig = ctx;
    (void)err;
    rig->request = *request;
    rig->next = request->first_batch * BATCH;
    rig->passes += request->pictures;
    return 0;
}

/* Place of the epoch's image number i. Another order in every epoch; 7 has no factor in common with
 * 22. */
static size_t pick(const struct rig *rig, size_t i)
{
    const struct thaw_epoch_request *r = &rig->request;
    if (r->only)
        return r->only[i];
    return r->training ? (7 * i + 5 * r->epoch) % RIG_TRAIN : i;
}

static int next(void *ctx, struct thaw_train_batch *batch, struct thaw_error *err)
{
    static float x[BATCH * SAMPLE];
    static int labels[BATCH];
    static size_t ids[BATCH];
    struct rig *rig = ctx;
    const struct thaw_epoch_request *r = &rig->request;
    size_t all = r->only ? r->n_only : r->training ? RIG_TRAIN : RIG_VAL;
    (void)err;
    static float targets[BATCH][TRAIN_NET_CLASSES];
    *batch = (struct thaw_train_batch){
        .x = r->pictures ? x : NULL, .labels = labels, .ids = ids, .targets = targets[0]};
    for (; batch->n < BATCH && rig->next < all; batch->n++, rig->next++) {
        size_t id = pick(rig, rig->next), place = r->training ? id : RIG_TRAIN + id;
        int view = r->view >= 0 ? r->view : r->view == THAW_VIEW_FRESH ? (int)r->epoch : 0;
        rig->decoded += r->pictures;
        if (r->pictures)
            draw((int)place, view, x + batch->n * SAMPLE);
        bool wrong = !r->training && rig->misled_from >= 0 && (int)r->epoch >= rig->misled_from;
        labels[batch->n] = ((int)place + wrong) % TRAIN_NET_CLASSES;
        for (int k = 0; k < TRAIN_NET_CLASSES; k++)
            targets[batch->n][k] = labels[batch->n] == k;
        ids[batch->n] = id;
    }
    if (r->training && r->pictures && (int)r->epoch == rig->poisoned)
        x[3] = NAN;
    return batch->n > 0;
}

static int identify(void *ctx, bool training, int view, struct thaw_source_identity *identity,
                    struct thaw_error *err)
{
    const struct rig *rig = ctx;
    size_t n = training ? RIG_TRAIN : RIG_VAL;
    identity->place = thaw_strdup(training ? "training" : "validation", err);
    identity->text = thaw_format(err, "view %d", view);
    identity->names = thaw_new(n, sizeof *identity->names, err);
    for (size_t i = 0; i < n; i++) {
        size_t content = training && i == 5 ? i + (size_t)rig->changed : i;
        thaw_hash_bytes(&content, sizeof content, identity->names[i]);
    }
    return 0;
}

static void note(void *ctx, const char *text)
{
    struct rig *rig = ctx;
    rig->notes++;
    snprintf(rig->note, sizeof rig->note, "%s", text);
}

static bool stop(void *ctx)
{
    struct rig *rig = ctx;
    return ++rig->updates == rig->stop_at;
}

static void epoch(void *ctx, const struct thaw_epoch *e)
{
    struct rig *rig = ctx;
    (void)e;
    if (rig->n_after < RIG_EPOCHS) {
        float *copy = malloc(train_net_count(rig->graph) * sizeof *copy);
        train_net_get(rig->graph, copy);
        rig->after[rig->n_after++] = copy;
    }
}

bool rig_init(struct rig *rig, const char *stages)
{
    struct thaw_error err = {0};
    *rig = (struct rig){.graph = train_net_create(SIDE, 5), .poisoned = -1, .misled_from = -1};
    if (!rig->graph)
        return false;
    rig->blocks = train_net_blocks(rig->graph);
    rig->options = (struct thaw_train_options){.batch = BATCH,
                                               .seed = 9,
                                               .loss = thaw_loss_find("cross_entropy", &err),
                                               .optimizer = thaw_optimizer_find("adamw", &err),
                                               .optimizer_options = thaw_optimizer_presets(),
                                               .keep = THAW_KEEP_BEST,
                                               .rollback = true,
                                               .classes = TRAIN_NET_CLASSES,
                                               .head = train_net_head(rig->graph)};
    rig->source = (struct thaw_batch_source){rig, begin, next, identify, RIG_TRAIN, RIG_VAL};
    rig->observer = (struct thaw_observer){.ctx = rig, .epoch = epoch, .note = note, .stop = stop};
    struct thaw_stage_defaults defaults = {.epochs = 2,
                                           .thawed_epochs = 2,
                                           .rate = 0.01F,
                                           .thawed_rate = 0.01F,
                                           .block_decay = 1.5F,
                                           .weight_decay = 0.01F,
                                           .head_weight_decay = 0.01F,
                                           .last_head_weight_decay = 0.01F,
                                           .schedule = thaw_schedule_find("constant", &err)};
    return thaw_told(thaw_stages_parse(&rig->stages, stages, rig->graph, rig->options.head,
                                       &rig->blocks, &defaults, &err),
                     &err) == 0;
}

bool rig_start(struct rig *rig)
{
    struct thaw_error err = {0};
    rig->trainer = thaw_trainer_create(rig->graph, &rig->stages, &rig->blocks, &rig->options, &err);
    return thaw_told(rig->trainer ? 0 : -1, &err) == 0;
}

int rig_run(struct rig *rig, struct thaw_error *err)
{
    rig->source.ctx = rig->observer.ctx = rig;
    return thaw_trainer_run(rig->trainer, &rig->source, &rig->observer, err);
}

void rig_release(struct rig *rig)
{
    thaw_trainer_free(rig->trainer);
    thaw_stages_release(&rig->stages);
    thaw_blocks_release(&rig->blocks);
    thaw_graph_free(rig->graph);
    for (int i = 0; i < rig->n_after; i++)
        free(rig->after[i]);
}

void rig_save(const struct rig *rig, const char *path)
{
    struct thaw_error err = {0};
    struct thaw_keras_file *file = thaw_keras_create(&err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_trainer_save(rig->trainer, file, &err), &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_keras_save(path, file, &err), &err), 0);
    thaw_keras_free(file);
}

bool rig_holds(const struct rig *rig, const float *weights)
{
    size_t n = train_net_count(rig->graph);
    float *now = malloc(n * sizeof *now);
    train_net_get(rig->graph, now);
    bool same = memcmp(now, weights, n * sizeof *now) == 0;
    free(now);
    return same;
}
