/* Parallel loops: the only place that knows OpenMP. */
#ifndef THAW_IO_BASE_PAR_H
#define THAW_IO_BASE_PAR_H

#include <stdbool.h>
#include <stddef.h>

#include "io/base/error.h"

/* Calls body(ctx, first, last) for disjoint ranges that cover 0 .. n-1, on all threads. Which
 * thread gets which range may depend on the thread count: results must not. */
void thaw_par_range(size_t n, void (*body)(void *ctx, size_t first, size_t last), void *ctx);

/* Calls body for each i in 0 .. n-1, one at a time to whichever thread is free. -1 with the error
 * of the lowest i that failed. */
int thaw_par_each(size_t n, int (*body)(void *ctx, size_t i, struct thaw_error *err), void *ctx,
                  struct thaw_error *err);

/* For main(), before any parallel loop: starts the program again (once) with a short spin before
 * idle threads sleep, unless the user chose a wait policy. libgomp reads it only at start; its
 * default of milliseconds makes a shared machine, or decoding beside training, several times
 * slower. */
void thaw_par_restart(char **argv);
/* Is that done, or was it chosen by the user? If not, one thread is the better choice. */
bool thaw_par_may_wait(void);

/* Threads that affinity and the cgroup's quota allow; at least 1. */
int thaw_par_available(void);

/* Threads of the loops above and of oneDNN from now on, in the calling thread. n >= 1. */
void thaw_par_set_threads(int n);
int thaw_par_threads(void);
/* Threads of a loop that would begin right here: 1 inside one of the loops above. */
int thaw_par_width(void);

#endif
