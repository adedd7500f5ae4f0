#include "vision/warp.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

struct thaw_warp thaw_warp_identity(void)
{
    return (struct thaw_warp){1, 0, 0, 0, 1, 0};
}

struct thaw_warp thaw_warp_centred(double a, double b, double d, double e, double shift_x,
                                   double shift_y, int width, int height)
{
    double x = (width - 1) / 2.0, y = (height - 1) / 2.0;
    return (struct thaw_warp){a, b, x - a * x - b * y + shift_x, d, e, y - d * x - e * y + shift_y};
}

struct thaw_warp thaw_warp_join(struct thaw_warp first, struct thaw_warp second)
{
    const struct thaw_warp *m = &first, *s = &second;
    return (struct thaw_warp){m->a * s->a + m->b * s->d,        m->a * s->b + m->b * s->e,
                              m->a * s->c + m->b * s->f + m->c, m->d * s->a + m->e * s->d,
                              m->d * s->b + m->e * s->e,        m->d * s->c + m->e * s->f + m->f};
}

/* Weights of the four samples around a position (Keys 1981 with a = -1/2, "Catmull-Rom"). Bilinear
 * sampling would blur every training picture, and a network that has learned from blurred pictures
 * is several points worse on sharp ones. */
static void cubic(float t, float w[4])
{
    float t2 = t * t, t3 = t2 * t;
    w[0] = 0.5f * (-t3 + 2 * t2 - t);
    w[1] = 0.5f * (3 * t3 - 5 * t2 + 2);
    w[2] = 0.5f * (-3 * t3 + 4 * t2 + t);
    w[3] = 0.5f * (t3 - t2);
}

/* Beyond the edge the edge goes on. */
static double held(double at, int n)
{
    return at < 0 ? 0 : at > n - 1 ? n - 1 : at;
}

/* The samples around a position along one side, held inside 0 .. n-1, as offsets, and their
 * weights. */
static void taps(double at, int n, size_t stride, size_t offset[4], float weight[4])
{
    at = held(at, n);
    int low = (int)at;
    cubic((float)(at - low), weight);
    for (int k = 0; k < 4; k++) {
        int i = low - 1 + k;
        offset[k] = (size_t)(i < 0 ? 0 : i > n - 1 ? n - 1 : i) * stride;
    }
}

/* One pixel. `channels` is a constant where this is inlined. */
static inline __attribute__((always_inline)) void sample(const float *data, size_t channels,
                                                         const size_t rows[4], const float v[4],
                                                         const size_t columns[4], const float u[4],
                                                         float *to)
{
    float sum[3] = {0};
    for (int j = 0; j < 4; j++) {
        const float *row = data + rows[j];
        for (size_t c = 0; c < channels; c++)
            sum[c] += v[j] * (u[0] * row[columns[0] + c] + u[1] * row[columns[1] + c] +
                              u[2] * row[columns[2] + c] + u[3] * row[columns[3] + c]);
    }
    for (size_t c = 0; c < channels; c++)
        to[c] = sum[c] < 0 ? 0 : sum[c] > 255 ? 255 : sum[c];
}

/* Flips, turns by right angles and shifts by whole pixels ask for nothing between two pixels. */
static bool is_whole(const struct thaw_warp *m)
{
    const double all[] = {m->a, m->b, m->c, m->d, m->e, m->f};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] != floor(all[i]))
            return false;
    return true;
}

/* What sampling would give there: the pixels themselves. */
static void copy(const struct thaw_image *in, const struct thaw_warp *m, struct thaw_image *out)
{
    size_t channels = (size_t)in->channels, width = (size_t)in->width;
    float *to = out->data;
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++, to += channels) {
            size_t row = (size_t)held(m->d * x + m->e * y + m->f, in->height);
            size_t column = (size_t)held(m->a * x + m->b * y + m->c, in->width);
            const float *from = in->data + (row * width + column) * channels;
            for (size_t c = 0; c < channels; c++)
                to[c] = from[c];
        }
}

void thaw_warp(const struct thaw_image *in, const struct thaw_warp *map, struct thaw_image *out)
{
    if (is_whole(map)) {
        copy(in, map, out);
        return;
    }
    size_t channels = (size_t)in->channels, row = (size_t)in->width * channels;
    float *to = out->data;
    for (int y = 0; y < out->height; y++) {
        for (int x = 0; x < out->width; x++, to += channels) {
            size_t columns[4], rows[4];
            float u[4], v[4];
            taps(map->a * x + map->b * y + map->c, in->width, channels, columns, u);
            taps(map->d * x + map->e * y + map->f, in->height, row, rows, v);
            if (channels == 3)
                sample(in->data, 3, rows, v, columns, u, to);
            else
                sample(in->data, 1, rows, v, columns, u, to);
        }
    }
}
