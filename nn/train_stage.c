#include "nn/train_internal.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/tune.h"

/* Does the node change from one update to the next, or what it gives from one step to the next? */
static bool is_fixed(const struct thaw_node *node)
{
    return node->n_params == 0 && strcmp(node->kind->name, "Dropout") != 0;
}

int thaw_trainer_cut(const struct thaw_graph *graph, int first, struct thaw_error *err)
{
    bool *cuts = thaw_new((size_t)graph->n_nodes, sizeof *cuts, err);
    if (!cuts || thaw_graph_cuts(graph, cuts, err)) {
        free(cuts);
        return -1;
    }
    /* A pooling at the bottom of the head, say, is as fixed as what lies under it. */
    while (first < graph->n_nodes - 1 && is_fixed(&graph->nodes[first]))
        first++;
    int cut = first - 1;
    while (cut > 0 && !cuts[cut])
        cut--;
    free(cuts);
    return cut;
}

int thaw_trainer_thaw(struct thaw_graph *graph, const struct thaw_stage *stage,
                      struct thaw_error *err)
{
    for (int i = 0; i < graph->n_nodes; i++)
        graph->nodes[i].trainable = i >= stage->first;
    return thaw_trainer_cut(graph, stage->first, err);
}

struct thaw_plan *thaw_trainer_plan_prefix(struct thaw_graph *graph, int cut,
                                           struct thaw_error *err)
{
    struct thaw_plan_options frozen = {.first = 0, .last = cut};
    return thaw_plan_create(graph, &frozen, err);
}

struct thaw_plan *thaw_trainer_plan_tail(struct thaw_graph *graph,
                                         const struct thaw_train_options *o,
                                         enum thaw_precision trained, int cut,
                                         struct thaw_error *err)
{
    struct thaw_plan_options options = {.first = cut,
                                        .last = -1,
                                        .training = true,
                                        .batch_statistics = o->batch_statistics,
                                        .logits = true,
                                        .precision = trained};
    return thaw_plan_create(graph, &options, err);
}

/* What the team would choose, within the bound. */
static int bounded(const struct thaw_plan *plan, const struct thaw_train_options *o)
{
    int n, size;
    thaw_team_choose(plan, o->batch, 0, &n, &size);
    return n < o->most_at_once ? n : o->most_at_once;
}

int thaw_trainer_at_once(const struct thaw_plan *plan, const struct thaw_train_options *o,
                         size_t samples)
{
    return o->most_at_once ? bounded(plan, o) : thaw_tune_batch(plan, o->batch, samples);
}

int thaw_trainer_tail_at_once(const struct thaw_plan *plan, const struct thaw_train_options *o)
{
    return o->batch_statistics ? o->batch
           : o->micro_batch    ? o->micro_batch
           : o->most_at_once   ? bounded(plan, o)
                               : 0;
}

static int make_prefix(struct thaw_trainer *t, struct thaw_error *err)
{
    if (!(t->prefix_plan = thaw_trainer_plan_prefix(t->graph, t->cut, err)))
        return -1;
    const struct thaw_value *out = &t->prefix_plan->values[t->prefix_plan->output];
    t->feature_floats = out->layout.sample;
    t->features =
        thaw_new_aligned((size_t)t->options.batch * t->feature_floats, sizeof *t->features, err);
    return t->features ? 0 : -1;
}

static int make_tail(struct thaw_trainer *t, struct thaw_error *err)
{
    const struct thaw_train_options *o = &t->options;
    if (!(t->tail_plan = thaw_trainer_plan_tail(t->graph, o, t->trained, t->cut, err)))
        return -1;
    const struct thaw_value *out = &t->tail_plan->values[t->tail_plan->output];
    if (out->shape.rank != 1 || out->shape.c != o->classes)
        return thaw_fail(err, THAW_EINPUT,
                         "the network ends in %d x %d x %d values, not in %d logits", out->shape.h,
                         out->shape.w, out->shape.c, o->classes);
    t->tail =
        thaw_team_create(t->tail_plan, o->batch, thaw_trainer_tail_at_once(t->tail_plan, o), err);
    return t->tail ? 0 : -1;
}

static int make_buffers(struct thaw_trainer *t, struct thaw_error *err)
{
    size_t outputs = (size_t)t->options.batch * (size_t)t->options.classes;
    t->logits = thaw_new_aligned(outputs, sizeof *t->logits, err);
    t->dlogits = thaw_new_aligned(outputs, sizeof *t->dlogits, err);
    t->slot_count = 0;
    for (int i = 0; i < t->tail_plan->n_trained; i++)
        t->slot_count += t->tail_plan->trained[i].param->count;
    for (int k = 0; k < t->options.optimizer->slots; k++)
        if (!(t->slots[k] = thaw_new_aligned(t->slot_count, sizeof(float), err)))
            return -1;
    return t->logits && t->dlogits ? 0 : -1;
}

int thaw_trainer_train_in(struct thaw_trainer *t, enum thaw_precision trained,
                          struct thaw_error *err)
{
    if (t->trained == trained)
        return 0;
    thaw_team_free(t->tail);
    thaw_plan_free(t->tail_plan);
    t->tail = NULL;
    t->tail_plan = NULL;
    t->trained = trained;
    return make_tail(t, err);
}

int thaw_trainer_open_stage(struct thaw_trainer *t, enum thaw_precision trained,
                            struct thaw_error *err)
{
    const struct thaw_stage *stage = &t->stages->stages[t->at.stage];
    if ((t->cut = thaw_trainer_thaw(t->graph, stage, err)) < 0)
        return -1;
    t->trained = trained;
    thaw_trainer_cache_leave(t, t->cut);
    if ((t->cut > 0 && make_prefix(t, err)) || make_tail(t, err) || make_buffers(t, err) ||
        thaw_trainer_mix_open(t, err)) {
        thaw_trainer_close_stage(t);
        return thaw_error_prefix(err, "stage %s", stage->name);
    }
    t->open = true;
    return 0;
}

void thaw_trainer_close_stage(struct thaw_trainer *t)
{
    thaw_team_free(t->prefix);
    thaw_team_free(t->tail);
    thaw_team_free(t->rest);
    thaw_plan_free(t->prefix_plan);
    thaw_plan_free(t->tail_plan);
    free(t->features);
    free(t->logits);
    free(t->dlogits);
    thaw_trainer_mix_close(t);
    for (int k = 0; k < THAW_MAX_SLOTS; k++) {
        free(t->slots[k]);
        t->slots[k] = NULL;
    }
    t->prefix = t->tail = t->rest = NULL;
    t->prefix_plan = t->tail_plan = NULL;
    t->features = t->logits = t->dlogits = NULL;
    t->kept = NULL;
    thaw_ranges_release(&t->ranges);
    t->open = false;
}

void thaw_trainer_keep(const struct thaw_trainer *t, float *copy)
{
    for (int i = 0; i < t->graph->n_nodes; i++)
        for (int k = 0; k < t->graph->nodes[i].n_params; k++) {
            const struct thaw_param *p = &t->graph->nodes[i].params[k];
            memcpy(copy, p->data, p->count * sizeof *copy);
            copy += p->count;
        }
}

int thaw_trainer_restore(struct thaw_trainer *t, const float *copy, struct thaw_error *err)
{
    for (int i = 0; i < t->graph->n_nodes; i++)
        for (int k = 0; k < t->graph->nodes[i].n_params; k++) {
            struct thaw_param *p = &t->graph->nodes[i].params[k];
            memcpy(p->data, copy, p->count * sizeof *copy);
            copy += p->count;
        }
    return t->tail ? thaw_team_update(t->tail, err) : 0;
}
