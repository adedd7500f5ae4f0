#include "nn/kernels/winograd.h"

#include <string.h>

#include "io/base/par.h"
#include "nn/kernels/bf16.h"

#if defined(__GNUC__) && defined(__x86_64__)
#define HAS_PRODUCTS
#include <immintrin.h>
#endif

/* Tiles go through in chunks, so that their transformed inputs and the products stay in the second
 * cache: V = B'dB of all input channels, then for GROUP output channels after the other M = U V,
 * one matrix product for each of the 16 POSITIONS of a transformed tile, and A'MA. */
enum {
    BLOCK = 16,
    GROUP = 64, /* output channels */
    VECTORS = GROUP / BLOCK,
    ROWS = 6, /* tiles in registers: 6 x 4 sums */
    TILE = 2,
    SIDE = 4, /* of a transformed tile */
    POSITIONS = SIDE * SIDE,
    LINE = 64,
    LINE_BF16 = LINE / 2,
    CHUNK_BYTES = 512 << 10,
    MOST_TILES = 16 * ROWS
};

static size_t groups_of(const struct thaw_winograd *w)
{
    return ((size_t)w->out_channels + GROUP - 1) / GROUP;
}

size_t thaw_winograd_kernel_bytes(const struct thaw_winograd *w)
{
    return groups_of(w) * POSITIONS * (size_t)w->in_channels * GROUP * sizeof(uint16_t);
}

/* --- kernel: U = G g G', as [group][position][pair of inputs][GROUP][2] --- */

struct kernel_work {
    const struct thaw_winograd *w;
    const float *keras;
    uint16_t *kernel;
};

/* One column of G g: the rows of G are (1 0 0), (1 1 1)/2, (1 -1 1)/2, (0 0 1). */
static void spread(const float g[3], float u[SIDE])
{
    float even = (g[0] + g[2]) / 2, odd = g[1] / 2;
    u[0] = g[0];
    u[1] = even + odd;
    u[2] = even - odd;
    u[3] = g[2];
}

static void transform_one(const float *keras, size_t step, uint16_t *to, size_t position)
{
    float rows[3][SIDE];
    for (size_t y = 0; y < 3; y++)
        spread(
            (float[3]){keras[3 * y * step], keras[(3 * y + 1) * step], keras[(3 * y + 2) * step]},
            rows[y]);
    for (size_t x = 0; x < SIDE; x++) {
        float column[SIDE];
        spread((float[3]){rows[0][x], rows[1][x], rows[2][x]}, column);
        for (size_t y = 0; y < SIDE; y++)
            to[(y * SIDE + x) * position] = thaw_bf16_narrow(column[y]);
    }
}

static void transform_pairs(void *ctx, size_t first, size_t last)
{
    const struct kernel_work *work = ctx;
    size_t in = (size_t)work->w->in_channels, out = (size_t)work->w->out_channels;
    size_t pairs = in / 2, position = in * GROUP;
    for (size_t i = first; i < last; i++) {
        size_t group = i / pairs, pair = i % pairs;
        uint16_t *to = work->kernel + group * POSITIONS * position + pair * GROUP * 2;
        for (size_t k = 0; k < GROUP; k++)
            for (size_t half = 0; half < 2; half++) {
                size_t o = group * GROUP + k, c = pair * 2 + half;
                if (o < out)
                    transform_one(work->keras + c * out + o, in * out, to + k * 2 + half, position);
                else
                    for (size_t p = 0; p < POSITIONS; p++)
                        to[p * position + k * 2 + half] = 0;
            }
    }
}

void thaw_winograd_transform_kernel(const struct thaw_winograd *w, const float *keras,
                                    uint16_t *kernel)
{
    struct kernel_work work = {w, keras, kernel};
    thaw_par_range(groups_of(w) * (size_t)w->in_channels / 2, transform_pairs, &work);
}

/* --- tiles --- */

static size_t tile_rows(const struct thaw_winograd *w)
{
    return ((size_t)w->oh + TILE - 1) / TILE;
}

static size_t tile_columns(const struct thaw_winograd *w)
{
    return ((size_t)w->ow + TILE - 1) / TILE;
}

static size_t tiles_of(const struct thaw_winograd *w)
{
    return (size_t)w->n * tile_rows(w) * tile_columns(w);
}

