#include "nn/mixed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/exec.h"
#include "nn/ops.h"

/* --- how far a precision drifts --- */

static struct thaw_plan *plan_in(const struct thaw_judge *j, enum thaw_precision precision,
                                 const struct thaw_ranges *ranges, struct thaw_error *err)
{
    struct thaw_plan_options options = {
        .last = j->last, .logits = j->last < 0, .precision = precision, .ranges = ranges};
    return thaw_plan_create(j->graph, &options, err);
}

static int run(const struct thaw_judge *j, const struct thaw_plan *plan, float *y,
               struct thaw_error *err)
{
    struct thaw_exec *exec = thaw_exec_create(plan, j->at_once, err);
    int rc = exec ? thaw_exec_infer(exec, j->x, j->n, y, err) : -1;
    thaw_exec_free(exec);
    return rc;
}

/* The same number at once for every plan, so that they share oneDNN's primitives. */
int thaw_judge_init(struct thaw_judge *j, struct thaw_error *err)
{
    struct thaw_plan *plan = plan_in(j, THAW_F32, NULL, err);
    int rc = -1;
    j->wanted = j->got = NULL;
    if (!plan)
        return -1;
    int n = thaw_exec_choose_batch(plan, (int)j->n);
    j->at_once = j->most && n > j->most ? j->most : n;
    j->floats = thaw_shape_count(plan->values[plan->output].shape);
    if ((j->wanted = thaw_new(j->n * j->floats, sizeof *j->wanted, err)) &&
        (j->got = thaw_new(j->n * j->floats, sizeof *j->got, err)))
        rc = run(j, plan, j->wanted, err);
    thaw_plan_free(plan);
    return rc;
}

void thaw_judge_release(struct thaw_judge *j)
{
    free(j->wanted);
    free(j->got);
    j->wanted = j->got = NULL;
}

static int drift_of(struct thaw_judge *j, const struct thaw_plan *plan, double *drift,
                    struct thaw_error *err)
{
    double error = 0, size = 0;
    if (run(j, plan, j->got, err))
        return -1;
    for (size_t i = 0; i < j->n * j->floats; i++) {
        double d = (double)j->got[i] - (double)j->wanted[i];
        error += d * d;
        size += (double)j->wanted[i] * (double)j->wanted[i];
    }
    *drift = size > 0 ? sqrt(error / size) : error > 0 ? INFINITY : 0;
    return 0;
}

int thaw_judge_drift(struct thaw_judge *j, enum thaw_precision precision,
                     const struct thaw_ranges *ranges, double *drift, struct thaw_error *err)
{
    struct thaw_plan *plan = plan_in(j, precision, ranges, err);
    int rc = plan ? drift_of(j, plan, drift, err) : -1;
    thaw_plan_free(plan);
    return rc;
}

/* --- the search --- */

/* A mixture must move no more than this part of the bytes that all of it higher moves. */
static const double worth = 0.9;

struct search {
    struct thaw_judge *judge;
    struct thaw_ranges *ranges; /* higher: as in `kept`, but 0 .. n_higher */
    double limit;
    int *nodes;          /* [n]: those with convolutions that int8 can run, in order */
    bool *kept;          /* [n]: higher at present */
    bool *best;          /* [n]: in the mixture that moves the fewest bytes so far */
    double bytes, drift; /* its bytes and drift */
    size_t n;
    int trials;
};

static void search_release(struct search *s)
{
    free(s->nodes);
    free(s->kept);
    free(s->best);
}

