#include "nn/exec.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "nn/exec_memory.h"
#include "nn/kernels/kernels.h"
#include "nn/stopwatch.h"

struct thaw_exec {
    const struct thaw_plan *plan;
    const struct thaw_exec *leader; /* whose copies of the weights it uses; NULL: its own */
    int n;
    bool training;
    bool single;         /* primitives were made for one thread: operations may run side by side */
    struct thaw_op *ops; /* copies whose grads point into `gradients` */
    void **states;
    struct thaw_exec_memory memory;
    char *arena;
    float *gradients; /* of plan->trained, one after the other */
    size_t gradient_count;
    float **gradient;   /* [n_trained] */
    const float *input; /* of the last pass, in the layout */
    struct thaw_pass pass;
    const void **in; /* [most inputs of any operation] */
    void **din;
};

static void *at(const struct thaw_exec *e, int buffer)
{
    return buffer == THAW_NOWHERE ? NULL : e->arena + e->memory.offsets[buffer];
}

static float *gradient_of(const struct thaw_exec *e, const struct thaw_param *param)
{
    for (int i = 0; i < e->plan->n_trained; i++)
        if (e->plan->trained[i].param == param)
            return e->gradient[i];
    return NULL;
}

/* Beside a leader only gradients that backward() adds to directly have a place. */
static bool needs_gradient(const struct thaw_exec *e, const struct thaw_param *param)
{
    for (int i = 0; e->leader && i < e->plan->n_ops; i++) {
        const struct thaw_op *op = &e->plan->ops[i];
        for (int k = 0; k < THAW_MAX_PARAMS; k++)
            if (op->wants[k] && op->params[k] == param)
                return !op->kind->gradients;
    }
    return !e->leader;
}

static int make_gradients(struct thaw_exec *e, struct thaw_error *err)
{
    const struct thaw_plan *p = e->plan;
    for (int i = 0; i < p->n_trained; i++)
        if (needs_gradient(e, p->trained[i].param))
            e->gradient_count += p->trained[i].param->count;
    e->gradients = thaw_new_aligned(e->gradient_count, sizeof(float), err);
    e->gradient = thaw_new((size_t)p->n_trained, sizeof *e->gradient, err);
    if (!e->gradients || !e->gradient)
        return -1;
    float *next = e->gradients;
    for (int i = 0; i < p->n_trained; i++) {
        if (!needs_gradient(e, p->trained[i].param))
            continue;
        e->gradient[i] = next;
        next += p->trained[i].param->count;
    }
    for (int i = 0; i < p->n_ops; i++)
        for (int k = 0; k < THAW_MAX_PARAMS; k++) {
            struct thaw_op *op = &e->ops[i];
            op->grads[k] = op->wants[k] ? gradient_of(e, op->params[k]) : NULL;
            op->norm_grads[k] =
                op->norm && op->norm_wants[k] ? gradient_of(e, op->norm->params[k]) : NULL;
        }
    return 0;
}

/* Weights of a lean graph are in memory one operation at a time, all in the same room. */
static size_t room_for(const struct thaw_op *op)
{
    size_t count = (op->norm ? room_for(op->norm) : 0) + (op->then ? room_for(op->then) : 0);
    for (int i = 0; i < THAW_MAX_PARAMS; i++)
        if (op->params[i] && !op->params[i]->data)
            count += op->params[i]->count;
    return count;
}

static int take_weights(const struct thaw_op *op, float **room, struct thaw_error *err)
{
    for (int i = 0; i < THAW_MAX_PARAMS; i++)
        if (op->params[i] && thaw_param_take(op->params[i], room, err))
            return -1;
    return (op->norm && take_weights(op->norm, room, err)) ||
                   (op->then && take_weights(op->then, room, err))
               ? -1
               : 0;
}

static void drop_weights(const struct thaw_op *op)
{
    for (int i = 0; i < THAW_MAX_PARAMS; i++)
        if (op->params[i])
            thaw_param_drop(op->params[i]);
    if (op->norm)
        drop_weights(op->norm);
    if (op->then)
        drop_weights(op->then);
}

