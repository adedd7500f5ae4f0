/* Matrix tiles (AMX): what the kernels that use them share. Included by such kernels only, and
 * called only where thaw_dnnl_has_tiles(). */
#ifndef THAW_NN_KERNELS_TILES_H
#define THAW_NN_KERNELS_TILES_H

#include <stdint.h>

#include "nn/kernels/kernels.h"

/* A tile has 16 rows of a cache line each: of 16 sums, or of the numbers that are multiplied. */
enum {
    THAW_TILE_SIDE = 16,
    THAW_TILE_LINE = 64,
    THAW_TILE_BYTES = THAW_TILE_SIDE * THAW_TILE_LINE
};

#if defined(__GNUC__) && defined(__x86_64__)
#define THAW_TILES
#include <immintrin.h>
#define THAW_TARGET_TILES                                                                          \
    __attribute__((target("arch=x86-64-v4,avx512bf16,amx-tile,amx-bf16,amx-int8")))

/* What a tile configuration looks like in memory. */
struct thaw_tile_shapes {
    uint8_t palette, start, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

/* All eight tiles of full size in this thread, until the end: oneDNN configures them, too. */
THAW_TARGET_TILES THAW_INLINE void thaw_tiles_begin(struct thaw_tile_shapes *before)
{
    struct thaw_tile_shapes mine = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        mine.row_bytes[i] = THAW_TILE_LINE;
        mine.rows[i] = THAW_TILE_SIDE;
    }
    _tile_storeconfig(before);
    __asm__ volatile("" : "+m"(*before) : "m"(mine)); /* GCC's header tells of 8 bytes of each */
    _tile_loadconfig(&mine);
}

THAW_TARGET_TILES THAW_INLINE void thaw_tiles_end(const struct thaw_tile_shapes *before)
{
    if (before->palette)
        _tile_loadconfig(before);
    else
        _tile_release();
}
#endif

#endif
