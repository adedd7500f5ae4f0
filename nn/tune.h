/* How many samples at once run a plan fastest on this machine: measured once, then remembered. */
#ifndef THAW_NN_TUNE_H
#define THAW_NN_TUNE_H

#include "nn/plan.h"

/* The micro-batch of a team (nn/team.h) for batches of `batch`, of a plan without backward: results
 * do not depend on it, but for those by Winograd's algorithm, which takes the whole batch: it wants
 * many tiles at once, and last bits must not hang on measured times. 0, for "choose without
 * measuring", where there are fewer than some thousand samples to run. Answers are kept in
 * $XDG_CACHE_HOME/thaw/micro-batches (or ~/.cache), by plan, threads, instruction set and version
 * of oneDNN; where that cannot be written, each run measures. */
int thaw_tune_batch(const struct thaw_plan *plan, int batch, size_t samples);

#endif
