#include <math.h>
#include <string.h>

#include "vision/likeness.h"

enum { SIDE = THAW_LIKENESS_SIDE, POINTS = THAW_LIKENESS_POINTS, STEPS = 8, NUMBERS = 4, CELL = 8 };

/* Lengths below this are rounding errors of an even picture. */
static const float rounding = 1;

/* Where a point of a lies in b, along one axis: scale * t + shift, the picture being -1..1. */
struct axis {
    float scale, shift;
};
struct placement {
    struct axis x, y;
};

/* Of one axis: between which two samples of b each sample of a falls. */
struct taps {
    int first[SIDE];
    float part[SIDE];
    bool inside[SIDE];
};

static float coordinate(int i)
{
    return ((float)i + 0.5F) * 2 / SIDE - 1;
}

static void find_taps(const struct axis *axis, struct taps *taps)
{
    for (int i = 0; i < SIDE; i++) {
        float at = (axis->scale * coordinate(i) + axis->shift + 1) * SIDE / 2 - 0.5F;
        const float slack = 1e-3F;
        taps->inside[i] = at >= -slack && at <= SIDE - 1 + slack;
        at = fminf(fmaxf(at, 0), SIDE - 1);
        taps->first[i] = (int)fminf(at, SIDE - 2);
        taps->part[i] = at - (float)taps->first[i];
    }
}

/* b as a lies over it; mask: 1 where it is. */
static void warp(const float *b, const struct placement *at, float *out, float *mask)
{
    struct taps tx, ty;
    find_taps(&at->x, &tx);
    find_taps(&at->y, &ty);
    for (int y = 0; y < SIDE; y++) {
        const float *upper = b + ty.first[y] * SIDE, *lower = upper + SIDE;
        float row[SIDE], v = ty.part[y];
        for (int x = 0; x < SIDE; x++)
            row[x] = upper[x] + v * (lower[x] - upper[x]);
        for (int x = 0; x < SIDE; x++) {
            const float *p = row + tx.first[x];
            out[y * SIDE + x] = p[0] + tx.part[x] * (p[1] - p[0]);
            mask[y * SIDE + x] = ty.inside[y] && tx.inside[x] ? 1 : 0;
        }
    }
}

/* Without mean, and 0 outside the mask; the root of the sum of squares. */
static float centre(const float *in, const float *mask, float *out)
{
    float sum = 0, n = 0, squares = 0;
    for (int i = 0; i < POINTS; i++) {
        sum += in[i] * mask[i];
        n += mask[i];
    }
    float mean = n > 0 ? sum / n : 0;
    for (int i = 0; i < POINTS; i++) {
        out[i] = (in[i] - mean) * mask[i];
        squares += out[i] * out[i];
    }
    return sqrtf(squares);
}

/* Solves the symmetric system by elimination; its diagonal has been made positive. */
static void solve(float h[NUMBERS][NUMBERS], float g[NUMBERS])
{
    for (int i = 0; i < NUMBERS; i++)
        for (int j = i + 1; j < NUMBERS; j++) {
            float f = h[j][i] / h[i][i];
            for (int k = i; k < NUMBERS; k++)
                h[j][k] -= f * h[i][k];
            g[j] -= f * g[i];
        }
    for (int i = NUMBERS - 1; i >= 0; i--) {
        for (int k = i + 1; k < NUMBERS; k++)
            g[i] -= h[i][k] * g[k];
        g[i] /= h[i][i];
    }
}

/* How the aligned b changes with each of the four numbers, against what is left to explain. */
static void normal_equations(const float *b, const float *left, const float *mask,
                             float h[NUMBERS][NUMBERS], float g[NUMBERS])
{
    memset(h, 0, NUMBERS * sizeof *h);
    memset(g, 0, NUMBERS * sizeof *g);
    for (int y = 1; y < SIDE - 1; y++)
        for (int x = 1; x < SIDE - 1; x++) {
            const float *p = b + y * SIDE + x;
            float m = mask[y * SIDE + x], r = left[y * SIDE + x];
            float dx = m * (p[1] - p[-1]) * (SIDE / 4.0F);
            float dy = m * (p[SIDE] - p[-SIDE]) * (SIDE / 4.0F);
            float d[NUMBERS] = {dx * coordinate(x), dx, dy * coordinate(y), dy};
            for (int i = 0; i < NUMBERS; i++) {
                for (int j = i; j < NUMBERS; j++)
                    h[i][j] += d[i] * d[j];
                g[i] += d[i] * r;
            }
        }
    for (int i = 0; i < NUMBERS; i++) {
        h[i][i] = h[i][i] * 1.001F + 1e-3F;
        for (int j = 0; j < i; j++)
            h[i][j] = h[j][i];
    }
}

