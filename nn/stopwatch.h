/* Where time goes: a watcher is told of every operation and every oneDNN primitive that has run.
 * For measurements; while nobody watches, the engine pays one test for each of them. */
#ifndef THAW_NN_STOPWATCH_H
#define THAW_NN_STOPWATCH_H

#include "nn/op.h"

/* Seconds count for every thread at work: an operation that had two threads for a second took two,
 * two that ran side by side in a thread each as well. Calls come from any thread, one at a time. */
struct thaw_stopwatch {
    void *ctx;
    /* op: within which it ran. implementation: oneDNN's name of it, e.g. "jit:avx512_core".
     * direction: "forward", "backward data", "backward weights" or "reorder". */
    void (*primitive)(void *ctx, const struct thaw_op *op, const char *implementation,
                      const char *direction, double seconds);
    /* Its primitives are part of the time. */
    void (*operation)(void *ctx, const struct thaw_op *op, double seconds);
};

/* Borrowed until the next call; NULL: nobody watches any more. Not while the engine works. */
void thaw_stopwatch_set(const struct thaw_stopwatch *watch);

double thaw_stopwatch_clock(void); /* seconds of the monotonic clock */

/* For the engine, around each operation. begin() gives the time, or 0 when nobody watches, to be
 * handed back when the work is done; end() then does nothing. */
double thaw_stopwatch_begin(const struct thaw_op *op);
void thaw_stopwatch_end(const struct thaw_op *op, double began);

/* The same around a primitive. One that runs outside an operation is not told of. */
double thaw_stopwatch_begin_primitive(void);
void thaw_stopwatch_end_primitive(const char *implementation, const char *direction, double began);

#endif
