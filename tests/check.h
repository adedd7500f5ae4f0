/* What the suites share. A file tests/test_NOUN.c defines `void thaw_test_NOUN(void)`, which adds
 * one suite; CMake finds it by its name. Strings returned here live until the program ends. */
#ifndef THAW_TESTS_CHECK_H
#define THAW_TESTS_CHECK_H

#include <CUnit/CUnit.h>
#include <stdbool.h>
#include <stddef.h>

#include "io/base/error.h"

struct thaw_suite_entry {
    const char *name;
    void (*add)(void);
};
extern const struct thaw_suite_entry thaw_suites[]; /* generated; ends with a NULL name */

/* A new suite of the registry; ends the program when there is no room. */
CU_pSuite thaw_suite(const char *name);

/* Records "NAME: REASON" of a test that cannot run here; listed after the summary. Then return. */
void thaw_skip(const char *what);

/* Path into the data that stands beside the project ($THAW_SHARED, else ../shared), or NULL. */
const char *thaw_shared(const char *relative);

/* Path of a file in the program's own temporary folder, which is removed at the end. */
const char *thaw_tmp(const char *name);

/* Path of tests/refs/NAME. */
const char *thaw_ref(const char *name);

/* max|a-b| / max|b|, plain max|a-b| where b is all zero; infinite when a value of a is not finite.
 */
double thaw_distance(const float *a, const float *b, size_t n);

/* thaw_distance(a, b, n) <= limit; prints both sides when not. */
bool thaw_near(const float *a, const float *b, size_t n, double limit);

/* True when the error says all of this; prints what it says when not. The list ends with NULL. */
bool thaw_says(const struct thaw_error *err, ...) __attribute__((sentinel));

/* Prints the error, so that a failed assertion tells why. Returns rc. */
int thaw_told(int rc, const struct thaw_error *err);

#endif
