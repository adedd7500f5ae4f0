#include "nn/train_internal.h"

#include <math.h>
#include <string.h>

#include "io/base/clock.h"

double thaw_trainer_rate(const struct thaw_trainer *t, size_t train_images)
{
    const struct thaw_stage *s = &t->stages->stages[t->at.stage];
    double batch = t->options.batch, per_epoch = ceil((double)train_images / batch);
    double warm = floor(s->warmup * per_epoch), total = per_epoch * s->epochs;
    double step = t->at.stage_step;
    if (step < warm)
        return s->rate * (step + 1) / (warm + 1);
    struct thaw_moment moment = {.done = total > warm ? (step - warm) / (total - warm) : 1,
                                 .drops = t->at.drops};
    if (moment.done > 1)
        moment.done = 1;
    return s->rate * s->schedule->factor(&moment);
}

/* A batch that a team works on. */
struct batch_work {
    struct thaw_trainer *t;
    const struct thaw_train_batch *batch;
    bool training;
};

static int run_prefix_piece(void *ctx, struct thaw_exec *prefix, const struct thaw_piece *piece,
                            struct thaw_error *err)
{
    const struct batch_work *w = ctx;
    const struct thaw_trainer *t = w->t;
    const struct thaw_plan *p = t->prefix_plan;
    size_t in = thaw_shape_count(p->values[p->input].shape), at = (size_t)piece->at;
    struct thaw_pass pass = {.x = w->batch->x + at * in, .form = THAW_NHWC, .count = piece->count};
    if (thaw_exec_forward(prefix, &pass, err))
        return -1;
    memcpy(t->features + at * t->feature_floats, thaw_exec_output(prefix),
           (size_t)piece->count * t->feature_floats * sizeof *t->features);
    return 0;
}

/* The batch through the frozen part into t->features. */
static int run_prefix(struct thaw_trainer *t, const struct thaw_train_batch *batch,
                      struct thaw_error *err)
{
    struct batch_work w = {t, batch, false};
    int size = t->options.batch;
    if (!t->prefix &&
        !(t->prefix = thaw_team_create(
              t->prefix_plan, size,
              thaw_trainer_at_once(t->prefix_plan, &t->options, t->frozen_samples), err)))
        return -1;
    if (thaw_team_run(t->prefix, batch->n, run_prefix_piece, &w, err))
        return -1;
    if (t->options.bf16)
        thaw_bf16_round(t->features, (size_t)batch->n * t->feature_floats);
    return 0;
}

int thaw_trainer_prefix(struct thaw_trainer *t, const struct thaw_train_batch *batch,
                        struct thaw_error *err)
{
    if (!t->kept) {
        double began = thaw_clock();
        int rc = run_prefix(t, batch, err);
        t->compute += thaw_clock() - began;
        return rc;
    }
    for (int i = 0; i < batch->n; i++)
        if (thaw_features_get(t->kept, batch->ids[i], t->features + (size_t)i * t->feature_floats,
                              err))
            return -1;
    return 0;
}

/* A piece of the batch as the tail takes it. */
static struct thaw_pass tail_pass(const struct batch_work *w, const struct thaw_piece *piece)
{
    const struct thaw_trainer *t = w->t;
    const struct thaw_plan *p = t->tail_plan;
    struct thaw_pass pass = {.count = piece->count,
                             .training = w->training,
                             .seed = t->options.seed,
                             .step = t->at.step,
                             .first_sample = (uint32_t)piece->at};
    size_t floats =
        t->prefix_plan ? t->feature_floats : thaw_shape_count(p->values[p->input].shape);
    const float *x = t->prefix_plan ? t->features : w->batch->x;
    if (w->training && t->mix.x)
        x = t->mix.x;
    pass.x = x + (size_t)piece->at * floats;
    pass.form = t->prefix_plan ? THAW_PACKED : THAW_NHWC;
    return pass;
}

static struct thaw_truth truth_of(const struct thaw_train_options *o,
                                  const struct thaw_train_batch *batch, int sample)
{
    struct thaw_truth truth = {batch->labels[sample], NULL};
    if (o->loss->by_label)
        truth.targets = batch->targets + (size_t)sample * (size_t)o->classes;
    return truth;
}

/* Right answers of one sample. */
static size_t count_hits(const float *logits, int classes, struct thaw_truth truth)
{
    size_t hits = 0;
    int top = 0;
    for (int k = 0; truth.targets && k < classes; k++)
        hits += (logits[k] >= 0) == (truth.targets[k] > 0.5F);
    for (int k = 1; k < classes; k++)
        if (logits[k] > logits[top])
            top = k;
    return truth.targets ? hits : top == truth.label;
}

/* Adds plain losses and hits of the batch, from t->logits. */
static void score(const struct thaw_trainer *t, const struct thaw_train_batch *batch,
                  struct thaw_sums *sums)
{
    const struct thaw_train_options *o = &t->options;
    struct thaw_loss_options plain = {.gamma = o->loss_options.gamma};
    for (int i = 0; i < batch->n; i++) {
        const float *row = t->logits + (size_t)i * (size_t)o->classes;
        struct thaw_truth truth = truth_of(o, batch, i);
        sums->loss += o->loss->apply(&plain, row, o->classes, truth, NULL);
        sums->hits += count_hits(row, o->classes, truth);
        sums->answers += o->loss->by_label ? (size_t)o->classes : 1;
        sums->images++;
    }
}

