#include <math.h>

#include "io/base/par.h"
#include "nn/kernels/conv_tiles_panel.h"

/* Outputs go through in bands of positions: 16 that follow each other are the rows of a tile. Their
 * input is copied. Then, for PANEL output channels after the other (a panel) and PANEL positions at
 * a time, sums stay in four tiles for all inputs. So a panel's kernel, which comes from far where
 * kernels are large, serves a whole band, and the next one is fetched meanwhile.
 *
 * With side 1 positions are the cells of all samples, one after another. With side 3 a band is of
 * rows, in the order [row][column][sample], with a column of zeros before each row that is also the
 * one behind the row before: what a tap of the kernel meets lies a constant distance behind what
 * the first one meets. Positions at a row's end, one a row and sample, are worked out in vain. */
enum { BLOCK_BYTES = PANEL * PANEL * sizeof(float), BAND_BYTES = 512 << 10 };
#define NOWHERE UINT32_MAX

/* What oneDNN's loops lose by reading the kernel once a sample: bytes for each output cell of one.
 */
static bool saves_time(const struct thaw_conv_tiles *t)
{
    enum { LEAST_1X1 = 8 << 10, LEAST_3X3 = 2 << 10 };
    size_t kernel = panels_of(t) * panel_bytes(t) / (size_t)(t->oh * t->ow);
    return kernel >= (t->side == 3 ? LEAST_3X3 : LEAST_1X1);
}

bool thaw_conv_tiles_takes(const struct thaw_conv_tiles *t)
{
    enum thaw_type addend = t->has_addend ? t->addend : t->out;
    bool types = t->in == THAW_TYPE_BF16 ? t->out == THAW_TYPE_BF16 && addend == THAW_TYPE_BF16
                                         : thaw_type_is_8bit(t->in) && thaw_type_is_8bit(t->out) &&
                                               thaw_type_is_8bit(addend);
    return types && saves_time(t);
}

/* --- bands: of rows with side 3, else of positions --- */

/* Cells that are copied: powers of two apart would share few lines of cache. */
static size_t cell_bytes(const struct thaw_conv_tiles *t)
{
    return (steps_of(t) + 1) * LINE;
}

static size_t row_cells(const struct thaw_conv_tiles *t)
{
    return ((size_t)t->ow + 1) * (size_t)t->n;
}

static size_t units_of(const struct thaw_conv_tiles *t)
{
    return (size_t)t->oh * (t->side == 3 ? 1 : (size_t)t->ow * (size_t)t->n);
}

/* What the second cache holds beside a panel, and so little that every thread has some. */
static size_t band_units(const struct thaw_conv_tiles *t)
{
    size_t units = units_of(t), share = (units + (size_t)t->threads - 1) / (size_t)t->threads;
    size_t held = t->side == 1 ? BAND_BYTES / (cell_bytes(t) + out_bytes(t))
                               : BAND_BYTES / (row_cells(t) * cell_bytes(t));
    if (t->side == 3)
        held = held > 3 ? held - 2 : 1; /* two rows beside those of outputs */
    size_t most = held < 1 ? 1 : held < share ? held : share, bands = (units + most - 1) / most;
    share = (units + bands - 1) / bands;
    return t->side == 3 ? share : (share + PANEL - 1) / PANEL * PANEL;
}

static size_t positions_of(const struct thaw_conv_tiles *t, size_t units)
{
    size_t positions = t->side == 3 ? units * row_cells(t) : units;
    return (positions + PANEL - 1) / PANEL * PANEL;
}

static size_t places_bytes(const struct thaw_conv_tiles *t)
{
    return positions_of(t, band_units(t)) * sizeof(uint32_t); /* whole lines */
}

static size_t room_bytes(const struct thaw_conv_tiles *t)
{
    size_t beyond = t->side == 3 ? 2 * row_cells(t) + 2 * (size_t)t->n : 0;
    size_t cells = positions_of(t, band_units(t)) + beyond;
    return BLOCK_BYTES + places_bytes(t) + cells * cell_bytes(t);
}

size_t thaw_conv_tiles_scratch(const struct thaw_conv_tiles *t)
{
    return (size_t)t->threads * room_bytes(t);
}

#ifdef THAW_TILES
#define TARGET THAW_TARGET_TILES

struct band {
    const struct thaw_conv_tiles *t;
    const struct thaw_conv_tiles_pass *pass;
    size_t first, units;
    float *block;     /* of sums, [PANEL positions][PANEL outputs] */
    uint32_t *places; /* the cells of `out` that positions belong to, or NOWHERE */
    char *cells;      /* the input at positions, and behind them what taps meet */
    size_t positions; /* whole PANELs */
    size_t lines; /* of the next panel's kernel, to be fetched in each step through this one's */
};

