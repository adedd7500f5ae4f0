#include "vision/warp.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* Whole coefficients up to this times sides of a picture stay within an int. */
enum { WHOLE_MAX = 1 << 16 };

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

/* Four floats at once, wherever they lie. */
typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));

/* The four samples around a position along one side of a picture. */
struct taps {
    int first; /* the lowest; those outside the picture are held at its edge */
    quad weight;
};

/* Weights of the four samples around a position (Keys 1981 with a = -1/2, "Catmull-Rom"). Bilinear
 * sampling would blur every training picture, and a network that has learned from blurred pictures
 * is several points worse on sharp ones. */
static inline quad cubic(float t)
{
    const quad t3 = {-0.5f, 1.5f, -1.5f, 0.5f}, t2 = {1, -2.5f, 2, -0.5f}, t1 = {-0.5f, 0, 0.5f, 0},
               t0 = {0, 1, 0, 0};
    return ((t3 * t + t2) * t + t1) * t + t0;
}

/* Beyond the edge the edge goes on. In two steps, for which processors need no branch. */
static inline double held(double at, double last)
{
    at = at > 0 ? at : 0;
    return at < last ? at : last;
}

static inline int held_index(int at, int n)
{
    return at < 0 ? 0 : at > n - 1 ? n - 1 : at;
}

static inline struct taps taps_at(double at, int n)
{
    at = held(at, n - 1);
    int low = (int)at;
    return (struct taps){low - 1, cubic((float)(at - low))};
}

static inline bool inside(const struct taps *t, int n)
{
    return t->first >= 0 && t->first + 4 <= n;
}

/* One pixel: first the sum down each column, then that across. */
static void sample(const struct thaw_image *in, const struct taps *across, const struct taps *down,
                   float *to)
{
    size_t rows[4], channels = (size_t)in->channels, width = (size_t)in->width;
    for (int j = 0; j < 4; j++)
        rows[j] = (size_t)held_index(down->first + j, in->height) * width * channels;
    for (size_t c = 0; c < channels; c++) {
        float sum = 0;
        for (int i = 0; i < 4; i++) {
            size_t x = (size_t)held_index(across->first + i, in->width);
            const float *at = in->data + x * channels + c;
            float column = 0;
            for (int j = 0; j < 4; j++)
                column += down->weight[j] * at[rows[j]];
            sum += across->weight[i] * column;
        }
        to[c] = thaw_image_clamp(sum);
    }
}

/* The same of one channel, all columns at once, where nothing is held at an edge. */
static inline void sample_grey(const struct thaw_image *in, const struct taps *across,
                               const struct taps *down, float *to)
{
    size_t width = (size_t)in->width;
    const float *row = in->data + (size_t)down->first * width + (size_t)across->first;
    quad columns = {0};
    for (size_t j = 0; j < 4; j++)
        columns += down->weight[j] * *(const quad *)(row + j * width);
    columns *= across->weight;
    *to = thaw_image_clamp(columns[0] + columns[1] + columns[2] + columns[3]);
}

/* The same of three channels at once, where besides a pixel follows the last of each row. */
static inline void sample_colours(const struct thaw_image *in, const struct taps *across,
                                  const struct taps *down, float *to)
{
    size_t width = (size_t)in->width;
    const float *at = in->data + 3 * ((size_t)down->first * width + (size_t)across->first);
    quad sum = {0};
    for (int i = 0; i < 4; i++, at += 3) {
        quad column = {0};
        for (size_t j = 0; j < 4; j++)
            column += down->weight[j] * *(const quad *)(at + j * 3 * width);
        sum += across->weight[i] * column;
    }
    for (int c = 0; c < 3; c++)
        to[c] = thaw_image_clamp(sum[c]);
}

/* Flips, turns by right angles and shifts by whole pixels ask for nothing between two pixels. */
static bool is_whole(const struct thaw_warp *m)
{
    const double all[] = {m->a, m->b, m->c, m->d, m->e, m->f};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] != rint(all[i]) || fabs(all[i]) > WHOLE_MAX)
            return false;
    return true;
}

/* What sampling would give there: the pixels themselves. */
static void copy(const struct thaw_image *in, const struct thaw_warp *m, struct thaw_image *out)
{
    int a = (int)m->a, b = (int)m->b, c = (int)m->c, d = (int)m->d, e = (int)m->e, f = (int)m->f;
    size_t channels = (size_t)in->channels, width = (size_t)in->width;
    float *to = out->data;
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++, to += channels) {
            size_t row = (size_t)held_index(d * x + e * y + f, in->height);
            size_t column = (size_t)held_index(a * x + b * y + c, in->width);
            const float *from = in->data + (row * width + column) * channels;
            for (size_t k = 0; k < channels; k++)
                to[k] = from[k];
        }
}

void thaw_warp(const struct thaw_image *in, const struct thaw_warp *map, struct thaw_image *out)
{
    if (is_whole(map)) {
        copy(in, map, out);
        return;
    }
    float *to = out->data;
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++, to += in->channels) {
            struct taps across = taps_at(map->a * x + map->b * y + map->c, in->width);
            struct taps down = taps_at(map->d * x + map->e * y + map->f, in->height);
            if (in->channels == 1 && inside(&across, in->width) && inside(&down, in->height))
                sample_grey(in, &across, &down, to);
            else if (in->channels == 3 && inside(&across, in->width - 1) &&
                     inside(&down, in->height))
                sample_colours(in, &across, &down, to);
            else
                sample(in, &across, &down, to);
        }
}
