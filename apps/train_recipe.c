#include "apps/train_recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/train_intensity.h"

/* The default recipe: the new head first, on features that do not move; then the upper half of the
 * blocks with it, each block more gently than the one above. From random weights everything trains
 * at once. */
struct recipe {
    const char *what; /* NULL: the upper half, or what --unfreeze says */
    int epochs;
    double rate, sgd_rate, block_decay; /* rate: AdamW's */
};
static const struct recipe head_stage = {"head", 50, 1e-2, 1e-2, 2.6},
                           thawed_stage = {NULL, 40, 5e-3, 2e-3, 2.6},
                           scratch_stage = {"all", 30, 1e-3, 1e-2, 1};
enum { TOP_PART = 2 };
/* Measured: tests/bench/README.md. */
static const float decay_before_thaw = 1.5F, decay_of_last_head = 0.3F;

/* "random:NAME": trained from random weights, which changes some defaults. */
static bool from_scratch(const struct thaw_train_values *v)
{
    return strncmp(v->backbone, "random:", 7) == 0;
}

static double preset_rate(const struct thaw_train_values *v, const struct recipe *r)
{
    return strcmp(v->optimizer, "sgd") == 0 ? r->sgd_rate : r->rate;
}

/* `first` is the recipe's first stage, whose rate --lr sets. */
static double rate_of(const struct thaw_train_values *v, const struct recipe *r,
                      const struct recipe *first)
{
    double preset = preset_rate(v, r);
    return v->lr > 0 ? v->lr * preset / preset_rate(v, first) : preset;
}

static long epochs_of(const struct thaw_train_values *v, const struct recipe *r)
{
    return v->epochs ? v->epochs : (long)r->epochs;
}

/* One stage as text. */
static int describe(char *text, size_t size, const struct thaw_train_values *v,
                    const struct recipe *r, const struct recipe *first,
                    const struct thaw_blocks *blocks)
{
    char top[32];
    snprintf(top, sizeof top, "%d", (blocks->n + TOP_PART - 1) / TOP_PART);
    return snprintf(text, size, "%s:epochs=%ld,lr=%.9g,decay=%.9g",
                    r->what       ? r->what
                    : v->unfreeze ? v->unfreeze
                                  : top,
                    epochs_of(v, r), rate_of(v, r, first),
                    v->block_decay > 0 ? v->block_decay : r->block_decay);
}

static int check_words(const struct thaw_train_values *v, struct thaw_error *err)
{
    const char *other = v->unfreeze ? "--unfreeze" : v->head_only ? "--head-only" : NULL;
    if (v->stages && other)
        return thaw_fail(err, THAW_EUSAGE,
                         "--stages is the whole schedule; %s cannot stand beside "
                         "it",
                         other);
    if (v->unfreeze && v->head_only)
        return thaw_fail(err, THAW_EUSAGE, "--head-only and --unfreeze contradict each other");
    if (v->unfreeze && strpbrk(v->unfreeze, ":;"))
        return thaw_fail(err, THAW_EUSAGE,
                         "--unfreeze %s: needs all, a number of blocks or the name of a layer; "
                         "--stages takes whole schedules",
                         v->unfreeze);
    return 0;
}

static int read_head_decay(const char *text, struct thaw_stage_defaults *d, struct thaw_error *err)
{
    static const double most = 10;
    d->head_weight_decay = decay_before_thaw;
    d->last_head_weight_decay = decay_of_last_head;
    if (strcmp(text, "auto") == 0)
        return 0;
    char *end;
    double decay = strtod(text, &end);
    if (end == text || *end || !(decay >= 0 && decay <= most))
        return thaw_fail(err, THAW_EUSAGE,
                         "--head-weight-decay %s: needs auto or a number from 0 to %g", text, most);
    d->head_weight_decay = d->last_head_weight_decay = (float)decay;
    return 0;
}

int thaw_train_stages(const struct thaw_train_values *v, const struct thaw_graph *graph, int head,
                      const struct thaw_blocks *blocks, struct thaw_stages *stages,
                      struct thaw_error *err)
{
    char text[1024];
    bool scratch = from_scratch(v);
    const struct recipe *first =
        scratch && !v->head_only && !v->unfreeze ? &scratch_stage : &head_stage;
    const struct recipe *thawed = first == &head_stage ? &thawed_stage : first;
    struct thaw_stage_defaults defaults = {
        .epochs = (int)epochs_of(v, first),
        .thawed_epochs = (int)epochs_of(v, thawed),
        .rate = (float)rate_of(v, first, first),
        .thawed_rate = (float)rate_of(v, thawed, first),
        .block_decay = (float)(v->block_decay > 0 ? v->block_decay : first->block_decay),
        .warmup = (float)v->warmup,
        .weight_decay = (float)v->weight_decay,
        .patience = (int)v->patience,
        .augment_head = v->augment != NULL,
        .schedule = thaw_schedule_find(v->schedule, err)};
    if (!defaults.schedule)
        return thaw_error_prefix(err, "--schedule");
    if (read_head_decay(v->head_weight_decay, &defaults, err) || check_words(v, err))
        return -1;
    if (v->stages)
        return thaw_stages_parse(stages, v->stages, graph, head, blocks, &defaults, err)
                   ? thaw_error_prefix(err, "--stages")
                   : 0;
    int n = describe(text, sizeof text, v, first, first, blocks);
    if (thawed != first && !v->head_only && n < (int)sizeof text - 1) {
        text[n++] = ';';
        n += describe(text + n, sizeof text - (size_t)n, v, thawed, first, blocks);
    }
    if (n >= (int)sizeof text)
        return thaw_fail(err, THAW_EUSAGE, "--unfreeze: no layer has a name that long");
    int rc = thaw_stages_parse(stages, text, graph, head, blocks, &defaults, err);
    return rc && v->unfreeze ? thaw_error_prefix(err, "--unfreeze") : rc;
}

