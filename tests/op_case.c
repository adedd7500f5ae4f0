#include "tests/op_case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "io/base/rng.h"
#include "tests/check.h"

struct thaw_shape op_vector(int c)
{
    return (struct thaw_shape){1, 1, 1, c};
}

struct thaw_shape op_picture(int h, int w, int channels)
{
    return (struct thaw_shape){3, h, w, channels};
}

static struct thaw_layout layout_of(struct thaw_shape s, int block)
{
    int width = s.rank == 1 || !block ? s.c : s.c <= 4 ? 1 : block;
    int blocks = (s.c + width - 1) / width;
    return (struct thaw_layout){width, blocks,
                                (size_t)blocks * (size_t)width * (size_t)s.h * (size_t)s.w};
}

/* --- one tensor: in its layout, and in double as [n,H,W,C] --- */

struct tensor {
    struct thaw_value value;
    size_t n, count, packed_count;
    double *plain;
    float *packed;
};

static void *new (size_t n, size_t size)
{
    void *p = thaw_new_aligned(n, size, NULL);
    if (!p)
        abort();
    return p;
}

static size_t place(const struct tensor *t, size_t i)
{
    const struct thaw_shape *s = &t->value.shape;
    size_t per = thaw_shape_count(*s), channels = (size_t)s->c,
           block = (size_t)t->value.layout.block;
    size_t c = i % channels, cell = i % per / channels, cells = per / channels;
    return i / per * t->value.layout.sample + (c / block * cells + cell) * block + c % block;
}

static struct tensor tensor(struct thaw_shape shape, int block, int n)
{
    struct tensor t = {.value = {.shape = shape, .layout = layout_of(shape, block)},
                       .n = (size_t)n};
    t.count = t.n * thaw_shape_count(shape);
    t.packed_count = t.n * t.value.layout.sample;
    t.plain = new (t.count, sizeof *t.plain);
    t.packed = new (t.packed_count, sizeof *t.packed);
    return t;
}

static void tensor_release(struct tensor *t)
{
    free(t->plain);
    free(t->packed);
}

static void pack(struct tensor *t)
{
    memset(t->packed, 0, t->packed_count * sizeof *t->packed);
    for (size_t i = 0; i < t->count; i++)
        t->packed[place(t, i)] = (float)t->plain[i];
}

static void randomize(double *v, size_t n, struct thaw_rng *rng)
{
    for (size_t i = 0; i < n; i++)
        v[i] = (double)(float)(1.5 * (double)thaw_rng_normal(rng));
}

/* Values that a kernel forgets to write are found out. */
static void poison(float *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = NAN;
}

/* The packed values are those of `wanted`, [n,H,W,C], and zero beyond C. */
static bool holds(const struct tensor *t, const float *packed, const double *wanted, double limit)
{
    float *a = new (t->count, sizeof *a), *b = new (t->count, sizeof *b);
    size_t other = t->packed_count - t->count;
    for (size_t i = 0; i < t->count; i++) {
        a[i] = packed[place(t, i)];
        b[i] = (float)wanted[i];
    }
    for (size_t i = 0; i < t->packed_count; i++)
        other -= packed[i] == 0;
    for (size_t i = 0; i < t->count; i++)
        other += a[i] == 0;
    bool near = thaw_near(a, b, t->count, limit);
    free(a);
    free(b);
    CU_ASSERT_EQUAL(other, 0);
    return near && other == 0;
}

/* --- the operation under test --- */

struct bench {
    const struct op_case *c;
    struct tensor in[OP_MOST_IN], out, din[OP_MOST_IN];
    struct thaw_value values[OP_MOST_IN + 1];
    double *params[THAW_MAX_PARAMS], *dout;
    struct thaw_param param[THAW_MAX_PARAMS];
    struct thaw_op op;
    int numbers[OP_MOST_IN];
    float *packed_dout;
    void *saved, *scratch;
};

