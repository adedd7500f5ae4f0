#include "vision/sheet.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "vision/font.h"
#include "vision/png_write.h"

enum {
    GAP = 6, /* around every tile */
    ADVANCE = THAW_FONT_WIDTH + 1,
    SCALE = 2, /* of captions; 1 where they do not fit */
    LINE = (THAW_FONT_HEIGHT + 1) * SCALE,
    PAPER = 250,
    INK = 20,
};

struct canvas {
    uint8_t *rgb;
    int width, height;
};

static void fill(const struct canvas *to, int x, int y, int width, int height, uint8_t value)
{
    for (int row = y; row < y + height; row++)
        memset(to->rgb + ((size_t)row * (size_t)to->width + (size_t)x) * 3, value,
               (size_t)width * 3);
}

static void draw_glyph(const struct canvas *to, int x, int y, int scale, int code)
{
    static const unsigned char box[THAW_FONT_HEIGHT] = {31, 17, 17, 17, 17, 17, 31, 0, 0};
    bool known = code >= THAW_FONT_FIRST && code <= THAW_FONT_LAST;
    const unsigned char *rows = known ? thaw_font[code - THAW_FONT_FIRST] : box;
    for (int r = 0; r < THAW_FONT_HEIGHT; r++)
        for (int c = 0; c < THAW_FONT_WIDTH; c++)
            if (rows[r] >> (THAW_FONT_WIDTH - 1 - c) & 1)
                fill(to, x + c * scale, y + r * scale, scale, scale, INK);
}

/* Bytes 10xxxxxx go on with a character of UTF-8. */
static bool continues(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

static int count_characters(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += !continues(*text);
    return n;
}

/* One line, cut to what fits into `width`. `keep_end` drops characters in front: of file names the
 * end tells them apart. */
static void draw_text(const struct canvas *to, int x, int y, int width, const char *text,
                      bool keep_end)
{
    int n = count_characters(text), scale = n * ADVANCE * SCALE <= width ? SCALE : 1;
    int room = width / (ADVANCE * scale), skip = keep_end && n > room ? n - room : 0, at = 0;
    for (; *text && at < skip + room; text++) {
        if (continues(*text))
            continue;
        if (at >= skip)
            draw_glyph(to, x + (at - skip) * ADVANCE * scale, y, scale, (unsigned char)*text);
        at++;
    }
}

static void draw_picture(const struct canvas *to, int x, int y, const float *from, int height,
                         int width, int channels)
{
    for (int row = 0; row < height; row++) {
        uint8_t *out = to->rgb + ((size_t)(y + row) * (size_t)to->width + (size_t)x) * 3;
        for (int i = 0; i < width; i++, from += channels)
            for (int c = 0; c < 3; c++) {
                float v = from[channels == 3 ? c : 0];
                *out++ = (uint8_t)(v > 255 ? 255 : v > 0 ? lrintf(v) : 0);
            }
    }
}

int thaw_sheet_save(const char *path, const float *x, size_t n, int height, int width, int channels,
                    const char *const *titles, const char *const *names, struct thaw_error *err)
{
    enum { MOST = 30000 }; /* points a side */
    int captions = LINE * ((titles != NULL) + (names != NULL));
    size_t tile = (size_t)width * (size_t)height * (size_t)channels, size;
    if (n == 0)
        return thaw_fail(err, THAW_EUSAGE, "%s: no picture to draw", path);
    double wide = width + GAP, high = height + captions + GAP;
    size_t columns = (size_t)ceil(sqrt((double)n * high / wide));
    columns = columns > n ? n : columns;
    size_t rows = (n + columns - 1) / columns;
    if ((double)columns * wide > MOST || (double)rows * high > MOST)
        return thaw_fail(err, THAW_EUSAGE, "%s: %zu pictures of %d x %d do not fit on one sheet",
                         path, n, width, height);
    struct canvas sheet = {.width = (int)columns * (width + GAP) + GAP,
                           .height = (int)rows * (height + captions + GAP) + GAP};
    if (!thaw_mul((size_t)sheet.width, (size_t)sheet.height, &size) ||
        !(sheet.rgb = thaw_new(size, 3, err)))
        return -1;
    fill(&sheet, 0, 0, sheet.width, sheet.height, PAPER);
    for (size_t i = 0; i < n; i++) {
        int left = GAP + (int)(i % columns) * (width + GAP);
        int top = GAP + (int)(i / columns) * (height + captions + GAP);
        draw_picture(&sheet, left, top, x + i * tile, height, width, channels);
        int line = top + height + SCALE;
        if (titles) {
            draw_text(&sheet, left, line, width, titles[i], false);
            line += LINE;
        }
        if (names)
            draw_text(&sheet, left, line, width, names[i], true);
    }
    int rc = thaw_png_save(path, sheet.rgb, sheet.width, sheet.height, err);
    free(sheet.rgb);
    return rc;
}
