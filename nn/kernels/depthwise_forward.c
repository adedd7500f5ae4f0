#include "nn/kernels/depthwise_forward.h"

#include <math.h>

#include "io/base/par.h"

#if defined(__GNUC__) && defined(__x86_64__)
#define HAS_PRODUCTS
#include <immintrin.h>
#endif

/* A tile is ROWS x COLUMNS outputs of a block of channels, whose sums stay in registers: each input
 * is loaded and widened once for all products it has there. */
enum {
    BLOCK = 16,
    ROWS = 2,
    COLUMNS = 7,   /* divides the sides that pictures of 224 x 224 have further down */
    MOST_SIDE = 5, /* of a kernel */
    WHOLE = 0xFFFF
};

static size_t blocks_of(const struct thaw_depthwise_forward *d)
{
    return ((size_t)d->channels + BLOCK - 1) / BLOCK;
}

static size_t kernel_block(const struct thaw_depthwise_forward *d) /* in numbers */
{
    return (size_t)d->kh * (size_t)d->kw * BLOCK;
}

size_t thaw_depthwise_forward_kernel_bytes(const struct thaw_depthwise_forward *d)
{
    return blocks_of(d) * kernel_block(d) * sizeof(float);
}

/* As [block][kh][kw][BLOCK], zero beyond the channels. */
void thaw_depthwise_forward_pack(const struct thaw_depthwise_forward *d, const float *keras,
                                 float *kernel)
{
    size_t channels = (size_t)d->channels, taps = (size_t)d->kh * (size_t)d->kw;
    for (size_t b = 0; b < blocks_of(d); b++)
        for (size_t tap = 0; tap < taps; tap++)
            for (size_t i = 0; i < BLOCK; i++) {
                size_t c = b * BLOCK + i;
                *kernel++ = c < channels ? keras[tap * channels + c] : 0;
            }
}

#ifdef HAS_PRODUCTS
#define TARGET __attribute__((target("arch=x86-64-v4,avx512bf16")))

/* Stands for what is outside the picture. */
static const uint16_t zeros[BLOCK];

static int least(int a, int b)
{
    return a < b ? a : b;
}

bool thaw_depthwise_forward_takes(const struct thaw_depthwise_forward *d)
{
    return d->kh == d->kw && (d->kw == 3 || d->kw == 5) && d->stride_h == d->stride_w &&
           (d->stride_w == 1 || d->stride_w == 2) && thaw_cpu_has_avx512() &&
           __builtin_cpu_supports("avx512bf16");
}

struct work {
    const struct thaw_depthwise_forward *d;
    const uint16_t *in;
    const float *kernel, *bias;
    uint16_t *out;
};

/* From the first to the one before `end`. */
struct span {
    int first, end;
};

/* Outputs of a block of channels. `in` is where they meet the kernel's first row and column, which
 * may be outside the picture; counted from there, what is inside lies in the spans. */
struct tile {
    const struct thaw_depthwise_forward *d;
    int rows, columns; /* of outputs, as many as there are */
    struct span in_rows, in_columns;
    __mmask16 mask; /* channels of the block that there are */
    const uint16_t *in;
    const float *kernel, *bias;
    uint16_t *out;
};

/* What is constant where the loops below are inlined. */
struct kind {
    int kw, stride;
    bool inside; /* all columns of input that the tile meets are in the picture */
    bool whole;  /* all channels of the block are there */
};

/* Each number goes into the upper half of 32 bits: one shuffle for what else takes two. */
TARGET THAW_INLINE __m512 widen(bool whole, __mmask16 mask, const uint16_t *from)
{
    const __m512i places = _mm512_set_epi16(15, 0, 14, 0, 13, 0, 12, 0, 11, 0, 10, 0, 9, 0, 8, 0, 7,
                                            0, 6, 0, 5, 0, 4, 0, 3, 0, 2, 0, 1, 0, 0, 0);
    __m256i bits =
        whole ? _mm256_loadu_si256((const void *)from) : _mm256_maskz_loadu_epi16(mask, from);
    return _mm512_castsi512_ps(
        _mm512_maskz_permutexvar_epi16(0xAAAAAAAA, places, _mm512_castsi256_si512(bits)));
}

/* What upper and lower outputs get from a row of input, or only one of them: products with columns
 * phase, phase + stride, ... of the kernel. `weights` is the row of the kernel that the upper
 * outputs meet. Sums take turns, so that none waits for its last product. */