static int prepare_op(struct thaw_exec *e, int i, float *room, struct thaw_error *err)
{
    struct thaw_op *op = &e->ops[i];
    struct thaw_op_env env = {.n = e->n,
                              .values = e->plan->values,
                              .ranges = e->plan->ranges,
                              .training = e->training,
                              .shared = e->leader ? e->leader->states[i] : NULL};
    int rc = take_weights(op, op->kind->copies ? &room : NULL, err);
    if (rc == 0 && op->kind->prepare)
        rc = op->kind->prepare(op, &env, &e->states[i], err);
    if (rc == 0 && op->kind->update && !(e->leader && op->kind->shares))
        rc = op->kind->update(op, e->states[i], err);
    if (op->kind->copies)
        drop_weights(op);
    e->memory.ops[i].saved_bytes = env.saved_bytes;
    e->memory.ops[i].scratch_bytes = env.scratch_bytes;
    return rc ? thaw_error_prefix(err, "layer %s", op->node->name) : 0;
}

static int prepare_ops(struct thaw_exec *e, struct thaw_error *err)
{
    size_t most = 0;
    int rc = 0;
    for (int i = 0; i < e->plan->n_ops; i++) {
        size_t count = e->ops[i].kind->copies ? room_for(&e->ops[i]) : 0;
        most = count > most ? count : most;
    }
    float *room = thaw_new_aligned(most, sizeof *room, err);
    if (!room)
        return -1;
    for (int i = 0; rc == 0 && i < e->plan->n_ops; i++)
        rc = prepare_op(e, i, room, err);
    free(room);
    return rc;
}

static int make_arrays(struct thaw_exec *e, struct thaw_error *err)
{
    size_t ops = (size_t)e->plan->n_ops, most = 1;
    for (size_t i = 0; i < ops; i++)
        if ((size_t)e->plan->ops[i].n_in > most)
            most = (size_t)e->plan->ops[i].n_in;
    e->ops = thaw_new(ops, sizeof *e->ops, err);
    e->states = thaw_new(ops, sizeof *e->states, err);
    e->memory.ops = thaw_new(ops, sizeof *e->memory.ops, err);
    e->in = thaw_new(most, sizeof *e->in, err);
    e->din = thaw_new(most, sizeof *e->din, err);
    if (!e->ops || !e->states || !e->memory.ops || !e->in || !e->din)
        return -1;
    if (ops)
        memcpy(e->ops, e->plan->ops, ops * sizeof *e->ops);
    return 0;
}

/* Work on every operation that does not depend on the others. */
struct sweep {
    struct thaw_exec *const *all; /* the leader first */
    int n_all;
};

static int sweep_ops(const struct sweep *s,
                     int (*body)(void *ctx, size_t i, struct thaw_error *err),
                     struct thaw_error *err)
{
    size_t n = (size_t)s->all[0]->plan->n_ops;
    if (s->all[0]->single)
        return thaw_par_each(n, body, (void *)s, err);
    for (size_t i = 0; i < n; i++)
        if (body((void *)s, i, err))
            return -1;
    return 0;
}

static int update_op(void *ctx, size_t i, struct thaw_error *err)
{
    const struct sweep *s = ctx;
    const struct thaw_op *op = &s->all[0]->ops[i];
    if (!op->kind->update || !op->trained)
        return 0;
    double began = thaw_stopwatch_begin(op);
    for (int k = 0; k < (op->kind->shares ? 1 : s->n_all); k++)
        if (op->kind->update(&s->all[k]->ops[i], s->all[k]->states[i], err))
            return thaw_error_prefix(err, "layer %s", op->node->name);
    thaw_stopwatch_end(op, began);
    return 0;
}

static struct thaw_exec *create(const struct thaw_plan *plan, int n, const struct thaw_exec *leader,
                                struct thaw_error *err)
{
    struct thaw_exec *e = thaw_new(1, sizeof *e, err);
    if (!e)
        return NULL;
    e->plan = plan;
    e->n = n;
    e->leader = leader;
    e->single = thaw_par_threads() == 1;
    for (int i = 0; i < plan->n_ops; i++)
        e->training |= plan->ops[i].backward;
    if (make_arrays(e, err) || make_gradients(e, err) || prepare_ops(e, err) ||
        thaw_exec_memory_init(&e->memory, plan, n, e->training, err) ||
        !(e->arena = thaw_new_aligned(e->memory.bytes, 1, err))) {
        thaw_exec_free(e);
        return NULL;
    }
    return e;
}

struct thaw_exec *thaw_exec_create(const struct thaw_plan *plan, int n, struct thaw_error *err)
{
    return create(plan, n, NULL, err);
}

struct thaw_exec *thaw_exec_create_beside(const struct thaw_exec *leader, struct thaw_error *err)
{
    return create(leader->plan, leader->n, leader, err);
}

