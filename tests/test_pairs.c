/* Files in, pairs and clusters out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/file.h"
#include "io/base/par.h"
#include "tests/check.h"
#include "tests/scene.h"
#include "vision/font.h"
#include "vision/marks.h"
#include "vision/pairs.h"
#include "vision/png_write.h"

enum { MOST = 24 };

static char paths[MOST][300];
static size_t n_paths;

static void put(uint32_t scene, struct thaw_scene_view view)
{
    struct thaw_pixels pixels;
    char name[40];
    view.colour = true;
    snprintf(name, sizeof name, "pair%zu.png", n_paths);
    snprintf(paths[n_paths], sizeof paths[0], "%s", thaw_tmp(name));
    CU_ASSERT_EQUAL_FATAL(thaw_scene_paint(scene, &view, &pixels, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(
        thaw_png_save(paths[n_paths++], pixels.data, pixels.width, pixels.height, NULL), 0);
    thaw_pixels_release(&pixels);
}

static void put_bytes(const void *data, size_t size)
{
    char name[40];
    snprintf(name, sizeof name, "pair%zu.png", n_paths);
    snprintf(paths[n_paths], sizeof paths[0], "%s", thaw_tmp(name));
    CU_ASSERT_EQUAL_FATAL(thaw_file_write(paths[n_paths++], data, size, NULL), 0);
}

static int look(struct thaw_survey *survey, const struct thaw_survey_options *options,
                struct thaw_error *err)
{
    const char *list[MOST];
    for (size_t i = 0; i < n_paths; i++)
        list[i] = paths[i];
    return thaw_survey_look(survey, list, n_paths, options, err);
}

/* 0: a; 1: a again; 2: a mirrored; 3: b; 4: a cropped; 5: no picture; 6, 7: blank; 8: c; 9: c
 * bright; 10: a small. */
static void put_all(void)
{
    static uint8_t even[90 * 70 * 3];
    const struct thaw_scene_view view = {.width = 160, .height = 130};
    struct thaw_scene_view mirrored = view, cropped = view, bright = view, small = view;
    mirrored.mirrored = true;
    cropped.margin = 0.03F;
    bright.gain = 1.15F;
    small.width = 100;
    small.height = 81;
    n_paths = 0;
    put(1, view);
    put(1, view);
    put(1, mirrored);
    put(2, view);
    put(1, cropped);
    put_bytes("no picture", 10);
    for (int i = 0; i < 2; i++) {
        snprintf(paths[n_paths], sizeof paths[0], "%s", thaw_tmp(i ? "even1.png" : "even0.png"));
        CU_ASSERT_EQUAL_FATAL(thaw_png_save(paths[n_paths++], even, i ? 70 : 90, i ? 90 : 70, NULL),
                              0);
    }
    put(3, view);
    put(3, bright);
    put(1, small);
}

static void test_pairs(void)
{
    static const size_t want_first[] = {0, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    static const size_t want_cluster[] = {0, 0, 0, 3, 0, 5, 6, 7, 8, 8, 0};
    static const char *const groups[] = {"p",  NULL, NULL, "q",  NULL, "q",
                                         NULL, "p",  NULL, NULL, NULL};
    static const size_t with_groups[] = {0, 0, 0, 3, 0, 3, 6, 0, 8, 8, 0};
    struct thaw_survey survey;
    struct thaw_pairs pairs, again;
    struct thaw_error err = {0};
    struct thaw_survey_options options = {0};
    size_t cluster[MOST];
    put_all();
    CU_ASSERT_EQUAL_FATAL(thaw_told(look(&survey, &options, &err), &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_pairs_find(&pairs, &survey, THAW_PAIRS_ALIKE, &err), &err),
                          0);
    CU_ASSERT_EQUAL(memcmp(pairs.first, want_first, sizeof want_first), 0);
    CU_ASSERT_EQUAL_FATAL(pairs.n_near, 7); /* six of 0, 2, 4, 10 and 8-9 */
    for (size_t i = 0; i < pairs.n_near; i++) {
        const struct thaw_pair *p = &pairs.near[i];
        CU_ASSERT_TRUE(p->a < p->b && p->alike >= THAW_PAIRS_ALIKE && p->alike < 1.001F);
        CU_ASSERT_EQUAL(p->mirrored, p->a == 2 || p->b == 2);
        CU_ASSERT_TRUE(i == 0 || p->a > p[-1].a || (p->a == p[-1].a && p->b > p[-1].b));
    }
    CU_ASSERT_EQUAL_FATAL(thaw_pairs_cluster(&pairs, NULL, cluster, &err), 0);
    CU_ASSERT_EQUAL(memcmp(cluster, want_cluster, sizeof want_cluster), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_pairs_cluster(&pairs, groups, cluster, &err), 0);
    CU_ASSERT_EQUAL(memcmp(cluster, with_groups, sizeof with_groups), 0);
    int before = thaw_par_threads();
    thaw_par_set_threads(before > 1 ? 1 : 3);
    CU_ASSERT_EQUAL_FATAL(thaw_pairs_find(&again, &survey, THAW_PAIRS_ALIKE, &err), 0);
    thaw_par_set_threads(before);
    CU_ASSERT_EQUAL_FATAL(again.n_near, pairs.n_near);
    for (size_t i = 0; i < pairs.n_near; i++)
        CU_ASSERT(again.near[i].a == pairs.near[i].a && again.near[i].b == pairs.near[i].b &&
                  again.near[i].alike == pairs.near[i].alike);
    thaw_pairs_release(&again);
    thaw_pairs_release(&pairs);
    thaw_survey_release(&survey);
}

static int stop(void *ctx, size_t done, size_t files)
{
    (void)files;
    *(size_t *)ctx = done;
    return done >= 3;
}

static void test_survey(void)
{
    struct thaw_survey survey;
    struct thaw_error err = {0};
    struct thaw_survey_options options = {0};
    size_t done = 0;
    put_all();
    CU_ASSERT_EQUAL_FATAL(thaw_told(look(&survey, &options, &err), &err), 0);
    const struct thaw_sight *s = survey.sights;
    CU_ASSERT(s[0].width == 160 && s[0].height == 130 && s[0].depth == 8 && s[0].bytes > 1000);
    CU_ASSERT_STRING_EQUAL(s[0].kind, "PNG");
    CU_ASSERT_EQUAL(s[0].colour, THAW_COLOUR_GREY_AS_RGB);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s[5].reason);
    CU_ASSERT_TRUE(strncmp(s[5].reason, "is not a picture", 16) == 0);
    CU_ASSERT(!s[0].blank && s[6].blank && s[7].blank);
    CU_ASSERT_EQUAL(s[6].marks.border, 1);
    thaw_survey_release(&survey);
    options = (struct thaw_survey_options){.progress = stop, .ctx = &done};
    CU_ASSERT_EQUAL(look(&survey, &options, &err), -1);
    CU_ASSERT_EQUAL(err.code, THAW_ESTOPPED);
    CU_ASSERT_TRUE(done >= 3 && done < n_paths);
}

