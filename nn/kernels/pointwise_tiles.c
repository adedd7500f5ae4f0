#include "nn/kernels/pointwise_tiles.h"

#include "io/base/par.h"
#include "nn/kernels/tiles.h"

/* A tile instruction adds to SIDE x SIDE sums the products of SIDE rows of numbers and as many
 * columns; here a row is an input channel, a column an output channel, and its numbers are the
 * channel's values in a STEP of cells. Cells go through in chunks. First all rows of a chunk are
 * packed: a tile of them is a plain transpose. Then, a GROUP of pairs of tiles after the other, the
 * columns: in their tiles two cells of a channel lie side by side and the channels along. A block
 * of sums belongs to a pair of row tiles and a pair of column tiles; a pair has one tile where
 * channels end. What is beyond the channels in a tile does not matter: its sums are not read. */
enum {
    SIDE = THAW_TILE_SIDE,
    PAIR = 2 * SIDE,
    STEP = 32,
    LINE = THAW_TILE_LINE,
    TILE = SIDE * SIDE,
    TILE_BYTES = THAW_TILE_BYTES,
    BLOCK = 4 * TILE,
    GROUP = 8,      /* so that memory is read in long stretches */
    MOST_STEPS = 10 /* of a chunk: a pair of rows and one of columns share the first cache */
};

struct job {
    const struct thaw_pointwise_tiles *p;
    const uint16_t *in, *dout;
    bool first;
    float *dkernel, *dbias;
    size_t row_pairs, column_pairs;
    size_t chunks, steps; /* steps of a chunk; the last may have fewer */
    size_t workers;
    float *sums; /* [column pair][row pair][BLOCK], with several chunks */
    char *rooms; /* of the workers */
};

static struct job job_of(const struct thaw_pointwise_tiles *p, int threads)
{
    size_t steps = (p->cells + STEP - 1) / STEP;
    struct job j = {.p = p,
                    .row_pairs = (p->in_channels + PAIR - 1) / PAIR,
                    .column_pairs = (p->out_channels + PAIR - 1) / PAIR};
    j.steps = (steps + MOST_STEPS - 1) / MOST_STEPS; /* chunks, were they full */
    j.steps = (steps + j.steps - 1) / j.steps;
    j.chunks = (steps + j.steps - 1) / j.steps;
    j.workers = (size_t)threads < j.column_pairs ? (size_t)threads : j.column_pairs;
    return j;
}

static size_t rows_bytes(const struct job *j)
{
    return j->row_pairs * 2 * j->steps * TILE_BYTES;
}

static size_t columns_bytes(const struct job *j)
{
    return GROUP * 2 * j->steps * TILE_BYTES;
}

/* A worker's: rows, columns, a block of sums. */
static size_t room_bytes(const struct job *j)
{
    return rows_bytes(j) + columns_bytes(j) + BLOCK * sizeof(float);
}

static size_t sums_bytes(const struct job *j)
{
    return j->chunks > 1 ? j->row_pairs * j->column_pairs * BLOCK * sizeof(float) : 0;
}

size_t thaw_pointwise_tiles_scratch(const struct thaw_pointwise_tiles *p, int threads)
{
    struct job j = job_of(p, threads);
    return sums_bytes(&j) + j.workers * room_bytes(&j);
}

#ifdef THAW_TILES
#define TARGET THAW_TARGET_TILES

struct chunk {
    const struct job *j;
    size_t cell, cells, steps;
    bool first, last;
    char *rows, *columns; /* packed: [pair][step][tile of the pair] */
    float *block;
};

static char *tile_at(char *packed, size_t steps, size_t step, size_t channels, size_t channel)
{
    size_t pair = channel / PAIR, tiles = channels - pair * PAIR > SIDE ? 2 : 1;
    return packed + (pair * 2 * steps + step * tiles + channel / SIDE % 2) * TILE_BYTES;
}

TARGET THAW_INLINE __mmask32 mask_of(size_t count)
{
    return count < 32 ? (__mmask32)((1U << count) - 1) : ~(__mmask32)0;
}

/* --- packing --- */