void thaw_exec_free(struct thaw_exec *e)
{
    if (!e)
        return;
    for (int i = 0; e->states && i < e->plan->n_ops; i++)
        if (e->plan->ops[i].kind->release)
            e->plan->ops[i].kind->release(e->states[i]);
    thaw_exec_memory_release(&e->memory, e->plan);
    free(e->ops);
    free(e->states);
    free(e->arena);
    free(e->gradients);
    free(e->gradient);
    free(e->in);
    free(e->din);
    free(e);
}

int thaw_exec_update_all(struct thaw_exec *const *all, int n, struct thaw_error *err)
{
    struct sweep trained = {.all = all, .n_all = n};
    return sweep_ops(&trained, update_op, err);
}

int thaw_exec_update(struct thaw_exec *e, struct thaw_error *err)
{
    return thaw_exec_update_all(&e, 1, err);
}

static void take_input(struct thaw_exec *e, const struct thaw_pass *pass)
{
    const struct thaw_value *v = &e->plan->values[e->plan->input];
    size_t sample = v->layout.sample, count = (size_t)pass->count;
    float *own = at(e, e->memory.value[e->plan->input]);
    e->input = own;
    bool as_it_lies = pass->form == THAW_PACKED || v->layout.block == v->shape.c;
    if (as_it_lies && pass->count == e->n)
        e->input = pass->x; /* nothing to copy */
    else if (pass->form == THAW_NHWC)
        thaw_layout_pack(v->shape, v->layout, pass->x, count, own);
    else
        memcpy(own, pass->x, count * sample * sizeof *own);
    if (e->input == own)
        memset(own + count * sample, 0, ((size_t)e->n - count) * sample * sizeof *own);
}

static const void *tensor(const struct thaw_exec *e, int value)
{
    return value == e->plan->input ? e->input : at(e, e->memory.value[value]);
}

static struct thaw_run run_of(struct thaw_exec *e, int i, bool first)
{
    const struct thaw_op *op = &e->ops[i];
    const struct thaw_op_memory *om = &e->memory.ops[i];
    for (int k = 0; k < op->n_in; k++)
        e->in[k] = tensor(e, op->in[k]);
    return (struct thaw_run){.n = e->n,
                             .in = e->in,
                             .out = at(e, e->memory.value[op->out]),
                             .addend = op->addend < 0 ? NULL : tensor(e, op->addend),
                             .din = e->din,
                             .saved = at(e, om->saved),
                             .training = e->pass.training,
                             .first = first,
                             .seed = e->pass.seed,
                             .step = e->pass.step,
                             .first_sample = e->pass.first_sample,
                             .op_number = (uint32_t)i};
}

int thaw_exec_forward(struct thaw_exec *e, const struct thaw_pass *pass, struct thaw_error *err)
{
    e->pass = *pass;
    take_input(e, pass);
    for (int i = 0; i < e->plan->n_ops; i++) {
        const struct thaw_op *op = &e->ops[i];
        struct thaw_run run = run_of(e, i, false);
        run.scratch = at(e, e->memory.ops[i].scratch);
        double began = thaw_stopwatch_begin(op);
        if (op->kind->forward(op, e->states[i], &run, err))
            return thaw_error_prefix(err, "layer %s", op->node->name);
        thaw_stopwatch_end(op, began);
        if (pass->watch)
            pass->watch(pass->watch_ctx, &e->plan->values[op->out], e->n, run.out);
    }
    return 0;
}

const float *thaw_exec_output(const struct thaw_exec *e)
{
    return tensor(e, e->plan->output);
}

void thaw_exec_read(const struct thaw_exec *e, int count, float *nhwc)
{
    const struct thaw_value *v = &e->plan->values[e->plan->output];
    thaw_layout_unpack(v->shape, v->layout, thaw_exec_output(e), (size_t)count, nhwc);
}

static void add_to_gradient(const struct thaw_exec *e, int value, const void *part)
{
    const struct thaw_value *v = &e->plan->values[value];
    void *sum = at(e, e->memory.grad[value]);
    size_t count = (size_t)e->n * v->layout.sample;
    if (v->type == THAW_TYPE_BF16)
        thaw_kernel_add_bf16(sum, part, count);
    else
        thaw_kernel_add(sum, part, count);
}