TARGET THAW_INLINE void add_phase(const struct kind kind, const struct tile *t, const uint16_t *in,
                                  bool upper, bool lower, const float *weights, int phase,
                                  __m512 sums[ROWS][COLUMNS])
{
    const int taps = (kind.kw - phase + kind.stride - 1) / kind.stride;
    const ptrdiff_t step = t->d->channels, next = (ptrdiff_t)kind.stride * kind.kw * BLOCK;
    __m512 values[COLUMNS + MOST_SIDE - 1];
    in += phase * step;
#pragma GCC unroll 12
    for (int i = 0; i < COLUMNS + taps - 1; i++, in += kind.stride * step) {
        int column = phase + i * kind.stride;
        bool is = kind.inside || (column >= t->in_columns.first && column < t->in_columns.end);
        values[i] = widen(kind.whole, t->mask, is ? in : zeros);
    }
#pragma GCC unroll 5
    for (int k = 0; k < taps; k++) {
        const float *w = weights + (ptrdiff_t)(phase + k * kind.stride) * BLOCK;
        __m512 up = upper ? _mm512_loadu_ps(w) : _mm512_setzero_ps();
        __m512 low = lower ? _mm512_loadu_ps(w - next) : _mm512_setzero_ps();
#pragma GCC unroll 8
        for (int c = 0; c < COLUMNS; c++) {
            if (upper)
                sums[0][c] = _mm512_fmadd_ps(values[c + k], up, sums[0][c]);
            if (lower)
                sums[1][c] = _mm512_fmadd_ps(values[c + k], low, sums[1][c]);
        }
    }
}

TARGET THAW_INLINE void add_row(const struct kind kind, const struct tile *t, int row, bool upper,
                                bool lower, __m512 sums[ROWS][COLUMNS])
{
    const uint16_t *in = t->in + row * (ptrdiff_t)t->d->iw * t->d->channels;
    const float *weights = t->kernel + (ptrdiff_t)row * kind.kw * BLOCK;
    add_phase(kind, t, in, upper, lower, weights, 0, sums);
    if (kind.stride == 2)
        add_phase(kind, t, in, upper, lower, weights, 1, sums);
}

/* Maximum and minimum take their second argument for a NaN, which so stays one. */
TARGET THAW_INLINE void clamp(const struct thaw_gate *gate, __m512 sums[ROWS][COLUMNS])
{
    const __m512 low = _mm512_set1_ps(gate->low), high = _mm512_set1_ps(gate->high);
#pragma GCC unroll 8
    for (int c = 0; c < COLUMNS; c++) {
        sums[0][c] = _mm512_max_ps(low, sums[0][c]);
        sums[1][c] = _mm512_max_ps(low, sums[1][c]);
    }
    if (!(gate->high < INFINITY))
        return;
#pragma GCC unroll 8
    for (int c = 0; c < COLUMNS; c++) {
        sums[0][c] = _mm512_min_ps(high, sums[0][c]);
        sums[1][c] = _mm512_min_ps(high, sums[1][c]);
    }
}

TARGET THAW_INLINE void store(const struct kind kind, const struct tile *t, uint16_t *out,
                              __m256i bits)
{
    if (kind.whole)
        _mm256_storeu_si256((void *)out, bits);
    else
        _mm256_mask_storeu_epi16(out, t->mask, bits);
}

/* Rounds two vectors at once, which takes no longer than one. */
TARGET THAW_INLINE void write_tile(const struct kind kind, const struct tile *t,
                                   __m512 sums[ROWS][COLUMNS])
{
    const struct thaw_depthwise_forward *d = t->d;
    const ptrdiff_t step = d->channels, line = d->ow * step;
    uint16_t *out = t->out;
    if (d->gate.on)
        clamp(&d->gate, sums);
#pragma GCC unroll 8
    for (int c = 0; c < COLUMNS; c++, out += step) {
        if (c >= t->columns)
            break;
        __m512i bits = (__m512i)_mm512_cvtne2ps_pbh(sums[1][c], sums[0][c]);
        store(kind, t, out, _mm512_castsi512_si256(bits));
        if (t->rows > 1)
            store(kind, t, out + line, _mm512_extracti64x4_epi64(bits, 1));
    }
}

/* Rows of input that only the upper outputs meet, then both, then only the lower ones. */
TARGET THAW_INLINE void run_kind(const struct kind kind, const struct tile *t)
{
    __m512 sums[ROWS][COLUMNS], bias = _mm512_maskz_loadu_ps(t->mask, t->bias);
#pragma GCC unroll 8
    for (int c = 0; c < COLUMNS; c++)
        sums[0][c] = sums[1][c] = bias;
    int r = t->in_rows.first, alone = t->rows == 1 ? kind.kw : kind.stride;
    for (; r < t->in_rows.end && r < alone; r++)
        add_row(kind, t, r, true, false, sums);
    for (; r < t->in_rows.end && r < kind.kw; r++)
        add_row(kind, t, r, true, true, sums);
    for (; r < t->in_rows.end; r++)
        add_row(kind, t, r, false, true, sums);
    write_tile(kind, t, sums);
}