/* Some channels of the cells of a step, `stride` numbers apart. */
struct piece {
    const uint16_t *from;
    size_t stride, channels;
};

/* Copies what ends early, with zeros around. */
TARGET static struct piece padded(const struct piece *p, size_t cells, uint16_t copy[STEP][PAIR])
{
    for (size_t i = 0; i < STEP; i++) {
        __mmask32 mask = i < cells ? mask_of(p->channels) : 0;
        _mm512_storeu_si512(copy[i], _mm512_maskz_loadu_epi16(mask, p->from + i * p->stride));
    }
    return (struct piece){copy[0], PAIR, p->channels};
}

/* Four times 16 bytes. */
TARGET THAW_INLINE __m512i four(const char *from, size_t step)
{
    __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const void *)from));
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(from + step)), 1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(from + 2 * step)), 2);
    return _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(from + 3 * step)), 3);
}

/* Eight channels of a step become eight rows: quarters of vectors are transposed, 8 x 8. */
TARGET THAW_INLINE void pack_eight(const struct piece *p, char *to)
{
    const char *from = (const char *)p->from;
    size_t stride = p->stride * sizeof *p->from;
    __m512i v[8], w[8];
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; i++, from += stride) {
        __asm__("" : "+r"(from)); /* else GCC works out all 32 addresses first, and spills them */
        v[i] = four(from, 8 * stride);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        w[i] = _mm512_unpacklo_epi16(v[2 * i], v[2 * i + 1]);
        w[i + 4] = _mm512_unpackhi_epi16(v[2 * i], v[2 * i + 1]);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 8; i += 2) {
        v[i] = _mm512_unpacklo_epi32(w[i], w[i + 1]);
        v[i + 1] = _mm512_unpackhi_epi32(w[i], w[i + 1]);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        size_t at = i / 2 * 4 + i % 2;
        _mm512_store_si512(to + 2 * i * LINE, _mm512_unpacklo_epi64(v[at], v[at + 2]));
        _mm512_store_si512(to + (2 * i + 1) * LINE, _mm512_unpackhi_epi64(v[at], v[at + 2]));
    }
}

TARGET static void pack_rows(const struct chunk *c)
{
    size_t channels = c->j->p->in_channels;
    for (size_t s = 0; s < c->steps; s++) {
        size_t cell = s * STEP, cells = c->cells - cell;
        const uint16_t *from = c->j->in + (c->cell + cell) * channels;
        for (size_t channel = 0; channel < channels; channel += 8) {
            uint16_t copy[STEP][PAIR];
            struct piece p = {from + channel, channels, channels - channel};
            char *to = tile_at(c->rows, c->steps, s, channels, channel) + channel % SIDE * LINE;
            if (cells < STEP || p.channels < 8)
                p = padded(&p, cells, copy);
            pack_eight(&p, to);
        }
    }
}

TARGET THAW_INLINE __m512 add_pairs(__m512 sum, __m512i pairs)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)pairs, (__m512bh)_mm512_set1_epi32(0x3F803F80));
}

/* Of two tiles the first gets channels 0-3, 8-11, 16-19 and 24-27; one by itself gets its own in
 * their order. bias: sums of the tiles' channels. */
TARGET THAW_INLINE void pack_pair(const struct piece *p, bool two, char *to, float *bias)
{
    const __m512i apart = _mm512_setr_epi64(0, 0, 1, 0, 2, 0, 3, 0);
    const uint16_t *from = p->from;
    __mmask32 mask = mask_of(p->channels);
    __m512 low[4] = {_mm512_load_ps(bias)}, high[4] = {_mm512_load_ps(bias + SIDE)};
#pragma GCC unroll 4
    for (size_t i = 0; i < SIDE; i++, from += 2 * p->stride, to += LINE) {
        __m512i a = _mm512_maskz_loadu_epi16(mask, from);
        __m512i b = _mm512_maskz_loadu_epi16(mask, from + p->stride);
        if (!two) {
            a = _mm512_permutexvar_epi64(apart, a);
            b = _mm512_permutexvar_epi64(apart, b);
        }
        __m512i v = _mm512_unpacklo_epi16(a, b);
        _mm512_store_si512(to, v);
        low[i % 4] = add_pairs(low[i % 4], v);
        if (two) {
            v = _mm512_unpackhi_epi16(a, b);
            _mm512_store_si512(to + TILE_BYTES, v);
            high[i % 4] = add_pairs(high[i % 4], v);
        }
    }
    _mm512_store_ps(bias, (low[0] + low[1]) + (low[2] + low[3]));
    _mm512_store_ps(bias + SIDE, (high[0] + high[1]) + (high[2] + high[3]));
}

