/* NumPy's .npy files of float32 numbers in C order.
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#ifndef THAW_IO_NPY_H
#define THAW_IO_NPY_H

#include "io/base/error.h"

enum { THAW_NPY_RANK = 8 };

/* Written beside the target, synced, renamed. */
int thaw_npy_save(const char *path, const float *data, const long *dims, int rank,
                  struct thaw_error *err);

/* *data is 64-byte aligned and the caller's to free; dims has room for THAW_NPY_RANK. Other types,
 * Fortran order, and files whose size does not fit their shape are refused. */
int thaw_npy_load(const char *path, float **data, long *dims, int *rank, struct thaw_error *err);

#endif