static void bench_init(struct bench *b, const struct op_case *c, int block)
{
    struct thaw_rng rng = thaw_rng_at(7, 0, (uint32_t)block, 0);
    *b = (struct bench){.c = c};
    b->op = (struct thaw_op){.kind = c->kind,
                             .conf = (void *)c->conf,
                             .in = b->numbers,
                             .n_in = c->n_in,
                             .out = c->n_in,
                             .act = c->act,
                             .addend = -1,
                             .backward = true};
    for (int i = 0; i < c->n_in; i++) {
        b->in[i] = tensor(c->in[i], block, c->n);
        b->din[i] = tensor(c->in[i], block, c->n);
        randomize(b->in[i].plain, b->in[i].count, &rng);
        pack(&b->in[i]);
        b->numbers[i] = i;
        b->values[i] = b->in[i].value;
    }
    b->out = tensor(c->out, block, c->n);
    b->values[c->n_in] = b->out.value;
    b->dout = new (b->out.count, sizeof *b->dout);
    b->packed_dout = new (b->out.packed_count, sizeof *b->packed_dout);
    randomize(b->dout, b->out.count, &rng);
    for (int i = 0; i < THAW_MAX_PARAMS; i++) {
        if (!c->params[i])
            continue;
        b->param[i] = (struct thaw_param){.count = c->params[i], .data = new (c->params[i], 4)};
        b->params[i] = new (c->params[i], sizeof(double));
        randomize(b->params[i], c->params[i], &rng);
        for (size_t j = 0; j < c->params[i]; j++) {
            if (i == 3)
                b->params[i][j] = (double)(float)(0.3 + fabs(b->params[i][j]));
            b->param[i].data[j] = (float)b->params[i][j];
        }
        b->op.params[i] = &b->param[i];
        b->op.wants[i] = i < 2;
        b->op.grads[i] = i < 2 ? new (c->params[i], sizeof(float)) : NULL;
        b->op.trained = b->op.trained || i < 2;
    }
}

static void bench_release(struct bench *b)
{
    for (int i = 0; i < b->c->n_in; i++) {
        tensor_release(&b->in[i]);
        tensor_release(&b->din[i]);
    }
    tensor_release(&b->out);
    free(b->dout);
    free(b->packed_dout);
    for (int i = 0; i < THAW_MAX_PARAMS; i++) {
        free(b->params[i]);
        free(b->param[i].data);
        free(b->op.grads[i]);
    }
    free(b->saved);
    free(b->scratch);
}

static struct thaw_run run_of(struct bench *b, const void **in, void **din)
{
    for (int i = 0; i < b->c->n_in; i++) {
        in[i] = b->in[i].packed;
        din[i] = b->din[i].packed;
        poison(b->din[i].packed, b->din[i].packed_count);
    }
    return (struct thaw_run){.n = b->c->n,
                             .in = in,
                             .out = b->out.packed,
                             .din = din,
                             .saved = b->saved,
                             .scratch = b->scratch,
                             .training = b->c->training,
                             .first = true,
                             .seed = 3,
                             .step = 1,
                             .first_sample = 64,
                             .op_number = 5};
}

static int backward(struct bench *b, void *state, struct thaw_run *run, struct thaw_error *err)
{
    unsigned reads = b->op.kind->reads(&b->op);
    const void *nothing[OP_MOST_IN] = {NULL};
    struct thaw_run only = *run;
    memset(b->packed_dout, 0, b->out.packed_count * sizeof *b->packed_dout);
    for (size_t i = 0; i < b->out.count; i++)
        b->packed_dout[place(&b->out, i)] = (float)b->dout[i];
    only.dout = b->packed_dout;
    if (!(reads & THAW_READS_INPUT))
        only.in = nothing;
    if (!(reads & THAW_READS_OUTPUT))
        only.out = NULL;
    return b->op.kind->backward(&b->op, state, &only, err);
}