static int backward_op(struct thaw_exec *e, int i, bool first, struct thaw_error *err)
{
    const struct thaw_op *op = &e->ops[i];
    const struct thaw_op_memory *om = &e->memory.ops[i];
    struct thaw_run run = run_of(e, i, first);
    run.dout = at(e, e->memory.grad[op->out]);
    run.scratch = at(e, om->scratch_backward);
    for (int k = 0; k < op->n_in; k++)
        e->din[k] = e->plan->values[op->in[k]].has_grad ? at(e, om->din[k]) : NULL;
    double began = thaw_stopwatch_begin(op);
    if (op->kind->backward(op, e->states[i], &run, err))
        return thaw_error_prefix(err, "layer %s, gradient", op->node->name);
    if (op->addend >= 0 && e->plan->values[op->addend].has_grad && om->addend_add)
        add_to_gradient(e, op->addend, run.dout);
    for (int k = 0; k < op->n_in; k++)
        if (e->din[k] && om->din_add[k])
            add_to_gradient(e, op->in[k], e->din[k]);
    thaw_stopwatch_end(op, began);
    return 0;
}

int thaw_exec_backward(struct thaw_exec *e, const float *gradient, int count, bool first,
                       struct thaw_error *err)
{
    const struct thaw_value *v = &e->plan->values[e->plan->output];
    if (!v->has_grad || !e->plan->n_ops)
        return thaw_fail(err, THAW_EUSAGE,
                         "this plan trains nothing: there is no gradient to take");
    float *dout = at(e, e->memory.grad[e->plan->output]);
    size_t sample = v->layout.sample;
    thaw_layout_pack(v->shape, v->layout, gradient, (size_t)count, dout);
    memset(dout + (size_t)count * sample, 0, (size_t)(e->n - count) * sample * sizeof *dout);
    for (int i = e->plan->n_ops - 1; i >= 0; i--)
        if (e->ops[i].backward && backward_op(e, i, first, err))
            return -1;
    return 0;
}

static void add_gradients(const struct thaw_op *op, const struct thaw_op *other)
{
    for (int k = 0; k < THAW_MAX_PARAMS; k++)
        if (op->grads[k])
            thaw_kernel_add(op->grads[k], other->grads[k], op->params[k]->count);
}

static int gradients_of_op(void *ctx, size_t i, struct thaw_error *err)
{
    const struct sweep *s = ctx;
    const struct thaw_op *op = &s->all[0]->ops[i];
    void *state = s->all[0]->states[i];
    double began = thaw_stopwatch_begin(op);
    if (!op->trained)
        return 0;
    for (int k = 1; k < s->n_all; k++)
        if (op->kind->gradients)
            op->kind->add_sums(state, s->all[k]->states[i]);
        else
            add_gradients(op, &s->all[k]->ops[i]);
    if (op->kind->gradients && op->kind->gradients(op, state, err))
        return thaw_error_prefix(err, "layer %s, gradient", op->node->name);
    thaw_stopwatch_end(op, began);
    return 0;
}

int thaw_exec_gradients_of_all(struct thaw_exec *const *all, int n, struct thaw_error *err)
{
    struct sweep trained = {.all = all, .n_all = n};
    return sweep_ops(&trained, gradients_of_op, err);
}

int thaw_exec_gradients(struct thaw_exec *e, struct thaw_error *err)
{
    return thaw_exec_gradients_of_all(&e, 1, err);
}

float *thaw_exec_gradient(struct thaw_exec *e, int i)
{
    return e->gradient[i];
}

const float *thaw_exec_input_gradient(const struct thaw_exec *e)
{
    int input = e->plan->input;
    return e->plan->values[input].has_grad ? at(e, e->memory.grad[input]) : NULL;
}

size_t thaw_exec_bytes(const struct thaw_exec *e)
{
    return e->memory.bytes + e->gradient_count * sizeof(float);
}

int thaw_exec_batch(const struct thaw_exec *e)
{
    return e->n;
}

int thaw_exec_infer(struct thaw_exec *e, const float *x, size_t count, float *y,
                    struct thaw_error *err)
{
    const struct thaw_plan *p = e->plan;
    size_t in = thaw_shape_count(p->values[p->input].shape);
    size_t out = thaw_shape_count(p->values[p->output].shape);
    for (size_t i = 0; i < count; i += (size_t)e->n) {
        size_t left = count - i;
        struct thaw_pass pass = {
            .x = x + i * in, .form = THAW_NHWC, .count = left < (size_t)e->n ? (int)left : e->n};
        if (thaw_exec_forward(e, &pass, err))
            return -1;
        thaw_exec_read(e, pass.count, y + i * out);
    }
    return 0;
}