static int choose_precision(const struct thaw_train_values *v, struct thaw_train_options *o,
                            struct thaw_error *err)
{
    o->frozen_auto = strcmp(v->precision, "auto") == 0;
    int precision = o->frozen_auto ? THAW_F32 : thaw_precision_find(v->precision, NULL);
    if (precision < 0)
        return thaw_fail(err, THAW_EUSAGE, "--precision %s: needs auto, f32, bf16 or int8",
                         v->precision);
    const char *lacks = thaw_precision_lacks((enum thaw_precision)precision);
    if (lacks)
        return thaw_fail(err, THAW_EUSAGE, "--precision %s: this processor lacks %s", v->precision,
                         lacks);
    o->frozen = thaw_precision_for((enum thaw_precision)precision);
    bool low = o->frozen_auto || o->frozen != THAW_F32;
    /* Batch statistics need a float32 pass of their own between convolutions: nothing is won. */
    o->precision = low && !o->batch_statistics ? thaw_precision_for(THAW_BF16) : THAW_F32;
    return 0;
}

int thaw_train_trainer_options(const struct thaw_train_values *v, struct thaw_train_options *o,
                               struct thaw_error *err)
{
    bool best = strcmp(v->keep, "best") == 0;
    if (!best && strcmp(v->keep, "last") != 0)
        return thaw_fail(err, THAW_EUSAGE, "--keep %s: needs best or last", v->keep);
    *o = (struct thaw_train_options){
        .batch = (int)v->batch,
        .micro_batch = (int)(v->micro_batch < v->batch ? v->micro_batch : v->batch),
        .seed = (uint64_t)v->seed,
        .loss_options = {.smoothing = (float)v->smoothing},
        .optimizer = thaw_optimizer_find(v->optimizer, err),
        .optimizer_options = thaw_optimizer_presets(),
        .l2_sp = (float)v->l2_sp,
        .clip = (float)v->clip,
        .mixup = (float)v->mixup,
        .batch_statistics = v->batch_statistics || from_scratch(v),
        .keep = best ? THAW_KEEP_BEST : THAW_KEEP_LAST,
        .rollback = best && !v->no_rollback};
    static const double least_mixup = 0.01;
    if (v->mixup > 0 && v->mixup < least_mixup)
        return thaw_fail(err, THAW_EUSAGE, "--mixup %g: needs 0 (none), or %g to 1", v->mixup,
                         least_mixup);
    if (!(o->loss = thaw_loss_parse(v->loss, v->multi_label, &o->loss_options, err)))
        return thaw_error_prefix(err, "--loss");
    o->optimizer_options.momentum = (float)v->momentum;
    o->optimizer_options.nesterov = v->nesterov;
    if (o->batch_statistics && v->micro_batch && v->micro_batch < v->batch)
        return thaw_fail(err, THAW_EUSAGE,
                         "--micro-batch: with batch statistics the whole batch runs at once");
    if (!o->optimizer)
        return thaw_error_prefix(err, "--optimizer");
    return choose_precision(v, o, err);
}

/* --- batch statistics --- */

float thaw_train_forget(struct thaw_graph *graph, size_t updates)
{
    static const float least = 0.9F;
    float epoch = 1 - 1 / (float)(updates ? updates : 1), limit = epoch > least ? epoch : least;
    bool changed = false;
    for (int i = 0; i < graph->n_nodes; i++) {
        const struct thaw_node *node = &graph->nodes[i];
        if (strcmp(node->kind->name, "BatchNormalization") != 0)
            continue;
        for (const struct thaw_field *f = node->kind->fields; f->type != THAW_FIELD_END; f++) {
            float *momentum = (float *)(void *)((char *)node->conf + f->offset);
            if (f->type != THAW_FIELD_FLOAT || strcmp(f->key, "momentum") != 0 ||
                *momentum <= limit)
                continue;
            *momentum = limit;
            changed = true;
        }
    }
    return changed ? limit : 0;
}

/* --- pictures --- */

int thaw_train_pictures(const struct thaw_train_values *v, struct thaw_preprocess *p,
                        struct thaw_error *err)
{
    if (v->fit && (p->fit = thaw_preprocess_find_fit(v->fit, err)) < 0)
        return thaw_error_prefix(err, "--fit");
    if (v->frame > 0)
        p->frame = (int)v->frame;
    if (thaw_intensity_parse(v, p, err))
        return -1;
    return thaw_preprocess_check(p, err);
}
