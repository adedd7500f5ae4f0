#include "nn/exec_memory.h"

#include <stdlib.h>
#include <unistd.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "nn/exec.h"
#include "nn/planner.h"

/* Time runs over operations forward, step i, then backward, step 2S - 1 - i. */
struct layout_work {
    struct thaw_exec_memory *m;
    const struct thaw_plan *plan;
    int n;
    bool training;
    struct thaw_buffer *buffers;
    int used;
};

static int backward_step(const struct layout_work *w, int op)
{
    return 2 * w->plan->n_ops - 1 - op;
}

static int add_buffer(struct layout_work *w, size_t bytes, int first, int last)
{
    if (!bytes)
        return THAW_NOWHERE;
    w->buffers[w->used] = (struct thaw_buffer){.bytes = bytes, .first = first, .last = last};
    return w->used++;
}

static void reach(struct layout_work *w, int buffer, int step)
{
    if (w->buffers[buffer].last < step)
        w->buffers[buffer].last = step;
}

static size_t value_bytes(const struct layout_work *w, int value)
{
    return (size_t)w->n * thaw_value_bytes(&w->plan->values[value]);
}

/* Tensors live from the operation that makes them to the last one that reads them, in either
 * direction. */
static void place_values(struct layout_work *w)
{
    const struct thaw_plan *p = w->plan;
    w->m->value[p->input] = add_buffer(w, value_bytes(w, p->input), 0, 0);
    for (int i = 0; i < p->n_ops; i++)
        w->m->value[p->ops[i].out] = add_buffer(w, value_bytes(w, p->ops[i].out), i, i);
    for (int i = 0; i < p->n_ops; i++) {
        const struct thaw_op *op = &p->ops[i];
        bool backward = w->training && op->backward;
        unsigned reads = backward && op->kind->reads ? op->kind->reads(op) : 0;
        for (int k = 0; k < op->n_in; k++) {
            reach(w, w->m->value[op->in[k]], reads & THAW_READS_INPUT ? backward_step(w, i) : i);
        }
        if (op->addend >= 0)
            reach(w, w->m->value[op->addend], i);
        if (reads & THAW_READS_OUTPUT)
            reach(w, w->m->value[op->out], backward_step(w, i));
    }
    /* The caller reads the output after forward and before backward. */
    reach(w, w->m->value[p->output], p->n_ops);
}

/* Whether the result of operation i may take over the memory of its addend, of which it is the last
 * reader. */
static bool takes_over(const struct layout_work *w, int i)
{
    const struct thaw_plan *p = w->plan;
    const struct thaw_op *op = &p->ops[i];
    if (op->addend < 0 || !op->kind->adds_in_place || !op->kind->adds_in_place(op, p->values))
        return false;
    int held = w->m->value[op->addend];
    bool alone = held != w->m->value[p->input] && held != w->m->value[p->output];
    for (int k = 0; k < op->n_in; k++)
        alone &= w->m->value[op->in[k]] != held;
    return alone && w->buffers[held].last == i;
}

static void share_with_addends(struct layout_work *w)
{
    for (int i = 0; i < w->plan->n_ops; i++) {
        const struct thaw_op *op = &w->plan->ops[i];
        if (!takes_over(w, i))
            continue;
        int *out = &w->m->value[op->out], held = w->m->value[op->addend];
        reach(w, held, w->buffers[*out].last);
        w->buffers[*out].bytes = 0;
        *out = held;
    }
}

/* A gradient lives from its first contribution (the last reader's backward) to its producer's
 * backward. An addend's first contribution is its operation's own dout: it takes that buffer over.
 */
static void place_gradients(struct layout_work *w)
{
    const struct thaw_plan *p = w->plan;
    w->m->grad[p->output] = add_buffer(w, value_bytes(w, p->output), p->n_ops,
                                       backward_step(w, p->values[p->output].producer));
    for (int i = p->n_ops - 1; i >= 0; i--) {
        const struct thaw_op *op = &p->ops[i];
        struct thaw_op_memory *om = &w->m->ops[i];
        if (!op->backward)
            continue;
        if (op->addend >= 0 && p->values[op->addend].has_grad) {
            om->addend_add = w->m->grad[op->addend] != THAW_NOWHERE;
            if (!om->addend_add) {
                w->m->grad[op->addend] = w->m->grad[op->out];
                reach(w, w->m->grad[op->out], backward_step(w, p->values[op->addend].producer));
            }
        }
        for (int k = 0; k < op->n_in; k++) {
            int v = op->in[k], now = backward_step(w, i);
            om->din[k] = THAW_NOWHERE;
            if (!p->values[v].has_grad)
                continue;
            om->din_add[k] = w->m->grad[v] != THAW_NOWHERE;
            om->din[k] = add_buffer(w, value_bytes(w, v), now,
                                    om->din_add[k] ? now : backward_step(w, p->values[v].producer));
            if (!om->din_add[k])
                w->m->grad[v] = om->din[k];
        }
    }
}

static void place_work_space(struct layout_work *w)
{
    for (int i = 0; i < w->plan->n_ops; i++) {
        struct thaw_op_memory *om = &w->m->ops[i];
        bool backward = w->training && w->plan->ops[i].backward;
        om->saved = add_buffer(w, om->saved_bytes, i, backward ? backward_step(w, i) : i);
        om->scratch = add_buffer(w, om->scratch_bytes, i, i);
        om->scratch_backward =
            backward ? add_buffer(w, om->scratch_bytes, backward_step(w, i), backward_step(w, i))
                     : THAW_NOWHERE;
    }
}

