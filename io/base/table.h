/* Lookup in the generated tables of named things. */
#ifndef THAW_IO_BASE_TABLE_H
#define THAW_IO_BASE_TABLE_H

#include <stddef.h>

#include "io/base/error.h"

/* `table` is a NULL-ended array of pointers to structs that begin with `const char *name`. NULL,
 * with an error that lists the known names, when there is none of that name; `what` is e.g.
 * "optimiser". */
const void *thaw_table_find(const void *table, const char *name, const char *what,
                            struct thaw_error *err);

#endif