/* --- marks --- */

static void write_text(struct thaw_pixels *p, const char *text, int x, int y, int scale)
{
    uint8_t *data = p->data;
    for (; *text; text++, x += (THAW_FONT_WIDTH + 1) * scale)
        for (int r = 0; r < THAW_FONT_HEIGHT * scale; r++)
            for (int c = 0; c < THAW_FONT_WIDTH * scale; c++)
                if (thaw_font[*text - THAW_FONT_FIRST][r / scale] >>
                        (THAW_FONT_WIDTH - 1 - c / scale) &
                    1)
                    data[(y + r) * p->width + x + c] = 255;
}

static void test_marks(void)
{
    const struct thaw_scene_view view = {.width = 400, .height = 300, .gain = 0.7F, .noise = 2};
    struct thaw_pixels p;
    struct thaw_marks none, some, framed;
    for (uint32_t scene = 0; scene < 10; scene++) {
        CU_ASSERT_EQUAL_FATAL(thaw_scene_paint(scene, &view, &p, NULL), 0);
        uint8_t *data = p.data;
        CU_ASSERT_EQUAL_FATAL(thaw_marks_find(&p, &none, NULL), 0);
        CU_ASSERT_TRUE(none.text < 0.001F);
        write_text(&p, "PORTABLE 12:45", 20, 20, 2);
        CU_ASSERT_EQUAL_FATAL(thaw_marks_find(&p, &some, NULL), 0);
        CU_ASSERT_TRUE(some.text > 0.005F && some.text < 0.1F);
        for (int y = 0; y < 300; y++)
            for (int x = 0; x < 400; x++)
                if (x < 40 || x >= 360 || y < 30)
                    data[y * 400 + x] = (uint8_t)(3 + (x + y) % 3);
        CU_ASSERT_EQUAL_FATAL(thaw_marks_find(&p, &framed, NULL), 0);
        CU_ASSERT_DOUBLE_EQUAL(framed.border, 1 - 0.8 * 0.9, 0.01);
        thaw_pixels_release(&p);
    }
}

/* The same text and border in Hounsfield units, also with dark and bright turned round. */
static void test_deep_marks(void)
{
    const struct thaw_scene_view view = {.width = 400, .height = 300, .gain = 0.7F, .noise = 2};
    static float real[400 * 300];
    struct thaw_pixels p, deep;
    struct thaw_marks want, marks;
    CU_ASSERT_EQUAL_FATAL(thaw_scene_paint(4, &view, &p, NULL), 0);
    uint8_t *data = p.data;
    for (int i = 0; i < 400 * 300; i++)
        if (i / 400 < 30)
            data[i] = 0;
    write_text(&p, "PORTABLE 12:45 L", 20, 100, 3);
    CU_ASSERT_EQUAL_FATAL(thaw_marks_find(&p, &want, NULL), 0);
    CU_ASSERT_TRUE(want.text > 0.005F && want.border > 0.09F);
    for (int inverted = 0; inverted < 2; inverted++) {
        for (size_t i = 0; i < 400 * 300; i++)
            real[i] = (inverted ? -1.0F : 1.0F) * (8 * (float)data[i] - 1000);
        deep = (struct thaw_pixels){.width = 400,
                                    .height = 300,
                                    .channels = 1,
                                    .depth = 32,
                                    .data = real,
                                    .inverted = inverted};
        CU_ASSERT_EQUAL_FATAL(thaw_marks_find(&deep, &marks, NULL), 0);
        CU_ASSERT_DOUBLE_EQUAL(marks.border, want.border, 0.01);
        CU_ASSERT_DOUBLE_EQUAL(marks.text, want.text, 0.01);
    }
    thaw_pixels_release(&p);
}

void thaw_test_pairs(void)
{
    CU_pSuite s = thaw_suite("pairs");
    CU_add_test(s, "copies of files are found and joined", test_pairs);
    CU_add_test(s, "what a survey keeps, and how it is stopped", test_survey);
    CU_add_test(s, "borders and burned-in text", test_marks);
    CU_add_test(s, "the same in deep pictures", test_deep_marks);
}