static int make_arrays(struct layout_work *w, struct thaw_error *err)
{
    const struct thaw_plan *p = w->plan;
    size_t values = (size_t)p->n_values, most = 2 * values;
    for (int i = 0; i < p->n_ops; i++) {
        size_t inputs = (size_t)p->ops[i].n_in;
        w->m->ops[i].din = thaw_new(inputs, sizeof(int), err);
        w->m->ops[i].din_add = thaw_new(inputs, sizeof(bool), err);
        if (!w->m->ops[i].din || !w->m->ops[i].din_add)
            return -1;
        most += inputs + 3;
    }
    w->m->value = thaw_new(values, sizeof(int), err);
    w->m->grad = thaw_new(values, sizeof(int), err);
    w->m->offsets = thaw_new(most, sizeof(size_t), err);
    w->buffers = thaw_new(most, sizeof *w->buffers, err);
    if (!w->m->value || !w->m->grad || !w->m->offsets || !w->buffers)
        return -1;
    for (int v = 0; v < p->n_values; v++)
        w->m->value[v] = w->m->grad[v] = THAW_NOWHERE;
    return 0;
}

int thaw_exec_memory_init(struct thaw_exec_memory *m, const struct thaw_plan *plan, int n,
                          bool training, struct thaw_error *err)
{
    struct layout_work w = {.m = m, .plan = plan, .n = n, .training = training};
    int rc = -1;
    if (make_arrays(&w, err))
        goto done;
    place_values(&w);
    share_with_addends(&w);
    if (training && plan->n_ops && plan->ops[plan->n_ops - 1].backward)
        place_gradients(&w);
    place_work_space(&w);
    if (thaw_planner_place(w.buffers, (size_t)w.used, &m->bytes, err))
        goto done;
    for (int i = 0; i < w.used; i++)
        m->offsets[i] = w.buffers[i].offset;
    m->n_buffers = w.used;
    rc = 0;
done:
    free(w.buffers);
    return rc;
}

void thaw_exec_memory_release(struct thaw_exec_memory *m, const struct thaw_plan *plan)
{
    for (int i = 0; m->ops && i < plan->n_ops; i++) {
        free(m->ops[i].din);
        free(m->ops[i].din_add);
    }
    free(m->ops);
    free(m->value);
    free(m->grad);
    free(m->offsets);
    *m = (struct thaw_exec_memory){0};
}

size_t thaw_exec_estimate(const struct thaw_plan *plan, int n)
{
    struct thaw_exec_memory m = {.ops = thaw_new((size_t)plan->n_ops, sizeof *m.ops, NULL)};
    size_t bytes = 0;
    bool training = false;
    for (int i = 0; i < plan->n_ops; i++)
        training |= plan->ops[i].backward;
    for (int i = 0; m.ops && i < plan->n_ops; i++)
        if (plan->ops[i].then)
            m.ops[i].scratch_bytes =
                thaw_value_bytes(&plan->values[plan->ops[i].then->in[0]]) * (size_t)n;
    if (m.ops && thaw_exec_memory_init(&m, plan, n, training, NULL) == 0)
        bytes = m.bytes;
    for (int i = 0; bytes && i < plan->n_trained; i++)
        bytes += plan->trained[i].param->count * sizeof(float);
    thaw_exec_memory_release(&m, plan);
    return bytes;
}

/* With matrix tiles products are so fast that passing over the weights and the sums of their
 * gradients, once a micro-batch, takes longer, unless there are more activations. Bytes of both,
 * of one sample; no weights where nothing trains so. */
static void weigh(const struct thaw_plan *plan, size_t *weights, size_t *activations)
{
    bool tiles = false;
    *weights = *activations = 0;
    for (int i = 0; i < plan->n_ops; i++) {
        const struct thaw_op *op = &plan->ops[i];
        const struct thaw_value *out = &plan->values[op->out];
        *activations += op->backward ? thaw_value_bytes(out) : 0;
        tiles |= op->trained && out->channels_last && out->type == THAW_TYPE_BF16;
    }
    for (int i = 0; tiles && i < plan->n_trained; i++)
        *weights += plan->trained[i].param->count * sizeof(float);
}

int thaw_exec_choose_batch(const struct thaw_plan *plan, int limit)
{
    enum { TIMES = 2 };
    size_t weights, activations;
    /* The largest pair of neighbouring tensors should stay in the second-level caches together; but
     * a single sample leaves the kernels too little to do. */
    long cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
    size_t room = (cache > 0 ? (size_t)cache : 1 << 20) * (size_t)thaw_par_threads(), most = 1;
    for (int i = 0; i < plan->n_ops; i++) {
        const struct thaw_op *op = &plan->ops[i];
        size_t pair =
            thaw_value_bytes(&plan->values[op->in[0]]) + thaw_value_bytes(&plan->values[op->out]);
        most = pair > most ? pair : most;
    }
    int n = limit < 2 ? 1 : 2;
    weigh(plan, &weights, &activations);
    while (2 * n <= limit &&
           ((size_t)(2 * n) * most <= room || (size_t)n * activations < TIMES * weights))
        n *= 2;
    return n;
}
