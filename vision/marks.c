#include "vision/marks.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "io/base/mem.h"
#include "vision/preprocess.h"

enum { CELLS = 32, LEAST_CELL = 6 };

/* The picture as one plane of 0..255, its brightest sample 255. */
struct plane {
    uint8_t *data;
    int width, height;
};

/* As the scan is shown; what is brightest in it is white. */
static int make_plane(const struct thaw_pixels *p, struct plane *plane, struct thaw_error *err)
{
    size_t n = (size_t)p->width * (size_t)p->height, channels = (size_t)p->channels;
    struct thaw_preprocess shown;
    float ends[2];
    int most = 1;
    if (thaw_preprocess_init(&shown, "none", 1, 1, err))
        return -1;
    thaw_preprocess_show(&shown, p);
    if (thaw_preprocess_limits(&shown, p, ends, err))
        return -1;
    *plane = (struct plane){thaw_new(n, 1, err), p->width, p->height};
    if (!plane->data)
        return -1;
    float gain = 255 / (ends[1] - ends[0]);
    for (size_t i = 0; i < n; i++) {
        float brightest = 0;
        for (size_t c = 0; c < channels; c++)
            brightest =
                fmaxf(brightest, (thaw_pixels_sample(p, i * channels + c) - ends[0]) * gain);
        plane->data[i] = (uint8_t)fminf(brightest, 255);
        most = plane->data[i] > most ? plane->data[i] : most;
    }
    for (size_t i = 0; most < 255 && i < n; i++)
        plane->data[i] = (uint8_t)(plane->data[i] * 255 / most);
    return 0;
}

/* --- border --- */

/* A row or a column. */
struct line {
    const uint8_t *start;
    size_t step;
    int n;
};

static struct line line_at(const struct plane *p, bool row, int i)
{
    size_t width = (size_t)p->width;
    if (row)
        return (struct line){p->data + (size_t)i * width, 1, p->width};
    return (struct line){p->data + i, width, p->height};
}

static bool is_even(struct line line, double value)
{
    const double tolerance = 0.05 * 255;
    int off = 0, allowed = line.n / 100;
    for (int i = 0; i < line.n && off <= allowed; i++)
        off += fabs(line.start[(size_t)i * line.step] - value) > tolerance;
    return off <= allowed;
}

/* Number of even lines from one edge. */
static int count_even(const struct plane *p, bool row, bool from_end)
{
    int n = row ? p->height : p->width, count = 0;
    struct line outermost = line_at(p, row, from_end ? n - 1 : 0);
    double mean = 0;
    for (int i = 0; i < outermost.n; i++)
        mean += outermost.start[(size_t)i * outermost.step];
    mean /= outermost.n;
    while (count < n && is_even(line_at(p, row, from_end ? n - 1 - count : count), mean))
        count++;
    return count;
}

static float find_border(const struct plane *p)
{
    int high = p->height - count_even(p, true, false) - count_even(p, true, true);
    int wide = p->width - count_even(p, false, false) - count_even(p, false, true);
    if (high <= 0 || wide <= 0)
        return 1;
    return 1 - (float)high / (float)p->height * ((float)wide / (float)p->width);
}

/* --- text --- */

/* Counts strokes of a row: at most `thin` bright points, within two points of which on both sides
 * it is much darker. */
static void count_strokes(const uint8_t *row, int width, int thin, int cell, int *strokes)
{
    const int bright = 200, fall = 80;
    for (int x = 2; x < width - 2; x++) {
        if (row[x] < bright || row[x] - row[x - 1] < fall / 2 || row[x] - row[x - 2] < fall)
            continue;
        int end = x;
        while (end < width - 2 && end - x < thin && row[end] >= bright)
            end++;
        if (end < width - 1 && row[end - 1] - row[end] >= fall / 2 &&
            row[end - 1] - row[end + 1] >= fall)
            strokes[x / cell]++;
        x = end;
    }
}

static int find_text(const struct plane *p, float *text, struct thaw_error *err)
{
    int shorter = p->width < p->height ? p->width : p->height;
    int cell = shorter / CELLS > LEAST_CELL ? shorter / CELLS : LEAST_CELL;
    int columns = p->width / cell + 1, found = 0, all = 0;
    int *strokes = thaw_new((size_t)columns, sizeof *strokes, err);
    if (!strokes)
        return -1;
    for (int y = 0; y < p->height; y++) {
        count_strokes(p->data + (size_t)y * (size_t)p->width, p->width, cell / 4 + 1, cell,
                      strokes);
        if ((y + 1) % cell)
            continue;
        for (int c = 0; c < columns; c++) {
            /* As many strokes as half its rows: a letter crosses each row about once. */
            found += strokes[c] * 2 >= cell;
            strokes[c] = 0;
        }
        all += columns;
    }
    *text = all ? (float)found / (float)all : 0;
    free(strokes);
    return 0;
}

int thaw_marks_find(const struct thaw_pixels *pixels, struct thaw_marks *marks,
                    struct thaw_error *err)
{
    struct plane plane;
    if (make_plane(pixels, &plane, err))
        return -1;
    marks->border = find_border(&plane);
    int rc = find_text(&plane, &marks->text, err);
    free(plane.data);
    return rc;
}
