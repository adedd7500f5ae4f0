/* Several executors of one plan, one a thread. Samples do not see each other while batch norm uses
 * moving statistics, so each thread takes micro-batches of its own through the whole network:
 * nobody waits for anybody between two operations, and what one operation leaves in a core's cache
 * the next one finds there. */
#ifndef THAW_NN_TEAM_H
#define THAW_NN_TEAM_H

#include "nn/exec.h"

struct thaw_team;

/* For batches of up to `batch` samples. micro_batch: samples at once in each executor, 0: chosen.
 * As many executors as there are threads; where there are fewer micro-batches than threads, one
 * that uses all of them within each operation. Both numbers are a pure function of plan, batch,
 * threads and caches, and the last bits of weight gradients depend on them.
 * create() borrows the plan. */
void thaw_team_choose(const struct thaw_plan *plan, int batch, int micro_batch, int *chosen,
                      int *size);
struct thaw_team *thaw_team_create(const struct thaw_plan *plan, int batch, int micro_batch,
                                   struct thaw_error *err);
void thaw_team_free(struct thaw_team *team);

int thaw_team_micro_batch(const struct thaw_team *team);
int thaw_team_size(const struct thaw_team *team); /* executors */

/* A stretch of the samples at hand, to be run by one executor. */
struct thaw_piece {
    int at, count; /* samples at .. at + count - 1; count is the micro-batch or, at the end, less */
    bool first;    /* the executor's first piece of this call */
};

/* Cuts n samples into micro-batches and calls body for each, in all threads. Executor i of m takes
 * pieces i, i + m, i + 2m ... in this order, whatever the number of threads. The error of the
 * lowest executor that failed. */
int thaw_team_run(struct thaw_team *team, int n,
                  int (*body)(void *ctx, struct thaw_exec *exec, const struct thaw_piece *piece,
                              struct thaw_error *err),
                  void *ctx, struct thaw_error *err);

/* Whole arrays: x [count,H,W,C] through the team into y [count, the output as NHWC]. */
int thaw_team_infer(struct thaw_team *team, const float *x, size_t count, float *y,
                    struct thaw_error *err);

/* As for one executor (nn/exec.h). gradients: of the last thaw_team_run, whose body ran backward
 * with piece->first. */
int thaw_team_update(struct thaw_team *team, struct thaw_error *err);
int thaw_team_gradients(struct thaw_team *team, struct thaw_error *err);
float *thaw_team_gradient(struct thaw_team *team, int i);

#endif
