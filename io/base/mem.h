/* Memory: zeroed, overflow-checked, with the error text written here. Everything is freed by
 * free(). */
#ifndef THAW_IO_BASE_MEM_H
#define THAW_IO_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

#include "io/base/error.h"

/* n * size zeroed bytes (at least one). NULL and an error when there is no room. */
void *thaw_new(size_t n, size_t size, struct thaw_error *err);

/* The same, aligned to 64 bytes: for tensors that primitives read. */
void *thaw_new_aligned(size_t n, size_t size, struct thaw_error *err);

/* The next `bytes` that are allocated come from one piece in huge pages, and what is freed is used
 * again. For programs that end soon: theirs is otherwise the time to get memory page by page. */
void thaw_reserve(size_t bytes);

/* Makes room for `need` elements of `size` bytes in the array *p of capacity *cap; doubles, zeroes
 * what is new. 0, or -1 with *p unchanged. */
int thaw_grow(void *p, size_t *cap, size_t need, size_t size, struct thaw_error *err);

char *thaw_strdup(const char *text, struct thaw_error *err);

/* A formatted string of its own. */
char *thaw_format(struct thaw_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* *out = a * b; false when that overflows. */
bool thaw_mul(size_t a, size_t b, size_t *out);

/* Number of elements of a tensor of these dimensions; false when one is negative, or on overflow.
 */
bool thaw_count(const long *dims, int rank, size_t *out);

#endif