/* Tiles of a chunk: what the cache holds, and so few that every thread has some. */
static size_t chunk_tiles(const struct thaw_winograd *w)
{
    size_t tile = POSITIONS * ((size_t)w->in_channels * sizeof(uint16_t) + GROUP * sizeof(float));
    size_t threads = (size_t)w->threads, held = 1 + CHUNK_BYTES / tile;
    size_t share = (tiles_of(w) + threads - 1) / threads;
    size_t count = held < share ? held : share;
    count = (count + ROWS - 1) / ROWS * ROWS;
    return count < MOST_TILES ? count : MOST_TILES;
}

/* A line more than whole rows: positions of a power of two apart would share few lines of cache. */
static size_t position_numbers(const struct thaw_winograd *w, size_t tiles)
{
    return (tiles * (size_t)w->in_channels + LINE_BF16 - 1) / LINE_BF16 * LINE_BF16 + LINE_BF16;
}

static size_t inputs_bytes(const struct thaw_winograd *w, size_t tiles)
{
    return POSITIONS * position_numbers(w, tiles) * sizeof(uint16_t);
}

static size_t room_bytes(const struct thaw_winograd *w, size_t tiles)
{
    return inputs_bytes(w, tiles) + POSITIONS * tiles * GROUP * sizeof(float);
}

size_t thaw_winograd_scratch(const struct thaw_winograd *w)
{
    return (size_t)w->threads * room_bytes(w, chunk_tiles(w));
}

#ifdef HAS_PRODUCTS
#define TARGET __attribute__((target("arch=x86-64-v4,avx512bf16")))

/* Below this, transforms take what the products save. */
enum { LEAST_CHANNELS = 64 };
/* Products, also those of what lies outside the picture and of channels that round up, against
 * those of direct sums. */
static const double most_products = 0.6;

bool thaw_winograd_takes(const struct thaw_winograd *w)
{
    double tiles = (double)(tile_rows(w) * tile_columns(w));
    double products = POSITIONS * tiles * (double)(groups_of(w) * GROUP);
    return w->in_channels % BLOCK == 0 && w->out_channels % BLOCK == 0 &&
           w->in_channels >= LEAST_CHANNELS && w->out_channels >= LEAST_CHANNELS &&
           products <= most_products * 9 * w->oh * w->ow * w->out_channels &&
           thaw_cpu_has_avx512() && __builtin_cpu_supports("avx512bf16");
}

struct chunk {
    const struct thaw_winograd *w;
    const struct thaw_winograd_pass *pass;
    size_t first, count, position; /* of V, in numbers */
    uint16_t *v;
    float *m;
    size_t m_position;
};

struct place {
    size_t sample;
    int row, column; /* of the tile's first output */
};

static struct place place_of(const struct thaw_winograd *w, size_t tile)
{
    size_t columns = tile_columns(w), rows = tile_rows(w), at = tile % (rows * columns);
    return (struct place){tile / (rows * columns), (int)(at / columns) * TILE,
                          (int)(at % columns) * TILE};
}

