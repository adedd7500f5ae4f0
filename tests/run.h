/* What main() does around the suites. */
#ifndef THAW_TESTS_RUN_H
#define THAW_TESTS_RUN_H

#include <stddef.h>

/* Lists the skipped tests; returns how many there are. */
size_t thaw_skips_print(void);

/* Removes the temporary folder and frees the strings. */
void thaw_check_release(void);

#endif