/* Larger changes than this are no small crop any more. */
static void hold(struct axis *axis, float scale, float shift)
{
    const float least = 0.92F, most = 1.09F, far = 0.08F;
    axis->scale = fminf(fmaxf(axis->scale + scale, least), most);
    axis->shift = fminf(fmaxf(axis->shift + shift, -far), far);
}

/* Of one cell: its correlation, times the weight that is returned. */
static float correlate_cell(const float *a, const float *b, const float *mask, float *sum)
{
    const float noise = 4; /* variance, in steps of 0..255: less than this shows nothing */
    float n = 0, ma = 0, mb = 0, va = 0, vb = 0, both = 0;
    for (int y = 0; y < CELL; y++)
        for (int x = 0; x < CELL; x++) {
            float m = mask[y * SIDE + x], u = m * a[y * SIDE + x], v = m * b[y * SIDE + x];
            n += m;
            ma += u;
            mb += v;
            va += u * u;
            vb += v * v;
            both += u * v;
        }
    if (n < CELL * CELL / 2)
        return 0;
    ma /= n;
    mb /= n;
    va = fmaxf(va / n - ma * ma, 0);
    vb = fmaxf(vb / n - mb * mb, 0);
    if (va + vb < 2 * noise)
        return 0;
    /* The square root of what is there: a bright skull must not outweigh the brain inside it. */
    float weight = sqrtf(sqrtf(va * vb));
    *sum += weight * (both / n - ma * mb) / sqrtf((va + noise / 4) * (vb + noise / 4));
    return weight;
}

/* Half of it the correlation of the whole, half the mean of that of its cells. */
static float correlation(const float *a, const float *b, const struct placement *at)
{
    float moved[POINTS], mask[POINTS], x[POINTS], y[POINTS], sum = 0, cells = 0, weight = 0;
    warp(b, at, moved, mask);
    float size = centre(a, mask, x), own = centre(moved, mask, y);
    if (size < rounding || own < rounding)
        return 0;
    for (int i = 0; i < POINTS; i++) {
        y[i] *= size / own;
        sum += x[i] * y[i];
    }
    for (int row = 0; row < SIDE; row += CELL)
        for (int column = 0; column < SIDE; column += CELL) {
            int i = row * SIDE + column;
            weight += correlate_cell(x + i, y + i, mask + i, &cells);
        }
    float whole = sum / (size * size);
    return weight > 0 ? (whole + cells / weight) / 2 : whole;
}

static void align(const float *a, const float *b, struct placement *at)
{
    const float still = 2e-4F;
    for (int step = 0; step < STEPS; step++) {
        float moved[POINTS], mask[POINTS], want[POINTS], have[POINTS];
        float h[NUMBERS][NUMBERS], g[NUMBERS];
        warp(b, at, moved, mask);
        float size = centre(a, mask, want), own = centre(moved, mask, have);
        if (size < rounding || own < rounding)
            return;
        /* Brightness and contrast of a copy may differ. */
        for (int i = 0; i < POINTS; i++) {
            moved[i] *= size / own;
            want[i] -= have[i] * (size / own);
        }
        normal_equations(moved, want, mask, h, g);
        solve(h, g);
        /* The slopes are those of the picture as it lies now. */
        hold(&at->x, g[0] * at->x.scale, g[1] * at->x.scale);
        hold(&at->y, g[2] * at->y.scale, g[3] * at->y.scale);
        if (fabsf(g[0]) + fabsf(g[1]) + fabsf(g[2]) + fabsf(g[3]) < still)
            return;
    }
}

float thaw_likeness_correlate(const struct thaw_likeness_view *a,
                              const struct thaw_likeness_view *b, enum thaw_likeness_part part_a,
                              enum thaw_likeness_part part_b)
{
    const float inner = 1 - 2 * THAW_LIKENESS_MARGIN / 100.0F;
    float scale = part_a == part_b ? 1 : part_a == THAW_LIKENESS_WHOLE ? inner : 1 / inner;
    struct placement at = {{scale, 0}, {scale, 0}};
    float before = correlation(a->band, b->band, &at);
    align(a->smooth, b->smooth, &at);
    float after = correlation(a->band, b->band, &at);
    return fmaxf(before, after);
}