TARGET THAW_INLINE void run_tile(int kw, int stride, const struct tile *t)
{
    bool inside = t->in_columns.first == 0 && t->in_columns.end == (COLUMNS - 1) * stride + kw;
    if (t->mask != WHOLE)
        run_kind((struct kind){kw, stride, false, false}, t);
    else if (inside)
        run_kind((struct kind){kw, stride, true, true}, t);
    else
        run_kind((struct kind){kw, stride, false, true}, t);
}

TARGET static void tile_3_1(const struct tile *t)
{
    run_tile(3, 1, t);
}

TARGET static void tile_3_2(const struct tile *t)
{
    run_tile(3, 2, t);
}

TARGET static void tile_5_1(const struct tile *t)
{
    run_tile(5, 1, t);
}

TARGET static void tile_5_2(const struct tile *t)
{
    run_tile(5, 2, t);
}

typedef void tile_function(const struct tile *t);

static tile_function *tile_of(const struct thaw_depthwise_forward *d)
{
    if (d->kw == 3)
        return d->stride_w == 1 ? tile_3_1 : tile_3_2;
    return d->stride_w == 1 ? tile_5_1 : tile_5_2;
}

static size_t pairs_of(const struct thaw_depthwise_forward *d) /* of output rows */
{
    return ((size_t)d->oh + ROWS - 1) / ROWS;
}

/* Which of 0 .. count - 1 fall within 0 .. size - 1 when `start` is added. */
static struct span span_of(int start, int count, int size)
{
    return (struct span){start < 0 ? -start : 0, least(size - start, count)};
}

struct place {
    ptrdiff_t sample;
    int row, column; /* of the output */
};

/* Blocks follow each other as they lie in memory: faster than tile after tile of one block. */
static void run_blocks(const struct work *w, const struct place *p, tile_function *tile)
{
    const struct thaw_depthwise_forward *d = w->d;
    const int stride = d->stride_w, row = p->row * stride - d->pad_top;
    const int column = p->column * stride - d->pad_left;
    struct tile t = {.d = d, .kernel = w->kernel, .bias = w->bias};
    t.rows = least(d->oh - p->row, ROWS);
    t.columns = least(d->ow - p->column, COLUMNS);
    t.in_rows = span_of(row, (t.rows - 1) * stride + d->kw, d->ih);
    t.in_columns = span_of(column, (COLUMNS - 1) * stride + d->kw, d->iw);
    t.in = w->in + ((p->sample * d->ih + row) * d->iw + column) * d->channels;
    t.out = w->out + ((p->sample * d->oh + p->row) * d->ow + p->column) * d->channels;
    for (int left = d->channels; left > 0; left -= BLOCK) {
        t.mask = (__mmask16)(left < BLOCK ? (1U << left) - 1 : WHOLE);
        tile(&t);
        t.in += BLOCK;
        t.out += BLOCK;
        t.bias += BLOCK;
        t.kernel += kernel_block(d);
    }
}

static void run_pairs(void *ctx, size_t first, size_t last)
{
    const struct work *w = ctx;
    const struct thaw_depthwise_forward *d = w->d;
    size_t pairs = pairs_of(d);
    for (size_t i = first; i < last; i++) {
        struct place p = {(ptrdiff_t)(i / pairs), (int)(i % pairs) * ROWS, 0};
        for (; p.column < d->ow; p.column += COLUMNS)
            run_blocks(w, &p, tile_of(d));
    }
}

void thaw_depthwise_forward_run(const struct thaw_depthwise_forward *d, const uint16_t *in,
                                const float *kernel, const float *bias, uint16_t *out)
{
    struct work work = {d, in, kernel, bias, out};
    thaw_par_range((size_t)d->n * pairs_of(d), run_pairs, &work);
}

#else

bool thaw_depthwise_forward_takes(const struct thaw_depthwise_forward *d)
{
    (void)d;
    return false;
}

void thaw_depthwise_forward_run(const struct thaw_depthwise_forward *d, const uint16_t *in,
                                const float *kernel, const float *bias, uint16_t *out)
{
    (void)d, (void)in, (void)kernel, (void)bias, (void)out;
}

#endif