/* The gradient of the batch's loss at a sample's logits, if what is true of `image` is true of it.
 */
static void loss_gradient(const struct thaw_trainer *t, const struct thaw_train_batch *batch,
                          const float *logits, int image, float *dlogits)
{
    const struct thaw_train_options *o = &t->options;
    struct thaw_truth truth = truth_of(o, batch, image);
    o->loss->apply(&o->loss_options, logits, o->classes, truth, dlogits);
    float weight = !o->loss->by_label && o->class_weights ? o->class_weights[truth.label] : 1;
    weight /= (float)batch->n;
    for (int k = 0; k < o->classes; k++)
        dlogits[k] *= weight;
}

static void sample_gradient(const struct thaw_trainer *t, const struct thaw_train_batch *batch,
                            int sample)
{
    int classes = t->options.classes;
    size_t at = (size_t)sample * (size_t)classes;
    float *own = t->dlogits + at;
    loss_gradient(t, batch, t->logits + at, sample, own);
    if (!t->mix.shares)
        return;
    float *other = t->mix.dlogits + at;
    loss_gradient(t, batch, t->logits + at, thaw_trainer_partner(batch, sample), other);
    float share = t->mix.shares[sample];
    for (int k = 0; k < classes; k++)
        own[k] = share * own[k] + (1 - share) * other[k];
}

/* The team for this batch: with batch statistics a smaller last batch needs one of its own size. */
static struct thaw_team *tail_for(struct thaw_trainer *t, int n, struct thaw_error *err)
{
    if (!t->options.batch_statistics || n == thaw_team_micro_batch(t->tail))
        return t->tail;
    if (t->rest && thaw_team_micro_batch(t->rest) != n) {
        thaw_team_free(t->rest);
        t->rest = NULL;
    }
    if (!t->rest)
        t->rest = thaw_team_create(t->tail_plan, n, n, err);
    else if (thaw_team_update(t->rest, err))
        return NULL;
    return t->rest;
}

static int run_tail_piece(void *ctx, struct thaw_exec *tail, const struct thaw_piece *piece,
                          struct thaw_error *err)
{
    const struct batch_work *w = ctx;
    const struct thaw_trainer *t = w->t;
    size_t at = (size_t)piece->at * (size_t)t->options.classes;
    struct thaw_pass pass = tail_pass(w, piece);
    if (thaw_exec_forward(tail, &pass, err))
        return -1;
    thaw_exec_read(tail, piece->count, t->logits + at);
    if (!w->training)
        return 0;
    for (int i = 0; i < piece->count; i++)
        sample_gradient(t, w->batch, piece->at + i);
    return thaw_exec_backward(tail, t->dlogits + at, piece->count, piece->first, err);
}

static int forward_backward(struct thaw_trainer *t, struct thaw_team *tail,
                            const struct thaw_train_batch *batch, struct thaw_error *err)
{
    struct batch_work w = {t, batch, true};
    if (thaw_team_run(tail, batch->n, run_tail_piece, &w, err) || thaw_team_gradients(tail, err))
        return -1;
    score(t, batch, &t->at.sums);
    return 0;
}

static int update(struct thaw_trainer *t, const struct thaw_train_batch *batch, size_t train_images,
                  struct thaw_error *err)
{
    struct thaw_team *tail = tail_for(t, batch->n, err);
    if (!tail || forward_backward(t, tail, batch, err))
        return -1;
    if (thaw_trainer_update(t, tail, thaw_trainer_rate(t, train_images), err))
        return -1;
    t->at.stage_step++;
    t->at.step++;
    t->at.batch++;
    return thaw_team_update(t->tail, err);
}

int thaw_trainer_step(struct thaw_trainer *t, const struct thaw_train_batch *batch,
                      size_t train_images, struct thaw_error *err)
{
    if (t->prefix_plan && thaw_trainer_prefix(t, batch, err))
        return -1;
    double began = thaw_clock();
    thaw_trainer_mix(t, batch);
    int rc = update(t, batch, train_images, err);
    t->compute += thaw_clock() - began;
    return rc;
}

static int forward(struct thaw_trainer *t, const struct thaw_train_batch *batch,
                   struct thaw_sums *sums, struct thaw_error *err)
{
    struct batch_work w = {t, batch, false};
    if (thaw_team_run(t->tail, batch->n, run_tail_piece, &w, err))
        return -1;
    score(t, batch, sums);
    return 0;
}

int thaw_trainer_judge(struct thaw_trainer *t, const struct thaw_train_batch *batch,
                       struct thaw_sums *sums, struct thaw_error *err)
{
    if (t->prefix_plan && thaw_trainer_prefix(t, batch, err))
        return -1;
    double began = thaw_clock();
    int rc = forward(t, batch, sums, err);
    t->compute += thaw_clock() - began;
    return rc;
}
