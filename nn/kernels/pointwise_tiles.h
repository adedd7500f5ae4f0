/* 1x1 convolution with stride 1: gradient of its kernel from bfloat16 with channels last, by matrix
 * tiles (AMX). The rules of kernels.h hold. */
#ifndef THAW_NN_KERNELS_POINTWISE_TILES_H
#define THAW_NN_KERNELS_POINTWISE_TILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* in [cells][in_channels], dout [cells][out_channels]: the cells of all samples, one after another.
 * None is zero. */
struct thaw_pointwise_tiles {
    size_t cells, in_channels, out_channels;
};

/* Bytes for a call with that many threads (thaw_par_width()) or fewer. */
size_t thaw_pointwise_tiles_scratch(const struct thaw_pointwise_tiles *p, int threads);

/* Adds to dkernel [in_channels][out_channels] and dbias [out_channels], or overwrites them when
 * first. scratch is aligned to 64. Only where thaw_dnnl_has_tiles(): asking that also asks the
 * system for leave to use tiles. A thread's tile configuration is left as it was. */
void thaw_pointwise_tiles_weights(const struct thaw_pointwise_tiles *p, const uint16_t *in,
                                  const uint16_t *dout, bool first, float *dkernel, float *dbias,
                                  void *scratch);

#endif
