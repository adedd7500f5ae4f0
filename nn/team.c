#include "nn/team.h"

#include <stdlib.h>

#include "io/base/mem.h"
#include "io/base/par.h"

enum { LARGEST_RUN = 1 << 20 };

struct thaw_team {
    const struct thaw_plan *plan;
    int size;
    struct thaw_exec **all; /* the leader first */
    int used;               /* executors that took part in the last run */
};

static int create_all(struct thaw_team *t, const struct thaw_plan *plan, int n,
                      struct thaw_error *err)
{
    if (!(t->all[0] = thaw_exec_create(plan, n, err)))
        return -1;
    for (int i = 1; i < t->size; i++)
        if (!(t->all[i] = thaw_exec_create_beside(t->all[0], err)))
            return -1;
    return 0;
}

/* Choice and primitives are made for the threads that one executor will have. */
void thaw_team_choose(const struct thaw_plan *plan, int batch, int micro_batch, int *chosen,
                      int *size)
{
    int threads = thaw_par_threads(), n = micro_batch;
    thaw_par_set_threads(1);
    if (!n && batch >= threads)
        n = thaw_exec_choose_batch(plan, batch / threads);
    *size = n && (batch + n - 1) / n >= threads ? threads : 1;
    thaw_par_set_threads(threads);
    *chosen = n ? n : thaw_exec_choose_batch(plan, batch);
}

struct thaw_team *thaw_team_create(const struct thaw_plan *plan, int batch, int micro_batch,
                                   struct thaw_error *err)
{
    int threads = thaw_par_threads(), n;
    struct thaw_team *t = thaw_new(1, sizeof *t, err);
    if (!t)
        return NULL;
    t->plan = plan;
    thaw_team_choose(plan, batch, micro_batch, &n, &t->size);
    t->all = thaw_new((size_t)t->size, sizeof(struct thaw_exec *), err);
    thaw_par_set_threads(t->size == 1 ? threads : 1);
    int rc = t->all ? create_all(t, plan, n, err) : -1;
    thaw_par_set_threads(threads);
    if (rc) {
        thaw_team_free(t);
        return NULL;
    }
    return t;
}

void thaw_team_free(struct thaw_team *t)
{
    if (!t)
        return;
    for (int i = t->size - 1; t->all && i >= 0; i--)
        thaw_exec_free(t->all[i]);
    free(t->all);
    free(t);
}

int thaw_team_micro_batch(const struct thaw_team *t)
{
    return thaw_exec_batch(t->all[0]);
}

int thaw_team_size(const struct thaw_team *t)
{
    return t->size;
}

struct work {
    struct thaw_team *team;
    int n;
    int (*body)(void *ctx, struct thaw_exec *exec, const struct thaw_piece *piece,
                struct thaw_error *err);
    void *ctx;
};

static int run_one(void *ctx, size_t i, struct thaw_error *err)
{
    const struct work *w = ctx;
    int m = thaw_team_micro_batch(w->team), first = (int)i * m;
    for (int at = first; at < w->n; at += m * w->team->size) {
        struct thaw_piece piece = {at, w->n - at < m ? w->n - at : m, at == first};
        if (w->body(w->ctx, w->team->all[i], &piece, err))
            return -1;
    }
    return 0;
}

int thaw_team_run(struct thaw_team *t, int n,
                  int (*body)(void *ctx, struct thaw_exec *exec, const struct thaw_piece *piece,
                              struct thaw_error *err),
                  void *ctx, struct thaw_error *err)
{
    struct work w = {t, n, body, ctx};
    int m = thaw_team_micro_batch(t), pieces = (n + m - 1) / m;
    t->used = pieces < t->size ? pieces : t->size;
    return t->size == 1 ? run_one(&w, 0, err) : thaw_par_each((size_t)t->used, run_one, &w, err);
}

struct arrays {
    const float *x;
    float *y;
    size_t in, out; /* numbers a sample */
};

static int infer_piece(void *ctx, struct thaw_exec *exec, const struct thaw_piece *piece,
                       struct thaw_error *err)
{
    const struct arrays *a = ctx;
    struct thaw_pass pass = {
        .x = a->x + (size_t)piece->at * a->in, .form = THAW_NHWC, .count = piece->count};
    if (thaw_exec_forward(exec, &pass, err))
        return -1;
    thaw_exec_read(exec, piece->count, a->y + (size_t)piece->at * a->out);
    return 0;
}

int thaw_team_infer(struct thaw_team *t, const float *x, size_t count, float *y,
                    struct thaw_error *err)
{
    const struct thaw_plan *p = t->plan;
    struct arrays a = {.in = thaw_shape_count(p->values[p->input].shape),
                       .out = thaw_shape_count(p->values[p->output].shape)};
    for (size_t done = 0, n; done < count; done += n) {
        n = count - done < LARGEST_RUN ? count - done : LARGEST_RUN;
        a.x = x + done * a.in;
        a.y = y + done * a.out;
        if (thaw_team_run(t, (int)n, infer_piece, &a, err))
            return -1;
    }
    return 0;
}

int thaw_team_update(struct thaw_team *t, struct thaw_error *err)
{
    return thaw_exec_update_all(t->all, t->size, err);
}

int thaw_team_gradients(struct thaw_team *t, struct thaw_error *err)
{
    return thaw_exec_gradients_of_all(t->all, t->used, err);
}

float *thaw_team_gradient(struct thaw_team *t, int i)
{
    return thaw_exec_gradient(t->all[0], i);
}