/* --- inputs --- */

TARGET THAW_INLINE void fill_zeros(char *to, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += LINE)
        _mm512_store_si512(to + i, _mm512_setzero_si512());
}

/* In whole lines, with zeros behind. */
TARGET THAW_INLINE void copy_cell(const char *from, size_t bytes, char *to)
{
    size_t i = 0;
    for (; i + LINE <= bytes; i += LINE)
        _mm512_store_si512(to + i, _mm512_loadu_si512(from + i));
    if (i < bytes)
        _mm512_store_si512(to + i,
                           _mm512_maskz_loadu_epi8(((__mmask64)1 << (bytes - i)) - 1, from + i));
}

/* A row of the picture, of all samples. */
TARGET static void copy_row(const struct thaw_conv_tiles *t, const char *in, size_t row, char *to)
{
    size_t bytes = in_bytes(t), cell = cell_bytes(t), n = (size_t)t->n, w = (size_t)t->iw;
    for (size_t i = 0; i < n; i++) {
        const char *from = in + (i * (size_t)t->ih + row) * w * bytes;
        char *at = to + i * cell;
        for (size_t x = 0; x < w; x++, at += n * cell, from += bytes)
            copy_cell(from, bytes, at);
    }
}

TARGET static void read_rows(struct band *b)
{
    const struct thaw_conv_tiles *t = b->t;
    size_t n = (size_t)t->n, h = (size_t)t->oh, w = (size_t)t->ow;
    size_t gap = n * cell_bytes(t), row = row_cells(t) * cell_bytes(t), p = 0;
    for (size_t r = 0; r < b->units + 2; r++) {
        size_t from = b->first + r; /* one more than the picture's row */
        bool inside = from >= 1 && from <= h;
        char *to = b->cells + r * row;
        fill_zeros(to, inside ? gap : row);
        if (inside)
            copy_row(t, b->pass->in, from - 1, to + gap);
    }
    fill_zeros(b->cells + (b->units + 2) * row, gap);
    for (size_t y = b->first; y < b->first + b->units; y++)
        for (size_t x = 0; x <= w; x++)
            for (size_t i = 0; i < n; i++)
                b->places[p++] = x < w ? (uint32_t)((i * h + y) * w + x) : NOWHERE;
    while (p < b->positions)
        b->places[p++] = NOWHERE;
}

TARGET static void read_cells(struct band *b)
{
    const struct thaw_conv_tiles *t = b->t;
    size_t bytes = in_bytes(t), w = (size_t)t->ow, h = (size_t)t->oh, stride = (size_t)t->stride;
    for (size_t p = 0; p < b->positions; p++)
        b->places[p] = p < b->units ? (uint32_t)(b->first + p) : NOWHERE;
    for (size_t p = 0; p < b->units; p++) {
        size_t at = b->first + p, row = at / w % h * stride, column = at % w * stride;
        size_t from = (at / w / h * (size_t)t->ih + row) * (size_t)t->iw + column;
        copy_cell((const char *)b->pass->in + from * bytes, bytes, b->cells + p * cell_bytes(t));
    }
}

/* --- sums --- */

/* sums += rows x columns; tiles by number, which must be written out. */
#define MULTIPLY(type, sums, rows, columns)                                                        \
    do {                                                                                           \
        if ((type) == THAW_TYPE_BF16)                                                              \
            _tile_dpbf16ps(sums, rows, columns);                                                   \
        else if ((type) == THAW_TYPE_U8)                                                           \
            _tile_dpbusd(sums, rows, columns);                                                     \
        else                                                                                       \
            _tile_dpbssd(sums, rows, columns);                                                     \
    } while (0)

