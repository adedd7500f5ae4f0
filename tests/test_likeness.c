/* What copies have in common, whatever was done to them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/rng.h"
#include "tests/check.h"
#include "tests/scene.h"
#include "vision/likeness.h"

enum { POINTS = THAW_LIKENESS_POINTS };

static const enum thaw_likeness_part whole = THAW_LIKENESS_WHOLE, inner = THAW_LIKENESS_INNER;

static void thumbnail(struct thaw_scene_view view, uint32_t scene, uint8_t *grey)
{
    struct thaw_pixels pixels;
    struct thaw_error err = {0};
    bool blank = true;
    CU_ASSERT_EQUAL_FATAL(thaw_scene_paint(scene, &view, &pixels, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_likeness_of(&pixels, grey, &blank, &err), &err), 0);
    CU_ASSERT_FALSE(blank);
    thaw_pixels_release(&pixels);
}

static float compare(const uint8_t *a, const uint8_t *b, bool mirrored,
                     enum thaw_likeness_part part_a, enum thaw_likeness_part part_b)
{
    static struct thaw_likeness_view x, y;
    thaw_likeness_prepare(a, false, &x);
    thaw_likeness_prepare(b, mirrored, &y);
    return thaw_likeness_correlate(&x, &y, part_a, part_b);
}

static double cosine(const int8_t *a, const int8_t *b)
{
    double sum = 0;
    for (int k = 0; k < THAW_LIKENESS_KEY; k++)
        sum += a[k] * b[k];
    return sum / (127.0 * 127.0);
}

static double key_cosine(const uint8_t *a, const uint8_t *b, enum thaw_likeness_part part_a,
                         enum thaw_likeness_part part_b, bool mirrored)
{
    int8_t x[THAW_LIKENESS_KEY], y[THAW_LIKENESS_KEY], turned[THAW_LIKENESS_KEY];
    thaw_likeness_key(a, part_a, x);
    thaw_likeness_key(b, part_b, y);
    thaw_likeness_mirror(y, turned);
    return cosine(x, mirrored ? turned : y);
}

/* Changes that a copy survives, and the parts that then look alike. */
static void test_copies(void)
{
    static const struct thaw_scene_view plain = {.width = 300, .height = 240};
    static const struct {
        struct thaw_scene_view view;
        bool cropped;
    } copies[] = {
        {{.width = 170, .height = 131}, false},
        {{.width = 300, .height = 240, .gain = 1.2F}, false},
        {{.width = 300, .height = 240, .gain = 0.5F, .noise = 4}, false},
        {{.width = 300, .height = 240, .deep = true}, false},
        {{.width = 300, .height = 240, .colour = true}, false},
        {{.width = 282, .height = 226, .margin = 0.03F}, true},
        {{.width = 200, .height = 180, .margin = 0.03F, .gain = 1.1F, .noise = 2}, true},
        {{.width = 290, .height = 230, .margin = 0.015F}, false},
    };
    uint8_t a[POINTS], b[POINTS];
    for (uint32_t scene = 0; scene < 20; scene++) {
        thumbnail(plain, scene, a);
        for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
            struct thaw_scene_view view = copies[i].view;
            for (int mirrored = 0; mirrored < 2; mirrored++) {
                view.mirrored = mirrored;
                thumbnail(view, scene, b);
                enum thaw_likeness_part part = copies[i].cropped ? inner : whole;
                CU_ASSERT_TRUE(compare(a, b, mirrored, part, whole) > 0.95F);
                CU_ASSERT_TRUE(compare(b, a, mirrored, whole, part) > 0.95F);
                CU_ASSERT_TRUE(key_cosine(a, b, part, whole, mirrored) > 0.9);
            }
        }
    }
}

static void test_strangers(void)
{
    uint8_t a[POINTS], b[POINTS];
    const struct thaw_scene_view view = {.width = 200, .height = 160};
    for (uint32_t scene = 0; scene < 60; scene += 2) {
        thumbnail(view, scene, a);
        thumbnail(view, scene + 1, b);
        for (int mirrored = 0; mirrored < 2; mirrored++) {
            CU_ASSERT_TRUE(compare(a, b, mirrored, whole, whole) < 0.85F);
            CU_ASSERT_TRUE(compare(a, b, mirrored, inner, whole) < 0.85F);
        }
    }
}