/* --- results --- */

TARGET THAW_INLINE void add_to(float *to, size_t count, bool first, __m512 v)
{
    __mmask16 mask = (__mmask16)mask_of(count);
    if (!first)
        v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(mask, to));
    _mm512_mask_storeu_ps(to, mask, v);
}

/* A row of a pair of column tiles, to be put in the order of the channels. */
TARGET THAW_INLINE void add_row(float *to, size_t count, bool first, const float *a, const float *b)
{
    const __m512i low = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    __m512 v = _mm512_load_ps(a), w = _mm512_load_ps(b);
    if (count > SIDE) {
        const __m512i high = _mm512_or_si512(low, _mm512_set1_epi32(8));
        add_to(to + SIDE, count - SIDE, first, _mm512_permutex2var_ps(v, high, w));
        v = _mm512_permutex2var_ps(v, low, w);
    }
    add_to(to, count, first, v);
}

TARGET static void add_block(const struct job *j, size_t row, size_t column, const float *block)
{
    size_t outs = j->p->out_channels, rows = j->p->in_channels - row;
    for (size_t r = 0; r < PAIR && r < rows; r++) {
        const float *from = block + r / SIDE * 2 * TILE + r % SIDE * SIDE;
        add_row(j->dkernel + (row + r) * outs + column, outs - column, j->first, from, from + TILE);
    }
}

/* Column pairs first .. last - 1, and their bias. */
TARGET static void pack_columns(const struct chunk *c, size_t first, size_t last)
{
    const struct job *j = c->j;
    size_t channels = j->p->out_channels, left = channels - first * PAIR;
    float bias[GROUP][PAIR] __attribute__((aligned(LINE))) = {{0}};
    for (size_t s = 0; s < c->steps; s++) {
        size_t cell = s * STEP, cells = c->cells - cell;
        const uint16_t *from = j->dout + (c->cell + cell) * channels + first * PAIR;
        for (size_t i = 0; i < last - first; i++) {
            uint16_t copy[STEP][PAIR];
            struct piece p = {from + i * PAIR, channels, left - i * PAIR};
            char *to = tile_at(c->columns, c->steps, s, left, i * PAIR);
            if (cells < STEP)
                p = padded(&p, cells, copy);
            if (p.channels > SIDE)
                pack_pair(&p, true, to, bias[i]);
            else
                pack_pair(&p, false, to, bias[i]);
        }
    }
    for (size_t i = 0; i < last - first; i++)
        add_row(j->dbias + (first + i) * PAIR, left - i * PAIR, j->first && c->first, bias[i],
                bias[i] + SIDE);
}

/* --- products --- */

/* Tiles 0-3 are the sums, 4 and 5 rows, 6 and 7 columns. */
TARGET THAW_INLINE void multiply(const struct chunk *c, int rows, int columns, const char *row,
                                 const char *column, float *block)
{
    __asm__ volatile("" ::: "memory"); /* GCC's tile loads do not say that they read memory */
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    if (!c->first) {
        _tile_loadd(0, block, LINE);
        if (columns == 2)
            _tile_loadd(1, block + TILE, LINE);
        if (rows == 2)
            _tile_loadd(2, block + 2 * TILE, LINE);
        if (rows == 2 && columns == 2)
            _tile_loadd(3, block + 3 * TILE, LINE);
    }
    for (size_t s = 0; s < c->steps; s++) {
        _tile_loadd(4, row, LINE);
        _tile_loadd(6, column, LINE);
        _tile_dpbf16ps(0, 4, 6);
        if (columns == 2) {
            _tile_loadd(7, column + TILE_BYTES, LINE);
            _tile_dpbf16ps(1, 4, 7);
        }
        if (rows == 2) {
            _tile_loadd(5, row + TILE_BYTES, LINE);
            _tile_dpbf16ps(2, 5, 6);
        }
        if (rows == 2 && columns == 2)
            _tile_dpbf16ps(3, 5, 7);
        row += rows * TILE_BYTES;
        column += columns * TILE_BYTES;
    }
    _tile_stored(0, block, LINE);
    if (columns == 2)
        _tile_stored(1, block + TILE, LINE);
    if (rows == 2)
        _tile_stored(2, block + 2 * TILE, LINE);
    if (rows == 2 && columns == 2)
        _tile_stored(3, block + 3 * TILE, LINE);
}