static void run(struct bench *b)
{
    const struct thaw_op_kind *kind = b->op.kind;
    struct thaw_op_env env = {.n = b->c->n, .values = b->values, .training = true};
    struct thaw_error err = {0};
    const void *in[OP_MOST_IN];
    void *din[OP_MOST_IN];
    void *state = NULL;
    CU_ASSERT_EQUAL_FATAL(thaw_told(kind->prepare(&b->op, &env, &state, &err), &err), 0);
    if (env.saved_bytes)
        b->saved = new (env.saved_bytes, 1);
    if (env.scratch_bytes)
        b->scratch = new (env.scratch_bytes, 1);
    if (kind->update)
        CU_ASSERT_EQUAL(kind->update(&b->op, state, &err), 0);
    struct thaw_run r = run_of(b, in, din);
    poison(b->out.packed, b->out.packed_count);
    CU_ASSERT_EQUAL(thaw_told(kind->forward(&b->op, state, &r, &err), &err), 0);
    CU_ASSERT_EQUAL(thaw_told(backward(b, state, &r, &err), &err), 0);
    r.first = false;
    CU_ASSERT_EQUAL(thaw_told(backward(b, state, &r, &err), &err), 0);
    kind->release(state);
}

/* --- what should have come out --- */

static double loss(struct bench *b, double *out)
{
    const double *in[OP_MOST_IN], *params[THAW_MAX_PARAMS];
    double sum = 0;
    for (int i = 0; i < b->c->n_in; i++)
        in[i] = b->in[i].plain;
    for (int i = 0; i < THAW_MAX_PARAMS; i++)
        params[i] = b->params[i];
    b->c->reference(b->c, in, params, out);
    for (size_t i = 0; i < b->out.count; i++)
        sum += out[i] * (double)(float)b->dout[i];
    return sum;
}

static void differences(struct bench *b, double *value, size_t n, double *out, double *slopes)
{
    const double h = 1e-6; /* small: a maximum must not change its place */
    for (size_t i = 0; i < n; i++) {
        double kept = value[i];
        value[i] = kept + h;
        double up = loss(b, out);
        value[i] = kept - h;
        slopes[i] = (up - loss(b, out)) / (2 * h);
        value[i] = kept;
    }
}

static void check_param(struct bench *b, int i, double *out)
{
    size_t n = b->c->params[i];
    double *slopes = new (n, sizeof *slopes);
    float *wanted = new (n, sizeof *wanted);
    differences(b, b->params[i], n, out, slopes);
    for (size_t j = 0; j < n; j++)
        wanted[j] = (float)(2 * slopes[j]); /* two backward passes */
    CU_ASSERT(thaw_near(b->op.grads[i], wanted, n, 2e-5));
    free(slopes);
    free(wanted);
}

static void check_values(struct bench *b)
{
    double *out = new (b->out.count, sizeof *out);
    loss(b, out);
    CU_ASSERT(holds(&b->out, b->out.packed, out, 1e-5));
    for (int i = 0; i < b->c->n_in; i++) {
        double *slopes = new (b->in[i].count, sizeof *slopes);
        differences(b, b->in[i].plain, b->in[i].count, out, slopes);
        CU_ASSERT(holds(&b->din[i], b->din[i].packed, slopes, 2e-5));
        free(slopes);
    }
    for (int i = 0; i < 2; i++)
        if (b->c->params[i])
            check_param(b, i, out);
    free(out);
}

static bool same_bits(const float *a, const float *b, size_t n)
{
    return !a || memcmp(a, b, n * sizeof *a) == 0;
}

void op_check(const struct op_case *c, int block)
{
    struct bench one, three;
    int before = thaw_par_threads();
    thaw_par_set_threads(1);
    bench_init(&one, c, block);
    run(&one);
    thaw_par_set_threads(3);
    bench_init(&three, c, block);
    run(&three);
    thaw_par_set_threads(before);
    CU_ASSERT(same_bits(one.out.packed, three.out.packed, one.out.packed_count));
    for (int i = 0; i < c->n_in; i++)
        CU_ASSERT(same_bits(one.din[i].packed, three.din[i].packed, one.din[i].packed_count));
    for (int i = 0; i < THAW_MAX_PARAMS; i++)
        CU_ASSERT(same_bits(one.op.grads[i], three.op.grads[i], c->params[i]));
    check_values(&one);
    bench_release(&one);
    bench_release(&three);
}