static int list_nodes(struct search *s, struct thaw_error *err)
{
    struct thaw_plan *plan = plan_in(s->judge, THAW_INT8, s->ranges, err);
    if (!plan)
        return -1;
    size_t most = (size_t)plan->n_ops;
    int rc = (s->nodes = thaw_new(most, sizeof *s->nodes, err)) &&
                     (s->kept = thaw_new(most, sizeof *s->kept, err)) &&
                     (s->best = thaw_new(most, sizeof *s->best, err)) &&
                     (s->ranges->higher = thaw_new(most, sizeof *s->ranges->higher, err))
                 ? 0
                 : -1;
    for (int i = 0; rc == 0 && i < plan->n_ops; i++) {
        const struct thaw_op *op = &plan->ops[i];
        int node = (int)(op->node - s->judge->graph->nodes);
        if (op->kind == &thaw_op_linear && thaw_type_is_8bit(plan->values[op->in[0]].type) &&
            (s->n == 0 || s->nodes[s->n - 1] != node))
            s->nodes[s->n++] = node;
    }
    thaw_plan_free(plan);
    return rc;
}

static void keep(struct search *s, const bool *kept)
{
    struct thaw_ranges *r = s->ranges;
    r->n_higher = 0;
    for (size_t i = 0; i < s->n; i++)
        if (kept[i])
            r->higher[r->n_higher++] = s->nodes[i];
}

/* That the operations read and write for one picture. */
static double moved_bytes(const struct thaw_plan *plan)
{
    double bytes = 0;
    for (int i = 0; i < plan->n_ops; i++) {
        const struct thaw_op *op = &plan->ops[i];
        bytes += (double)thaw_value_bytes(&plan->values[op->out]);
        for (int k = 0; k < op->n_in; k++)
            bytes += (double)thaw_value_bytes(&plan->values[op->in[k]]);
        if (op->addend >= 0)
            bytes += (double)thaw_value_bytes(&plan->values[op->addend]);
    }
    return bytes;
}

/* 1 where the limit holds with what is kept. `part`: of the mixture's bytes, to compare with. */
static int holds(struct search *s, double part, struct thaw_error *err)
{
    double drift = 0;
    s->trials++;
    keep(s, s->kept);
    struct thaw_plan *plan = plan_in(s->judge, THAW_INT8, s->ranges, err);
    int rc = plan ? drift_of(s->judge, plan, &drift, err) : -1;
    if (rc == 0 && drift <= s->limit) {
        double bytes = part * moved_bytes(plan);
        if (bytes <= s->bytes) { /* of equal ones the later, which keeps fewer */
            s->bytes = bytes;
            s->drift = drift;
            memcpy(s->best, s->kept, s->n * sizeof *s->best);
        }
        rc = 1;
    }
    thaw_plan_free(plan);
    return rc;
}

static void set(struct search *s, size_t first, size_t end, bool kept)
{
    for (size_t i = first; i < end; i++)
        s->kept[i] = kept;
}

/* Puts [first,end) back into int8 as far as it can go: 1 when all of it went. `fails`: it is known
 * that it cannot go as a whole. */
static int put_back(struct search *s, size_t first, size_t end, bool fails, struct thaw_error *err)
{
    if (!fails) {
        if (s->trials >= THAW_MIX_TRIALS)
            return 0;
        set(s, first, end, false);
        int rc = holds(s, 1, err);
        if (rc)
            return rc;
        set(s, first, end, true);
    }
    if (end - first == 1)
        return 0;
    size_t middle = first + (end - first) / 2;
    int late = put_back(s, middle, end, false, err);
    return late < 0 || put_back(s, first, middle, late == 1, err) < 0 ? -1 : 0;
}

static int search(struct search *s, struct thaw_error *err)
{
    set(s, 0, s->n, true);
    int rc = holds(s, worth, err);
    if (rc > 0)
        rc = put_back(s, 0, s->n, true, err);
    if (rc < 0)
        return -1;
    keep(s, s->best);
    return 0;
}

int thaw_mix(struct thaw_judge *judge, double limit, struct thaw_ranges *ranges,
             struct thaw_mixture *mixture, struct thaw_error *err)
{
    struct search s = {
        .judge = judge, .ranges = ranges, .limit = limit, .bytes = INFINITY, .drift = NAN};
    thaw_ranges_keep_none(ranges);
    int rc = list_nodes(&s, err);
    if (rc == 0 && s.n)
        rc = search(&s, err);
    *mixture = (struct thaw_mixture){.convolutions = s.n, .drift = s.drift};
    search_release(&s);
    return rc;
}
