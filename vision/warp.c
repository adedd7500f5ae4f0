#include "vision/warp.h"

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

/* Splits a position, held inside 0 .. n-1, into the two samples around it and the second's weight.
 */
static void split(double at, int n, int *low, int *high, float *weight)
{
    at = at < 0 ? 0 : at > n - 1 ? n - 1 : at;
    *low = (int)at;
    *high = *low + 1 < n ? *low + 1 : *low;
    *weight = (float)(at - *low);
}

void thaw_warp(const struct thaw_image *in, const struct thaw_warp *map, struct thaw_image *out)
{
    size_t channels = (size_t)in->channels, row = (size_t)in->width * channels;
    float *to = out->data;
    for (int y = 0; y < out->height; y++) {
        for (int x = 0; x < out->width; x++, to += channels) {
            int x0, x1, y0, y1;
            float u, v;
            split(map->a * x + map->b * y + map->c, in->width, &x0, &x1, &u);
            split(map->d * x + map->e * y + map->f, in->height, &y0, &y1, &v);
            const float *p = in->data + (size_t)y0 * row + (size_t)x0 * channels,
                        *q = in->data + (size_t)y1 * row + (size_t)x0 * channels;
            size_t right = (size_t)(x1 - x0) * channels;
            for (size_t c = 0; c < channels; c++) {
                float top = p[c] + u * (p[right + c] - p[c]);
                float bottom = q[c] + u * (q[right + c] - q[c]);
                to[c] = top + v * (bottom - top);
            }
        }
    }
}
