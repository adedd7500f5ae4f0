/* A function run in a forked child, for libraries that crash or hang on damaged input: the child
 * works under limits, its result comes back through memory, and the parent lives whatever happens
 * to it.
 *
 * What comes back may have been written by a child that went wrong: check every size and offset. */
#ifndef THAW_IO_CHILD_H
#define THAW_IO_CHILD_H

#include <stddef.h>

#include "io/base/error.h"

struct thaw_child_limits {
    size_t memory; /* bytes of address space the child may take on top of what the parent had; not
                    * enforced under the address sanitizer, which reserves terabytes */
    size_t result; /* bytes it may hand back */
    int cpu;       /* seconds of processor time */
    int wall;      /* seconds by the clock */
};

/* Where the child writes; `at` is the number of bytes so far. */
struct thaw_child_out {
    int fd;
    size_t at, limit;
};

/* Called in the child. It must not use OpenMP or locks that another thread of the parent may hold.
 * SIGINT is ignored there (the parent decides), standard output and error lead nowhere. */
typedef int thaw_child_fn(void *ctx, struct thaw_child_out *out, struct thaw_error *err);

/* For the function: appends bytes; appends zeros up to a multiple of `alignment`; appends `size`
 * bytes that the caller fills through the pointer, then calls thaw_child_unmap. */
int thaw_child_put(struct thaw_child_out *out, const void *data, size_t size,
                   struct thaw_error *err);
int thaw_child_align(struct thaw_child_out *out, size_t alignment, struct thaw_error *err);
void *thaw_child_map(struct thaw_child_out *out, size_t size, struct thaw_error *err);
void thaw_child_unmap(void *mapped, size_t size);

/* For the function: from now on it may take `memory` bytes of address space on top of what it has,
 * instead of what was left of the limit. For those that can only say what they need after a first,
 * tightly limited look at the input. */
void thaw_child_allow(size_t memory);

enum thaw_child_end {
    THAW_CHILD_DONE,   /* data and size are set */
    THAW_CHILD_FAILED, /* the function returned -1; its error is in err */
    THAW_CHILD_DIED, /* a signal, a limit: err says which, e.g. "its reader was stopped by signal 11
                        (...)" */
    THAW_CHILD_UNBORN /* the child could not be started; err says why */
};

/* On THAW_CHILD_DONE *data is a private, writable mapping of *size bytes (NULL if there are none),
 * which the caller gives back with thaw_child_release. */
enum thaw_child_end thaw_child_run(const struct thaw_child_limits *limits, thaw_child_fn *fn,
                                   void *ctx, void **data, size_t *size, struct thaw_error *err);
void thaw_child_release(void *data, size_t size);

#endif