TARGET THAW_INLINE __m512 widen(const uint16_t *from)
{
    __m256i bits = _mm256_loadu_si256((const void *)from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

TARGET THAW_INLINE void narrow(uint16_t *to, __m512 from)
{
    _mm256_storeu_si256((void *)to, (__m256i)_mm512_cvtneps_pbh(from));
}

/* Along one axis B'd: d0 - d2, d1 + d2, d2 - d1, d1 - d3. */
TARGET THAW_INLINE void difference(const __m512 d[SIDE], __m512 v[SIDE])
{
    v[0] = _mm512_sub_ps(d[0], d[2]);
    v[1] = _mm512_add_ps(d[1], d[2]);
    v[2] = _mm512_sub_ps(d[2], d[1]);
    v[3] = _mm512_sub_ps(d[1], d[3]);
}

/* d[x][y]; `in` is the block's first row, and (row, column) the tile's first cell there. */
TARGET THAW_INLINE void read_tile(const struct thaw_winograd *w, const uint16_t *in, int row,
                                  int column, __m512 d[SIDE][SIDE])
{
    bool inside = row >= 0 && column >= 0 && row + SIDE <= w->ih && column + SIDE <= w->iw;
#pragma GCC unroll 4
    for (int y = 0; y < SIDE; y++)
#pragma GCC unroll 4
        for (int x = 0; x < SIDE; x++) {
            int r = row + y, c = column + x;
            bool there = inside || (r >= 0 && c >= 0 && r < w->ih && c < w->iw);
            d[x][y] = there ? widen(in + ((ptrdiff_t)r * w->iw + c) * BLOCK) : _mm512_setzero_ps();
        }
}

/* V of a chunk: [position][tile][channel]. */
TARGET static void transform_inputs(const struct chunk *k)
{
    const struct thaw_winograd *w = k->w;
    size_t channels = (size_t)w->in_channels, plane = (size_t)w->ih * (size_t)w->iw * BLOCK;
    for (size_t i = 0; i < k->count; i++) {
        struct place p = place_of(w, k->first + i);
        const uint16_t *in = k->pass->in + p.sample * channels / BLOCK * plane;
        for (size_t c = 0; c < channels; c += BLOCK, in += plane) {
            uint16_t *to = k->v + i * channels + c;
            __m512 d[SIDE][SIDE], e[SIDE][SIDE];
            read_tile(w, in, p.row - w->pad_top, p.column - w->pad_left, d);
#pragma GCC unroll 4
            for (size_t x = 0; x < SIDE; x++)
                difference(d[x], e[x]);
#pragma GCC unroll 4
            for (size_t y = 0; y < SIDE; y++) {
                __m512 across[SIDE] = {e[0][y], e[1][y], e[2][y], e[3][y]}, v[SIDE];
                difference(across, v);
#pragma GCC unroll 4
                for (size_t x = 0; x < SIDE; x++)
                    narrow(to + (y * SIDE + x) * k->position, v[x]);
            }
        }
    }
}

/* m[rows][GROUP] = v[rows][channels] u[channels / 2][GROUP][2]. */
TARGET THAW_INLINE void multiply_rows(int rows, size_t channels, const uint16_t *v,
                                      const uint16_t *u, float *m)
{
    __m512 sum[ROWS][VECTORS];
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++)
            sum[i][j] = _mm512_setzero_ps();
    for (size_t c = 0; c < channels; c += 2) {
        __m512bh kernel[VECTORS];
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++)
            kernel[j] = (__m512bh)_mm512_loadu_si512(u + c * GROUP + (size_t)j * LINE_BF16);
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) {
            int pair;
            memcpy(&pair, v + (size_t)i * channels + c, sizeof pair);
            __m512bh inputs = (__m512bh)_mm512_set1_epi32(pair);
#pragma GCC unroll 4
            for (int j = 0; j < VECTORS; j++)
                sum[i][j] = _mm512_dpbf16_ps(sum[i][j], kernel[j], inputs);
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++)
            _mm512_storeu_ps(m + (size_t)i * GROUP + (size_t)j * BLOCK, sum[i][j]);
}

TARGET static void multiply(size_t count, size_t channels, const uint16_t *v, const uint16_t *u,
                            float *m)
{
    size_t i = 0;
    for (; i + ROWS <= count; i += ROWS)
        multiply_rows(ROWS, channels, v + i * channels, u, m + i * GROUP);
    for (; i + 2 <= count; i += 2)
        multiply_rows(2, channels, v + i * channels, u, m + i * GROUP);
    if (i < count)
        multiply_rows(1, channels, v + i * channels, u, m + i * GROUP);
}

/* Along one axis A'm: m0 + m1 + m2, m1 - m2 - m3. */
TARGET THAW_INLINE void gather(const __m512 m[SIDE], __m512 y[TILE])
{
    y[0] = _mm512_add_ps(m[0], _mm512_add_ps(m[1], m[2]));
    y[1] = _mm512_sub_ps(_mm512_sub_ps(m[1], m[2]), m[3]);
}

struct finish {
    __m512 bias, low, high; /* maximum and minimum take their second argument for a NaN */
    const uint16_t *addend; /* of the block */
    uint16_t *out;
};

