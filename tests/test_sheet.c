/* The contact sheet, read back with the decoder. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/file.h"
#include "tests/check.h"
#include "vision/font.h"
#include "vision/pixels.h"
#include "vision/sheet.h"

enum { N = 5, WIDTH = 30, HEIGHT = 20, GAP = 6 };

static void draw(float *x, int channels)
{
    for (int i = 0; i < N; i++)
        for (int k = 0; k < WIDTH * HEIGHT * channels; k++)
            x[i * WIDTH * HEIGHT * channels + k] = (float)(40 * (i + 1) + k % channels);
}

static const uint8_t *at(const struct thaw_pixels *p, int x, int y)
{
    return (const uint8_t *)p->data + (y * p->width + x) * p->channels;
}

static void test_tiles(void)
{
    static float x[N * WIDTH * HEIGHT * 3];
    struct thaw_error err = {0};
    struct thaw_pixels p;
    const char *path = thaw_tmp("sheet.png");
    for (int channels = 1; channels <= 3; channels += 2) {
        draw(x, channels);
        CU_ASSERT_EQUAL_FATAL(
            thaw_told(thaw_sheet_save(path, x, N, HEIGHT, WIDTH, channels, NULL, NULL, &err), &err),
            0);
        CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_pixels_load(&p, path, NULL, &err), &err), 0);
        CU_ASSERT_EQUAL(p.channels, 3);
        CU_ASSERT_EQUAL_FATAL(p.width, 2 * (WIDTH + GAP) + GAP);
        CU_ASSERT_EQUAL_FATAL(p.height, 3 * (HEIGHT + GAP) + GAP);
        for (int i = 0; i < N; i++) {
            const uint8_t *inside =
                at(&p, GAP + i % 2 * (WIDTH + GAP), GAP + i / 2 * (HEIGHT + GAP));
            for (int c = 0; c < 3; c++)
                CU_ASSERT_EQUAL(inside[c], 40 * (i + 1) + (channels == 3 ? c : 0));
        }
        CU_ASSERT_TRUE(*at(&p, p.width - GAP - 1, p.height - GAP - 1) > 200); /* the empty sixth */
        thaw_pixels_release(&p);
    }
}

static int dark_points(const struct thaw_pixels *p, int from, int to)
{
    int n = 0;
    for (int y = from; y < to; y++)
        for (int x = 0; x < p->width; x++)
            n += *at(p, x, y) < 100;
    return n;
}

/* Captions take room of their own, hold any bytes, and differ when their texts do. */
static void test_captions(void)
{
    static float x[WIDTH * HEIGHT];
    struct thaw_error err = {0};
    struct thaw_pixels p;
    const char *path = thaw_tmp("captions.png");
    const char *texts[] = {"", "I", "W", "\xc3\xa4", "\xff\xfe", "a name that is far too long"};
    int dark[6];
    for (int k = 0; k < WIDTH * HEIGHT; k++)
        x[k] = 300; /* drawn as 255 */
    for (int i = 0; i < 6; i++) {
        CU_ASSERT_EQUAL_FATAL(
            thaw_sheet_save(path, x, 1, HEIGHT, WIDTH, 1, &texts[i], &texts[0], &err), 0);
        CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_pixels_load(&p, path, NULL, &err), &err), 0);
        CU_ASSERT_EQUAL(p.width, WIDTH + 2 * GAP);
        CU_ASSERT_TRUE_FATAL(p.height > HEIGHT + 2 * GAP + 2 * THAW_FONT_HEIGHT);
        CU_ASSERT_EQUAL(dark_points(&p, 0, HEIGHT + GAP), 0);
        dark[i] = dark_points(&p, HEIGHT + GAP, p.height);
        thaw_pixels_release(&p);
    }
    CU_ASSERT_EQUAL(dark[0], 0);
    CU_ASSERT_TRUE(dark[1] > 0 && dark[2] > dark[1]);
    CU_ASSERT_TRUE(dark[3] > 0 && dark[4] == 2 * dark[3]);
    CU_ASSERT_TRUE(dark[5] > 0);
}

static void test_refused(void)
{
    static float x[WIDTH * HEIGHT];
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL(
        thaw_sheet_save(thaw_tmp("no/sheet.png"), x, 1, HEIGHT, WIDTH, 1, NULL, NULL, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "no/sheet.png", "cannot be written", NULL));
    CU_ASSERT_EQUAL(thaw_sheet_save(thaw_tmp("s.png"), x, 1, HEIGHT, 40000, 1, NULL, NULL, &err),
                    -1);
    CU_ASSERT_TRUE(thaw_says(&err, "s.png", "40000", NULL));
}

/* All printable characters look different, and all but the space look like something. */
static void test_font(void)
{
    for (int a = THAW_FONT_FIRST; a <= THAW_FONT_LAST; a++)
        for (int b = a + 1; b <= THAW_FONT_LAST; b++)
            CU_ASSERT_NOT_EQUAL(memcmp(thaw_font[a - THAW_FONT_FIRST],
                                       thaw_font[b - THAW_FONT_FIRST], THAW_FONT_HEIGHT),
                                0);
}

void thaw_test_sheet(void)
{
    CU_pSuite s = thaw_suite("sheet");
    CU_add_test(s, "tiles stand where they belong", test_tiles);
    CU_add_test(s, "captions", test_captions);
    CU_add_test(s, "what cannot be written", test_refused);
    CU_add_test(s, "the font tells characters apart", test_font);
}
