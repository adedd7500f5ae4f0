/* How the packed kernel of conv_tiles.h lies in memory: [panel][tap][step][two tiles], then a
 * factor for the sums of each output. A panel is PANEL output channels, a step a line of inputs.
 * Shared by conv_tiles*.c only. */
#ifndef THAW_NN_KERNELS_CONV_TILES_PANEL_H
#define THAW_NN_KERNELS_CONV_TILES_PANEL_H

#include "nn/kernels/conv_tiles.h"
#include "nn/kernels/tiles.h"

enum {
    PANEL = 2 * THAW_TILE_SIDE,
    LINE = THAW_TILE_LINE, /* a row of a tile, and a step through the input channels: bytes */
    STEP_BYTES = 2 * THAW_TILE_BYTES /* of a kernel's panel */
};

static inline size_t in_bytes(const struct thaw_conv_tiles *t)
{
    return (size_t)t->in_channels * thaw_type_size(t->in);
}

static inline size_t out_bytes(const struct thaw_conv_tiles *t)
{
    return (size_t)t->out_channels * thaw_type_size(t->out);
}

static inline size_t steps_of(const struct thaw_conv_tiles *t)
{
    return (in_bytes(t) + LINE - 1) / LINE;
}

static inline size_t panel_bytes(const struct thaw_conv_tiles *t)
{
    return (size_t)(t->side * t->side) * steps_of(t) * STEP_BYTES;
}

static inline size_t panels_of(const struct thaw_conv_tiles *t)
{
    return ((size_t)t->out_channels + PANEL - 1) / PANEL;
}

static inline float *factors_of(const struct thaw_conv_tiles *t, const void *kernel)
{
    return (float *)((char *)kernel + panels_of(t) * panel_bytes(t));
}

#endif
