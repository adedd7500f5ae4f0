/* Where buffers lie in one arena: a pure function of sizes and lifetimes. */
#ifndef THAW_NN_PLANNER_H
#define THAW_NN_PLANNER_H

#include <stddef.h>

#include "io/base/error.h"

struct thaw_buffer {
    size_t bytes;    /* 0: needs no place */
    int first, last; /* steps in which it is in use, both included */
    size_t offset;   /* out, a multiple of 64 */
};

/* Places the buffers so that no two that are in use at the same step overlap; *total = size of the
 * arena. Largest first, each into the smallest gap that fits. */
int thaw_planner_place(struct thaw_buffer *buffers, size_t n, size_t *total,
                       struct thaw_error *err);

#endif
