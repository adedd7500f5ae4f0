/* Eight floats at once, wherever they lie. Blocks of 8 and of 16 channels are one and two of them;
 * said in types, because compilers vectorise the loop over a block along the wrong axis. `halves`
 * is a constant where these loops are inlined. */
#ifndef THAW_NN_KERNELS_LANES_H
#define THAW_NN_KERNELS_LANES_H

#include <stddef.h>

enum { THAW_LANES = 8, THAW_HALVES = 2 };

typedef float thaw_lanes
    __attribute__((vector_size(THAW_LANES * sizeof(float)), aligned(4), may_alias));

#endif