/* PANEL positions and as many outputs. Tiles 0-3 are the sums, 4 and 5 inputs, 6 and 7 kernel. */
TARGET THAW_INLINE void multiply(enum thaw_type type, const struct band *b, size_t position,
                                 const char *kernel)
{
    const struct thaw_conv_tiles *t = b->t;
    size_t cell = cell_bytes(t), steps = steps_of(t), side = (size_t)t->side;
    const char *in = b->cells + position * cell;
    const char *next =
        kernel + panel_bytes(t) + position / PANEL * b->lines * LINE * side * side * steps;
    __asm__ volatile("" ::: "memory"); /* GCC's tile loads do not say that they read memory */
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t y = 0; y < side; y++)
        for (size_t x = 0; x < side; x++) {
            const char *upper = in + (y * row_cells(t) + x * (size_t)t->n) * cell;
            const char *lower = upper + THAW_TILE_SIDE * cell;
            for (size_t s = 0; s < steps; s++, kernel += STEP_BYTES) {
                _tile_loadd(4, upper + s * LINE, cell);
                _tile_loadd(6, kernel, LINE);
                MULTIPLY(type, 0, 4, 6);
                _tile_loadd(5, lower + s * LINE, cell);
                MULTIPLY(type, 2, 5, 6);
                for (size_t l = 0; l < b->lines; l++, next += LINE)
                    _mm_prefetch(next, _MM_HINT_T1);
                _tile_loadd(7, kernel + THAW_TILE_BYTES, LINE);
                MULTIPLY(type, 1, 4, 7);
                MULTIPLY(type, 3, 5, 7);
            }
        }
    _tile_stored(0, b->block, PANEL * sizeof(float));
    _tile_stored(1, b->block + THAW_TILE_SIDE, PANEL * sizeof(float));
    _tile_stored(2, b->block + THAW_TILE_SIDE * PANEL, PANEL * sizeof(float));
    _tile_stored(3, b->block + THAW_TILE_SIDE * PANEL + THAW_TILE_SIDE, PANEL * sizeof(float));
}

TARGET static void multiply_block(const struct band *b, size_t position, size_t output)
{
    const struct thaw_conv_tiles *t = b->t;
    const char *kernel = (const char *)b->pass->kernel + output / PANEL * panel_bytes(t);
    if (t->in == THAW_TYPE_BF16)
        multiply(THAW_TYPE_BF16, b, position, kernel);
    else if (t->in == THAW_TYPE_U8)
        multiply(THAW_TYPE_U8, b, position, kernel);
    else
        multiply(THAW_TYPE_S8, b, position, kernel);
}

/* --- results --- */

/* How sums of a panel's outputs become results. */
struct finish {
    __m512 factor[2], bias[2], addend_factor, low, high;
    __mmask32 mask; /* outputs that there are */
};

TARGET static struct finish finish_of(const struct band *b, size_t output)
{
    const struct thaw_conv_tiles *t = b->t;
    const float *factors = factors_of(t, b->pass->kernel) + output;
    size_t left = (size_t)t->out_channels - output;
    float low = t->gate.on ? t->gate.low : -INFINITY, high = t->gate.on ? t->gate.high : INFINITY;
    struct finish f = {.mask = left < PANEL ? ((__mmask32)1 << left) - 1 : ~(__mmask32)0};
    for (size_t i = 0; i < 2; i++) {
        __mmask16 mask = (__mmask16)(f.mask >> i * THAW_TILE_SIDE);
        f.factor[i] = _mm512_loadu_ps(factors + i * THAW_TILE_SIDE);
        f.bias[i] = _mm512_maskz_loadu_ps(mask, b->pass->bias + output + i * THAW_TILE_SIDE);
    }
    if (t->out != THAW_TYPE_BF16) { /* what does not fit becomes the nearest that does */
        low = fmaxf(low / t->out_scale, t->out == THAW_TYPE_U8 ? 0 : -128);
        high = fminf(high / t->out_scale, t->out == THAW_TYPE_U8 ? 255 : 127);
        f.addend_factor = _mm512_set1_ps(t->addend_scale / t->out_scale);
    }
    f.low = _mm512_set1_ps(low);
    f.high = _mm512_set1_ps(high);
    return f;
}

/* What is added to the results of a position. */
enum addend { NONE, BF16, UNSIGNED, SIGNED };

/* Maximum and minimum take their second argument for a NaN. */
TARGET THAW_INLINE __m512 within(const struct finish *f, __m512 v)
{
    return _mm512_min_ps(f->high, _mm512_max_ps(f->low, v));
}

TARGET THAW_INLINE void write_bf16(enum addend kind, const struct finish *f, const float *sums,
                                   const char *addend, char *to)
{
    __m512 low = _mm512_add_ps(_mm512_load_ps(sums), f->bias[0]);
    __m512 high = _mm512_add_ps(_mm512_load_ps(sums + THAW_TILE_SIDE), f->bias[1]);
    if (kind == BF16) {
        __m512i v = _mm512_maskz_loadu_epi16(f->mask, addend);
        __m512i a = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(v));
        __m512i b = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(v, 1));
        low = _mm512_add_ps(low, _mm512_castsi512_ps(_mm512_slli_epi32(a, 16)));
        high = _mm512_add_ps(high, _mm512_castsi512_ps(_mm512_slli_epi32(b, 16)));
    }
    _mm512_mask_storeu_epi16(to, f->mask,
                             (__m512i)_mm512_cvtne2ps_pbh(within(f, high), within(f, low)));
}