TARGET THAW_INLINE void write_tile(const struct thaw_winograd *w, const struct place *p,
                                   const struct finish *f, __m512 y[TILE][TILE])
{
#pragma GCC unroll 2
    for (int r = 0; r < TILE; r++)
#pragma GCC unroll 2
        for (int c = 0; c < TILE; c++) {
            if (p->row + r >= w->oh || p->column + c >= w->ow)
                continue;
            size_t at = ((size_t)(p->row + r) * (size_t)w->ow + (size_t)(p->column + c)) * BLOCK;
            __m512 v = _mm512_add_ps(y[r][c], f->bias);
            if (f->addend)
                v = _mm512_add_ps(v, widen(f->addend + at));
            if (w->gate.on)
                v = _mm512_min_ps(f->high, _mm512_max_ps(f->low, v));
            narrow(f->out + at, v);
        }
}

/* The outputs of a chunk in blocks first .. first + VECTORS - 1 as far as there are such. */
TARGET static void transform_outputs(const struct chunk *k, size_t first)
{
    const struct thaw_winograd *w = k->w;
    size_t blocks = (size_t)w->out_channels / BLOCK, plane = (size_t)w->oh * (size_t)w->ow * BLOCK;
    struct finish f = {.low = _mm512_set1_ps(w->gate.low), .high = _mm512_set1_ps(w->gate.high)};
    for (size_t i = 0; i < k->count; i++) {
        struct place p = place_of(w, k->first + i);
        for (size_t j = 0; j < VECTORS && first + j < blocks; j++) {
            const float *m = k->m + i * GROUP + j * BLOCK;
            size_t at = (p.sample * blocks + first + j) * plane;
            __m512 half[TILE][SIDE], y[TILE][TILE];
            f.bias = _mm512_loadu_ps(k->pass->bias + (first + j) * BLOCK);
            f.addend = k->pass->addend ? k->pass->addend + at : NULL;
            f.out = k->pass->out + at;
#pragma GCC unroll 4
            for (size_t x = 0; x < SIDE; x++) {
                __m512 column[SIDE], pair[TILE];
#pragma GCC unroll 4
                for (size_t r = 0; r < SIDE; r++)
                    column[r] = _mm512_loadu_ps(m + (r * SIDE + x) * k->m_position);
                gather(column, pair);
                half[0][x] = pair[0];
                half[1][x] = pair[1];
            }
            gather(half[0], y[0]);
            gather(half[1], y[1]);
            write_tile(w, &p, &f, y);
        }
    }
}

static void run_chunk(const struct chunk *k)
{
    size_t channels = (size_t)k->w->in_channels, kernel = channels * GROUP;
    transform_inputs(k);
    for (size_t group = 0; group < groups_of(k->w); group++) {
        const uint16_t *u = k->pass->kernel + group * POSITIONS * kernel;
        for (size_t p = 0; p < POSITIONS; p++)
            multiply(k->count, channels, k->v + p * k->position, u + p * kernel,
                     k->m + p * k->m_position);
        transform_outputs(k, group * VECTORS);
    }
}

struct work {
    const struct thaw_winograd *w;
    const struct thaw_winograd_pass *pass;
    size_t tiles; /* of a chunk */
};

/* Thread t has scratch of its own, and of every `threads` chunks the t-th. */
static void run_threads(void *ctx, size_t first, size_t last)
{
    const struct work *work = ctx;
    size_t all = tiles_of(work->w), tiles = work->tiles, room = room_bytes(work->w, tiles);
    for (size_t t = first; t < last; t++) {
        char *scratch = (char *)work->pass->scratch + t * room;
        struct chunk k = {.w = work->w,
                          .pass = work->pass,
                          .position = position_numbers(work->w, tiles),
                          .v = (void *)scratch,
                          .m = (void *)(scratch + inputs_bytes(work->w, tiles)),
                          .m_position = tiles * GROUP};
        for (k.first = t * tiles; k.first < all; k.first += (size_t)work->w->threads * tiles) {
            k.count = all - k.first < tiles ? all - k.first : tiles;
            run_chunk(&k);
        }
    }
}

void thaw_winograd_forward(const struct thaw_winograd *w, const struct thaw_winograd_pass *pass)
{
    struct work work = {w, pass, chunk_tiles(w)};
    thaw_par_range((size_t)w->threads, run_threads, &work);
}

#else

bool thaw_winograd_takes(const struct thaw_winograd *w)
{
    (void)w;
    return false;
}

void thaw_winograd_forward(const struct thaw_winograd *w, const struct thaw_winograd_pass *pass)
{
    (void)w, (void)pass;
}

#endif