TARGET static void run_block(const struct chunk *c, size_t row, size_t column, const char *columns)
{
    const struct job *j = c->j;
    bool one_row = j->p->in_channels - row <= SIDE,
         one_column = j->p->out_channels - column <= SIDE;
    const char *rows = tile_at(c->rows, c->steps, 0, j->p->in_channels, row);
    size_t at = column / PAIR * j->row_pairs + row / PAIR;
    float *block = j->chunks > 1 ? j->sums + at * BLOCK : c->block;
    if (one_row && one_column)
        multiply(c, 1, 1, rows, columns, block);
    else if (one_row)
        multiply(c, 1, 2, rows, columns, block);
    else if (one_column)
        multiply(c, 2, 1, rows, columns, block);
    else
        multiply(c, 2, 2, rows, columns, block);
    if (c->last)
        add_block(j, row, column, block);
}

TARGET static void run_chunk(const struct chunk *c, size_t first, size_t last)
{
    pack_rows(c);
    for (size_t group = first; group < last; group += GROUP) {
        size_t end = last - group < GROUP ? last : group + GROUP;
        pack_columns(c, group, end);
        for (size_t pair = group; pair < end; pair++)
            for (size_t row = 0; row < c->j->p->in_channels; row += PAIR)
                run_block(c, row, pair * PAIR,
                          c->columns + (pair - group) * 2 * c->steps * TILE_BYTES);
    }
}

/* Worker w has the w-th share of the column pairs. */
TARGET static void run_workers(void *ctx, size_t first, size_t last)
{
    const struct job *j = ctx;
    struct thaw_tile_shapes before;
    thaw_tiles_begin(&before);
    for (size_t w = first; w < last; w++) {
        char *room = j->rooms + w * room_bytes(j);
        struct chunk c = {.j = j, .rows = room, .columns = room + rows_bytes(j)};
        c.block = (void *)(c.columns + columns_bytes(j));
        for (; c.cell < j->p->cells; c.cell += j->steps * STEP) {
            size_t left = j->p->cells - c.cell;
            c.first = c.cell == 0;
            c.last = left <= j->steps * STEP;
            c.cells = c.last ? left : j->steps * STEP;
            c.steps = (c.cells + STEP - 1) / STEP;
            run_chunk(&c, j->column_pairs * w / j->workers, j->column_pairs * (w + 1) / j->workers);
        }
    }
    thaw_tiles_end(&before);
}

void thaw_pointwise_tiles_weights(const struct thaw_pointwise_tiles *p, const uint16_t *in,
                                  const uint16_t *dout, bool first, float *dkernel, float *dbias,
                                  void *scratch)
{
    struct job j = job_of(p, thaw_par_width());
    j.in = in;
    j.dout = dout;
    j.first = first;
    j.dkernel = dkernel;
    j.dbias = dbias;
    j.sums = scratch;
    j.rooms = (char *)scratch + sums_bytes(&j);
    thaw_par_range(j.workers, run_workers, &j);
}

#else

void thaw_pointwise_tiles_weights(const struct thaw_pointwise_tiles *p, const uint16_t *in,
                                  const uint16_t *dout, bool first, float *dkernel, float *dbias,
                                  void *scratch)
{
    (void)p, (void)in, (void)dout, (void)first, (void)dkernel, (void)dbias, (void)scratch;
}

#endif