static void test_keys(void)
{
    uint8_t a[POINTS], b[POINTS];
    int8_t key[THAW_LIKENESS_KEY], of_mirrored[THAW_LIKENESS_KEY], mirrored[THAW_LIKENESS_KEY];
    const struct thaw_scene_view view = {.width = 96, .height = 96};
    thumbnail(view, 3, a);
    for (int y = 0; y < THAW_LIKENESS_SIDE; y++)
        for (int x = 0; x < THAW_LIKENESS_SIDE; x++)
            b[y * THAW_LIKENESS_SIDE + x] = a[y * THAW_LIKENESS_SIDE + THAW_LIKENESS_SIDE - 1 - x];
    for (int part = 0; part < THAW_LIKENESS_PARTS; part++) {
        thaw_likeness_key(a, (enum thaw_likeness_part)part, key);
        CU_ASSERT_TRUE(fabs(cosine(key, key) - 1) < 0.02);
        CU_ASSERT_EQUAL(key[0], 0);
        thaw_likeness_key(b, (enum thaw_likeness_part)part, of_mirrored);
        thaw_likeness_mirror(key, mirrored);
        for (int k = 0; k < THAW_LIKENESS_KEY; k++)
            CU_ASSERT_TRUE(abs(mirrored[k] - of_mirrored[k]) <= 1);
    }
    memset(a, 77, sizeof a);
    thaw_likeness_key(a, THAW_LIKENESS_WHOLE, key);
    CU_ASSERT_EQUAL(cosine(key, key), 0);
    CU_ASSERT_EQUAL(compare(a, b, false, whole, whole), 0);
}

static void test_blank(void)
{
    static uint8_t even[40 * 30];
    static uint16_t faint[40 * 30];
    struct thaw_pixels pixels = {
        .width = 40, .height = 30, .channels = 1, .depth = 8, .data = even};
    uint8_t grey[POINTS];
    bool blank = false;
    memset(even, 200, sizeof even);
    CU_ASSERT_EQUAL_FATAL(thaw_likeness_of(&pixels, grey, &blank, NULL), 0);
    CU_ASSERT_TRUE(blank);
    /* 16 bits of which few are used are no blank picture. */
    for (int i = 0; i < 40 * 30; i++)
        faint[i] = (uint16_t)(i % 40);
    pixels.depth = 16;
    pixels.data = faint;
    CU_ASSERT_EQUAL_FATAL(thaw_likeness_of(&pixels, grey, &blank, NULL), 0);
    CU_ASSERT_FALSE(blank);
    CU_ASSERT_EQUAL(grey[0], 0);
    CU_ASSERT_EQUAL(grey[POINTS - 1], 255);
}

/* The same scene as a file of any kind shows it: in Hounsfield units, dark and bright turned round,
 * through a window with more beyond its ends. */
static void test_depths(void)
{
    const struct thaw_scene_view view = {.width = 120, .height = 90};
    struct thaw_pixels narrow, wide = {.width = 120, .height = 90, .channels = 1, .depth = 32};
    static float real[120 * 90];
    uint8_t a[POINTS], b[POINTS];
    bool blank = true;
    for (uint32_t scene = 0; scene < 6; scene++)
        for (int kind = 0; kind < 4; kind++) {
            bool inverted = kind == 1;
            CU_ASSERT_EQUAL_FATAL(thaw_scene_paint(scene, &view, &narrow, NULL), 0);
            for (size_t i = 0; i < 120 * 90; i++) {
                float value = thaw_pixels_sample(&narrow, i);
                real[i] = inverted ? 400 - 8 * value : 8 * value - 1000;
            }
            wide.data = real;
            wide.inverted = inverted;
            wide.window[0] = kind == 2 ? -1000 : 0;
            wide.window[1] = kind == 2 ? 1040 : 0;
            if (kind == 2) /* metal, and what lies outside the tube */
                for (size_t i = 0; i < 120 * 4; i++)
                    real[i] = i % 2 ? 30000 : -30000;
            if (kind == 2)
                for (size_t i = 0; i < 120 * 4; i++)
                    ((uint8_t *)narrow.data)[i] = i % 2 ? 255 : 0;
            if (kind == 3)
                real[0] = 1e9F; /* a point alone shall not darken the rest */
            CU_ASSERT_EQUAL_FATAL(thaw_likeness_of(&narrow, a, &blank, NULL), 0);
            CU_ASSERT_EQUAL_FATAL(thaw_likeness_of(&wide, b, &blank, NULL), 0);
            CU_ASSERT_FALSE(blank);
            CU_ASSERT_TRUE(compare(a, b, false, whole, whole) > 0.97F);
            thaw_pixels_release(&narrow);
        }
}

void thaw_test_likeness(void)
{
    CU_pSuite s = thaw_suite("likeness");
    CU_add_test(s, "copies are alike", test_copies);
    CU_add_test(s, "different pictures are not", test_strangers);
    CU_add_test(s, "keys", test_keys);
    CU_add_test(s, "pictures without contrast", test_blank);
    CU_add_test(s, "float samples, windows, inverted pictures", test_depths);
}
