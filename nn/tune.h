/* How many samples at once run a plan fastest on this machine: measured once, then remembered. */
#ifndef THAW_NN_TUNE_H
#define THAW_NN_TUNE_H

#include "nn/plan.h"

/* For a plan without backward, whose results do not depend on the answer: 1 .. limit samples. For
 * fewer than a few hundred samples a measurement does not pay: they get thaw_exec_choose_batch().
 * Answers are kept in $XDG_CACHE_HOME/thaw/micro-batches (or ~/.cache), by plan, threads,
 * instruction set and version of oneDNN; where that cannot be written, each run measures. */
int thaw_tune_batch(const struct thaw_plan *plan, int limit, size_t samples);

#endif
