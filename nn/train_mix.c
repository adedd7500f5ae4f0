/* Mixup: Zhang et al. 2018, between the frozen part and what trains as in Verma et al. 2019. A
 * batch is in random order, so the image after it is as good a partner as any. */
#include <stdlib.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "io/base/rng.h"
#include "nn/train_internal.h"

int thaw_trainer_partner(const struct thaw_train_batch *batch, int sample)
{
    return (sample + 1) % batch->n;
}

static void draw_shares(const struct thaw_trainer *t, int n)
{
    struct thaw_rng rng = thaw_rng_at(t->options.seed, t->at.step, 0, THAW_RNG_MIX);
    for (int i = 0; i < n; i++) {
        float share = thaw_rng_beta(&rng, t->options.mixup);
        t->mix.shares[i] = share < 0.5F ? 1 - share : share;
    }
}

struct mix_work {
    const struct thaw_mix *mix;
    const struct thaw_train_batch *batch;
    const float *x;
};

static void mix_samples(void *ctx, size_t first, size_t last)
{
    const struct mix_work *w = ctx;
    size_t count = w->mix->floats;
    for (size_t i = first; i < last; i++) {
        size_t partner = (size_t)thaw_trainer_partner(w->batch, (int)i);
        const float *own = w->x + i * count, *other = w->x + partner * count;
        float *to = w->mix->x + i * count, share = w->mix->shares[i];
        for (size_t k = 0; k < count; k++)
            to[k] = share * own[k] + (1 - share) * other[k];
    }
}

void thaw_trainer_mix(struct thaw_trainer *t, const struct thaw_train_batch *batch)
{
    struct mix_work w = {&t->mix, batch, t->prefix_plan ? t->features : batch->x};
    if (!t->mix.shares)
        return;
    draw_shares(t, batch->n);
    thaw_par_range((size_t)batch->n, mix_samples, &w);
}

bool thaw_trainer_mixes(const struct thaw_train_options *o, const struct thaw_stage *stage)
{
    return o->mixup > 0 && stage->first < o->head;
}

int thaw_trainer_mix_open(struct thaw_trainer *t, struct thaw_error *err)
{
    const struct thaw_plan *p = t->tail_plan;
    size_t batch = (size_t)t->options.batch, outputs = batch * (size_t)t->options.classes;
    if (!thaw_trainer_mixes(&t->options, &t->stages->stages[t->at.stage]))
        return 0;
    t->mix.floats =
        t->prefix_plan ? t->feature_floats : thaw_shape_count(p->values[p->input].shape);
    t->mix.x = thaw_new_aligned(batch * t->mix.floats, sizeof *t->mix.x, err);
    t->mix.dlogits = thaw_new(outputs, sizeof *t->mix.dlogits, err);
    t->mix.shares = thaw_new(batch, sizeof *t->mix.shares, err);
    return t->mix.x && t->mix.dlogits && t->mix.shares ? 0 : -1;
}

void thaw_trainer_mix_close(struct thaw_trainer *t)
{
    free(t->mix.x);
    free(t->mix.dlogits);
    free(t->mix.shares);
    t->mix = (struct thaw_mix){0};
}