TARGET THAW_INLINE void write_8bit(enum addend kind, const struct finish *f, const float *sums,
                                   const char *addend, char *to)
{
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; i++) {
        __mmask16 mask = (__mmask16)(f->mask >> i * THAW_TILE_SIDE);
        __m512 sum = _mm512_cvtepi32_ps(_mm512_load_si512(sums + i * THAW_TILE_SIDE));
        __m512 v = _mm512_fmadd_ps(sum, f->factor[i], f->bias[i]);
        if (kind != NONE) {
            __m128i bytes = _mm_maskz_loadu_epi8(mask, addend + i * THAW_TILE_SIDE);
            __m512i wide =
                kind == UNSIGNED ? _mm512_cvtepu8_epi32(bytes) : _mm512_cvtepi8_epi32(bytes);
            v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(wide), f->addend_factor, v);
        }
        _mm_mask_storeu_epi8(to + i * THAW_TILE_SIDE, mask,
                             _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(within(f, v))));
    }
}

TARGET THAW_INLINE void write_all(enum addend kind, bool bf16, const struct finish *f,
                                  const struct band *b, size_t position, size_t output)
{
    const struct thaw_conv_tiles *t = b->t;
    size_t cell = out_bytes(t), within_cell = output * thaw_type_size(t->out);
    for (size_t i = 0; i < PANEL; i++) {
        uint32_t place = b->places[position + i];
        size_t at = place * cell + within_cell;
        const char *addend = kind == NONE ? NULL : (const char *)b->pass->addend + at;
        if (place == NOWHERE)
            continue;
        if (bf16)
            write_bf16(kind, f, b->block + i * PANEL, addend, (char *)b->pass->out + at);
        else
            write_8bit(kind, f, b->block + i * PANEL, addend, (char *)b->pass->out + at);
    }
}

TARGET static void write_block(const struct finish *f, const struct band *b, size_t position,
                               size_t output)
{
    const struct thaw_conv_tiles *t = b->t;
    if (t->out == THAW_TYPE_BF16 && t->has_addend)
        write_all(BF16, true, f, b, position, output);
    else if (t->out == THAW_TYPE_BF16)
        write_all(NONE, true, f, b, position, output);
    else if (!t->has_addend)
        write_all(NONE, false, f, b, position, output);
    else if (t->addend == THAW_TYPE_U8)
        write_all(UNSIGNED, false, f, b, position, output);
    else
        write_all(SIGNED, false, f, b, position, output);
}

static void run_band(struct band *b)
{
    b->positions = positions_of(b->t, b->units);
    size_t blocks = b->positions / PANEL;
    b->lines = (STEP_BYTES / LINE + blocks - 1) / blocks;
    if (b->t->side == 3)
        read_rows(b);
    else
        read_cells(b);
    for (size_t output = 0; output < (size_t)b->t->out_channels; output += PANEL) {
        struct finish f = finish_of(b, output);
        for (size_t position = 0; position < b->positions; position += PANEL) {
            multiply_block(b, position, output);
            write_block(&f, b, position, output);
        }
    }
}

struct work {
    const struct thaw_conv_tiles *t;
    const struct thaw_conv_tiles_pass *pass;
};

/* Thread i has scratch of its own, and of every `threads` bands the i-th. */
TARGET static void run_threads(void *ctx, size_t first, size_t last)
{
    const struct work *work = ctx;
    const struct thaw_conv_tiles *t = work->t;
    size_t units = band_units(t), all = units_of(t);
    struct thaw_tile_shapes before;
    thaw_tiles_begin(&before);
    for (size_t i = first; i < last; i++) {
        char *room = (char *)work->pass->scratch + i * room_bytes(t);
        struct band b = {.t = t, .pass = work->pass, .block = (void *)room};
        b.places = (void *)(room + BLOCK_BYTES);
        b.cells = (char *)b.places + places_bytes(t);
        for (b.first = i * units; b.first < all; b.first += (size_t)t->threads * units) {
            b.units = all - b.first < units ? all - b.first : units;
            run_band(&b);
        }
    }
    thaw_tiles_end(&before);
}

void thaw_conv_tiles_forward(const struct thaw_conv_tiles *t,
                             const struct thaw_conv_tiles_pass *pass)
{
    struct work work = {t, pass};
    thaw_par_range((size_t)t->threads, run_threads, &work);
}

#else

void thaw_conv_tiles_forward(const struct thaw_conv_tiles *t,
                             const struct thaw_conv_tiles_pass *pass)
{
    (void)t, (void)pass;
}

#endif
