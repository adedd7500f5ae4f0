/* From the gradient of a batch to the next weights. */
#include <math.h>

#include "io/base/par.h"
#include "nn/kernels/arrays.h"
#include "nn/train_internal.h"

struct pull {
    float *gradient;
    const float *weights, *start;
    float strength;
};

static void pull_range(void *ctx, size_t first, size_t last)
{
    const struct pull *p = ctx;
    for (size_t i = first; i < last; i++)
        p->gradient[i] += p->strength * (p->weights[i] - p->start[i]);
}

/* Li et al. 2018: the backbone's kernels are pulled towards where they began. */
static void pull_back(struct thaw_trainer *t, struct thaw_team *tail)
{
    const struct thaw_node *head = &t->graph->nodes[t->options.head];
    size_t offset = 0;
    int next = 0;
    for (int i = 0; i < t->graph->n_nodes; i++)
        for (int k = 0; k < t->graph->nodes[i].n_params; k++) {
            const struct thaw_param *p = &t->graph->nodes[i].params[k];
            struct pull pull = {NULL, p->data, t->initial + offset, t->options.l2_sp};
            offset += p->count;
            if (next >= t->tail_plan->n_trained || t->tail_plan->trained[next].param != p)
                continue;
            pull.gradient = thaw_team_gradient(tail, next++);
            if (p->decay && &t->graph->nodes[i] < head)
                thaw_par_range(p->count, pull_range, &pull);
        }
}

static size_t trained_count(const struct thaw_plan *plan)
{
    size_t count = 0;
    for (int i = 0; i < plan->n_trained; i++)
        count += plan->trained[i].param->count;
    return count;
}

static int clip(struct thaw_trainer *t, struct thaw_team *tail, struct thaw_error *err)
{
    size_t count = trained_count(t->tail_plan);
    float *whole = count ? thaw_team_gradient(tail, 0) : NULL;
    double norm = thaw_kernel_norm(whole, count);
    const struct thaw_stage *s = &t->stages->stages[t->at.stage];
    if (!isfinite(norm))
        return thaw_fail(err, THAW_EINPUT,
                         "training diverged: the gradient is not a number at update %u of stage %s "
                         "(epoch %d); a smaller learning rate than %g is needed",
                         t->at.stage_step + 1, s->name, t->at.epoch + 1, s->rate);
    if (t->options.clip > 0 && norm > t->options.clip)
        thaw_kernel_scale(whole, (float)(t->options.clip / norm), count);
    return 0;
}

struct update_work {
    const struct thaw_trainer *t;
    struct thaw_team *tail;
    double rate;
};

static struct thaw_update update_of(const struct update_work *w, int i, size_t offset)
{
    const struct thaw_trainer *t = w->t;
    const struct thaw_stage *stage = &t->stages->stages[t->at.stage];
    const struct thaw_trained *trained = &t->tail_plan->trained[i];
    int node = (int)(trained->node - t->graph->nodes);
    double divisor = thaw_stage_divisor(stage, node, t->options.head, t->blocks);
    struct thaw_update update = {.weights = trained->param->data,
                                 .gradient = thaw_team_gradient(w->tail, i),
                                 .count = trained->param->count,
                                 .rate = (float)(w->rate / divisor),
                                 .decay = trained->param->decay ? stage->weight_decay : 0,
                                 .step = t->at.stage_step + 1};
    for (int k = 0; k < t->options.optimizer->slots; k++)
        update.slots[k] = t->slots[k] + offset;
    return update;
}

/* Numbers first .. last - 1 of all trained tensors, one after the other. */
static void update_range(void *ctx, size_t first, size_t last)
{
    const struct update_work *w = ctx;
    const struct thaw_train_options *o = &w->t->options;
    size_t offset = 0;
    for (int i = 0; i < w->t->tail_plan->n_trained && offset < last; i++) {
        size_t count = w->t->tail_plan->trained[i].param->count, end = offset + count;
        if (end > first) {
            struct thaw_update update = update_of(w, i, offset);
            o->optimizer->apply(&o->optimizer_options, &update, first > offset ? first - offset : 0,
                                last < end ? last - offset : count);
        }
        offset = end;
    }
}

int thaw_trainer_update(struct thaw_trainer *t, struct thaw_team *tail, double rate,
                        struct thaw_error *err)
{
    struct update_work w = {t, tail, rate};
    if (t->options.l2_sp > 0)
        pull_back(t, tail);
    if (clip(t, tail, err))
        return -1;
    thaw_par_range(trained_count(t->tail_plan), update_range, &w);
    return 0;
}
