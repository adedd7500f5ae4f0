/* Arrays that NumPy wrote: .npy files, and the members of .npz archives. */
#ifndef THAW_TESTS_NPZ_H
#define THAW_TESTS_NPZ_H

#include <stddef.h>

enum { THAW_NPY_RANK = 6 };

/* Any little-endian float, integer or boolean type becomes float; the caller frees *data. dims
 * beyond *rank are 1. A scalar has rank 0. C order only. Returns 0, or -1 with the reason on
 * stdout. */
int thaw_npz_load(const char *path, const char *member, float **data, long dims[THAW_NPY_RANK],
                  int *rank);
int thaw_npz_load_plain(const char *path, float **data, long dims[THAW_NPY_RANK], int *rank);

/* Product of the first `rank` dims. */
size_t thaw_npz_count(const long *dims, int rank);

#endif
