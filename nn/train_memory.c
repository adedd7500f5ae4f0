/* How much memory a trainer will take, from shapes alone: before anything is made, and the same at
 * every run, since micro-batches, and with them the last bits, are chosen by it. */
#include "nn/train_internal.h"

/* What primitives hold beside an executor's own blocks, measured with oneDNN 2.6 on networks from
 * 0.4 to 25 million weights: copies of the weights (folded, reordered for each direction, sums of
 * gradients), scratch, and generated code, which stays when the executor goes. */
enum { COPIES_FORWARD = 1, COPIES_TRAINING = 6, SCRATCH_PART = 16 };
static const size_t code_forward = 90 << 10, code_training = 280 << 10; /* of an operation */
/* For one sample and for several in float32, and in two smaller precisions. */
enum { PLANS_TO_SETTLE = 4 };
/* The file of a checkpoint, in memory before it is written, holds the weights now, before the stage
 * and at its best, and the optimiser's; the first are copied into one tensor as well. */
enum { KINDS_TO_SAVE = 3, KINDS_COPIED = 1 };

static size_t weight_bytes(const struct thaw_graph *graph, int first, int last)
{
    size_t count = 0;
    for (int i = first; i <= last; i++)
        for (int k = 0; k < graph->nodes[i].n_params; k++)
            count += graph->nodes[i].params[k].count;
    return count * sizeof(float);
}

/* Of a team that is asked for micro-batches of n. */
static size_t team_bytes(const struct thaw_plan *plan, int batch, int n)
{
    int size;
    thaw_team_choose(plan, batch, n, &n, &size);
    size_t bytes = (size_t)size * thaw_exec_estimate(plan, n);
    return bytes + bytes / SCRATCH_PART;
}

/* A pair is two. */
static size_t count_operations(const struct thaw_plan *plan)
{
    size_t count = (size_t)plan->n_ops;
    for (int i = 0; i < plan->n_ops; i++)
        count += plan->ops[i].then != NULL;
    return count;
}

struct sums {
    size_t stage;  /* while the stage lasts */
    size_t sample; /* and while its precision is settled */
    size_t saving; /* and while a checkpoint is saved */
    size_t code;   /* of all stages so far */
};

static int add_prefix(struct thaw_graph *graph, const struct thaw_train_options *o, int cut,
                      struct sums *sums, struct thaw_error *err)
{
    struct thaw_plan *plan = thaw_trainer_plan_prefix(graph, cut, err);
    if (!plan)
        return -1;
    const struct thaw_value *in = &plan->values[plan->input], *out = &plan->values[plan->output];
    size_t features = out->layout.sample * sizeof(float);
    bool settles = o->frozen_auto || o->frozen != THAW_F32;
    sums->stage += team_bytes(plan, o->batch, thaw_trainer_at_once(plan, o, 0)) +
                   COPIES_FORWARD * weight_bytes(graph, 0, cut) + (size_t)o->batch * features;
    if (settles)
        sums->sample = (size_t)thaw_trainer_sample(o) *
                       (thaw_shape_count(in->shape) * sizeof(float) + features);
    sums->code += count_operations(plan) * code_forward * (settles ? PLANS_TO_SETTLE : 1);
    thaw_plan_free(plan);
    return 0;
}

static int add_tail(struct thaw_graph *graph, const struct thaw_train_options *o,
                    const struct thaw_stage *stage, int cut, size_t train_images, struct sums *sums,
                    struct thaw_error *err)
{
    size_t all = weight_bytes(graph, 0, graph->n_nodes - 1);
    size_t weights = weight_bytes(graph, cut + 1, graph->n_nodes - 1);
    size_t slots = (size_t)o->optimizer->slots * weights;
    int rest = o->batch_statistics ? (int)(train_images % (size_t)o->batch) : 0;
    /* It may come to float32, which takes more than bf16. */
    bool follows = cut > 0 && o->frozen_auto && o->precision != THAW_F32;
    enum thaw_precision most = follows ? THAW_F32 : o->precision;
    struct thaw_plan *plan = thaw_trainer_plan_tail(graph, o, most, cut, err);
    if (!plan)
        return -1;
    size_t copies = COPIES_TRAINING * weights;
    size_t code = (size_t)plan->n_ops * code_training * (follows ? 2 : 1);
    sums->stage += team_bytes(plan, o->batch, thaw_trainer_tail_at_once(plan, o)) + copies + slots;
    sums->code += code;
    if (rest) { /* the epoch's last, smaller batch has an executor of its own */
        sums->stage += team_bytes(plan, rest, rest) + copies;
        sums->code += code;
    }
    if (thaw_trainer_mixes(o, stage))
        sums->stage += (size_t)o->batch * plan->values[plan->input].layout.sample * sizeof(float);
    sums->saving = (KINDS_TO_SAVE + KINDS_COPIED) * all + slots;
    thaw_plan_free(plan);
    return 0;
}

int thaw_trainer_measure(struct thaw_graph *graph, const struct thaw_stages *stages,
                         const struct thaw_train_options *o, size_t train_images, size_t *bytes,
                         struct thaw_error *err)
{
    size_t most = 0, copies = o->l2_sp > 0 ? 3 : 2;
    struct sums sums = {0};
    for (int s = 0; s < stages->n; s++) {
        sums.stage = sums.sample = 0;
        int cut = thaw_trainer_thaw(graph, &stages->stages[s], err);
        if (cut < 0 || (cut > 0 && add_prefix(graph, o, cut, &sums, err)) ||
            add_tail(graph, o, &stages->stages[s], cut, train_images, &sums, err))
            return -1;
        sums.stage += sums.sample > sums.saving ? sums.sample : sums.saving;
        most = sums.stage > most ? sums.stage : most;
    }
    *bytes = most + sums.code + copies * weight_bytes(graph, 0, graph->n_nodes - 1);
    return 0;
}
