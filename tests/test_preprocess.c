/* The preprocessing record: its arithmetic, its JSON, what it refuses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/file.h"
#include "tests/check.h"
#include "tests/pack.h"
#include "vision/compact.h"
#include "vision/preprocess.h"

static void test_modes(void)
{
    uint8_t rgb[3] = {10, 100, 250};
    struct thaw_pixels pixels = {.width = 1, .height = 1, .channels = 3, .depth = 8, .data = rgb};
    static const struct {
        const char *mode;
        float want[3];
    } cases[] = {
        {"tf", {10 / 127.5f - 1, 100 / 127.5f - 1, 250 / 127.5f - 1}},
        {"caffe", {250 - 103.939f, 100 - 116.779f, 10 - 123.68f}},
        {"torch",
         {(10 / 255.f - 0.485f) / 0.229f, (100 / 255.f - 0.456f) / 0.224f,
          (250 / 255.f - 0.406f) / 0.225f}},
        {"lite", {(10 - 127) / 128.f, (100 - 127) / 128.f, (250 - 127) / 128.f}},
        {"01", {10 / 255.f, 100 / 255.f, 250 / 255.f}},
        {"none", {10, 100, 250}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct thaw_preprocess p;
        struct thaw_error err = {0};
        float out[3];
        CU_ASSERT_EQUAL(thaw_told(thaw_preprocess_init(&p, cases[i].mode, 1, 1, &err), &err), 0);
        CU_ASSERT_EQUAL(thaw_told(thaw_preprocess_apply(&p, &pixels, out, &err), &err), 0);
        CU_ASSERT_TRUE(thaw_near(out, cases[i].want, 3, 1e-6));
    }
}

static void test_channels(void)
{
    uint8_t rgb[3] = {10, 100, 250}, grey[1] = {80};
    struct thaw_pixels colour = {.width = 1, .height = 1, .channels = 3, .depth = 8, .data = rgb},
                       plain = {.width = 1, .height = 1, .channels = 1, .depth = 8, .data = grey};
    struct thaw_preprocess p;
    struct thaw_error err = {0};
    float out[3];
    CU_ASSERT_EQUAL(thaw_preprocess_init(&p, "none", 1, 1, &err), 0);
    CU_ASSERT_EQUAL(thaw_preprocess_apply(&p, &plain, out, &err), 0);
    CU_ASSERT_TRUE(thaw_near(out, (float[]){80, 80, 80}, 3, 1e-6));
    p.channels = 1;
    CU_ASSERT_EQUAL(thaw_preprocess_apply(&p, &colour, out, &err), 0);
    CU_ASSERT_TRUE(thaw_near(out, (float[]){10 * .299f + 100 * .587f + 250 * .114f}, 1,
                             0.5 / THAW_COMPACT_STEPS / 90));
    CU_ASSERT_EQUAL(thaw_preprocess_init(&p, "caffe", 1, 1, &err), 0);
    p.channels = 1;
    CU_ASSERT_EQUAL(thaw_preprocess_check(&p, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "caffe", "network has 1", NULL));
}

/* A scan of 4 x 2, left half 40, right half 200. */
static void test_fits(void)
{
    uint8_t data[8] = {40, 40, 200, 200, 40, 40, 200, 200};
    struct thaw_pixels wide = {.width = 4, .height = 2, .channels = 1, .depth = 8, .data = data};
    struct thaw_preprocess p;
    struct thaw_error err = {0};
    float out[16];
    CU_ASSERT_EQUAL(thaw_preprocess_init(&p, "none", 2, 2, &err), 0);
    p.channels = 1;
    p.fit = THAW_FIT_CROP;
    CU_ASSERT_EQUAL(thaw_told(thaw_preprocess_apply(&p, &wide, out, &err), &err), 0);
    CU_ASSERT_TRUE(thaw_near(out, (float[]){40, 200, 40, 200}, 4, 1e-6));
    p.height = p.width = 4;
    p.fit = THAW_FIT_LETTERBOX;
    p.fill = 7;
    CU_ASSERT_EQUAL(thaw_told(thaw_preprocess_apply(&p, &wide, out, &err), &err), 0);
    CU_ASSERT_TRUE(thaw_near(
        out, (float[]){7, 7, 7, 7, 40, 40, 200, 200, 40, 40, 200, 200, 7, 7, 7, 7}, 16, 1e-6));
    struct thaw_pixels line = {.width = 8, .height = 1, .channels = 1, .depth = 8, .data = data};
    p.height = p.width = 2;
    CU_ASSERT_EQUAL(thaw_told(thaw_preprocess_apply(&p, &line, out, &err), &err), 0);
    CU_ASSERT_TRUE(thaw_near(&out[2], (float[]){7, 7}, 2, 1e-6));
    CU_ASSERT_TRUE(out[0] > 7 && out[1] > 7);
}

static void test_range(void)
{
    uint16_t data[4] = {0, 1365, 4095, 65535};
    struct thaw_pixels scan = {.width = 4, .height = 1, .channels = 1, .depth = 16, .data = data};
    struct thaw_preprocess p;
    struct thaw_error err = {0};
    float out[4];
    CU_ASSERT_EQUAL(thaw_preprocess_init(&p, "none", 1, 4, &err), 0);
    p.channels = 1;
    thaw_preprocess_fit_range(&p, 3000);
    CU_ASSERT_EQUAL((int)p.range[1], 4095);
    CU_ASSERT_EQUAL(thaw_preprocess_apply(&p, &scan, out, &err), 0);
    CU_ASSERT_TRUE(thaw_near(out, (float[]){0, 85, 255, 255}, 4, 1e-6));
    static const int tops[][2] = {{0, 255},     {255, 255},     {256, 511},     {4095, 4095},
                                  {4096, 8191}, {65535, 65535}, {100000, 65535}};
    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++) {
        thaw_preprocess_fit_range(&p, tops[i][0]);
        CU_ASSERT_EQUAL((int)p.range[1], tops[i][1]);
    }
}

static void test_affine(void)
{
    uint8_t rgb[3] = {10, 100, 250};
    struct thaw_pixels pixels = {.width = 1, .height = 1, .channels = 3, .depth = 8, .data = rgb};
    for (int mode = 0; thaw_preprocess_modes[mode].name; mode++) {
        struct thaw_preprocess p;
        struct thaw_error err = {0};
        float out[3], scale[3], offset[3], want[3];
        bool bgr;
        CU_ASSERT_EQUAL(thaw_preprocess_init(&p, thaw_preprocess_modes[mode].name, 1, 1, &err), 0);
        thaw_preprocess_affine(&p, scale, offset, &bgr);
        for (int c = 0; c < 3; c++)
            want[c] = (float)rgb[bgr ? 2 - c : c] * scale[c] + offset[c];
        CU_ASSERT_EQUAL(thaw_preprocess_apply(&p, &pixels, out, &err), 0);
        CU_ASSERT_TRUE(thaw_near(out, want, 3, 0));
    }
}

static void test_json(void)
{
    struct thaw_preprocess p, q;
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL(thaw_preprocess_init(&p, "custom", 192, 160, &err), 0);
    p.fit = THAW_FIT_LETTERBOX;
    p.fill = 12.5f;
    p.channels = 1;
    p.scaled_decode = false;
    p.range[0] = 100;
    p.range[1] = 1123;
    for (int c = 0; c < 3; c++) {
        p.mean[c] = 0.1f * (float)(c + 1);
        p.std[c] = 3.7f + (float)c;
    }
    json_t *object = thaw_preprocess_write(&p, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(object);
    CU_ASSERT_EQUAL(thaw_told(thaw_preprocess_read(&q, object, &err), &err), 0);
    json_decref(object);
    CU_ASSERT_TRUE(q.height == 192 && q.width == 160 && q.channels == 1 && q.fit == p.fit &&
                   q.mode == p.mode && q.fill == p.fill && !q.scaled_decode);
    CU_ASSERT_EQUAL(memcmp(p.mean, q.mean, sizeof p.mean), 0);
    CU_ASSERT_EQUAL(memcmp(p.std, q.std, sizeof p.std), 0);
    CU_ASSERT_EQUAL(memcmp(p.range, q.range, sizeof p.range), 0);
    char *text = thaw_preprocess_text(&q, &err);
    CU_ASSERT_STRING_EQUAL(text, "192x160 grey, letterbox on 12.5, (x-0.1)/3.7 (custom), 16-bit "
                                 "samples 100..1123 as 0..255, JPEG decoded in full");
    free(text);
}

static void test_presets(void)
{
    static const char text[] = "{\"height\": 224, \"width\": 200, \"mode\": \"tf\"}";
    struct thaw_preprocess p;
    struct thaw_error err = {0};
    json_t *object = thaw_json_parse(text, strlen(text), "test", &err);
    CU_ASSERT_EQUAL(thaw_told(thaw_preprocess_read(&p, object, &err), &err), 0);
    json_decref(object);
    CU_ASSERT_TRUE(p.channels == 3 && p.fit == THAW_FIT_STRETCH && p.scaled_decode &&
                   p.range[0] == 0 && p.range[1] == 65535 && p.fill == 0);
    struct thaw_decode_hint hint = thaw_preprocess_hint(&p);
    CU_ASSERT_TRUE(hint.min_width == 400 && hint.min_height == 448);
    char *line = thaw_preprocess_text(&p, &err);
    CU_ASSERT_STRING_EQUAL(
        line, "224x200 RGB, stretch, x/127.5-1 (tf), 16-bit samples 0..65535 as 0..255");
    free(line);
}

static void test_refused(void)
{
    static const char *const cases[][2] = {
        {"{\"height\": 224, \"width\": 224, \"mode\": \"vgg\"}",
         "unknown preprocessing mode 'vgg'"},
        {"{\"height\": 224, \"width\": 224, \"mode\": 3}", "mode"},
        {"{\"height\": 224, \"width\": 224}", "mode"},
        {"{\"width\": 224, \"mode\": \"tf\"}", "height"},
        {"{\"height\": 0, \"width\": 224, \"mode\": \"tf\"}", "each side must be 1 to"},
        {"{\"height\": 9, \"width\": 9, \"mode\": \"tf\", \"fit\": \"squash\"}", "squash"},
        {"{\"height\": 9, \"width\": 9, \"mode\": \"tf\", \"channels\": 4}", "4 channels"},
        {"{\"height\": 9, \"width\": 9, \"mode\": \"tf\", \"range\": [5, 5]}", "range 5..5"},
        {"{\"height\": 9, \"width\": 9, \"mode\": \"tf\", \"range\": [5]}", "list of 2 numbers"},
        {"{\"height\": 9, \"width\": 9, \"mode\": \"tf\", \"fill\": 256}", "fill 256"},
        {"{\"height\": 9, \"width\": 9, \"mode\": \"custom\"}", "std"},
        {"{\"height\": 9, \"width\": 9, \"mode\": \"custom\", \"std\": [1, \"a\", 1]}", "numbers"},
        {"{\"height\": 9, \"width\": 9, \"mode\": \"tf\", \"colour\": 1}", "colour"},
        {"[1]", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct thaw_preprocess p;
        struct thaw_error err = {0};
        json_t *object = thaw_json_parse(cases[i][0], strlen(cases[i][0]), "test", &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(object);
        CU_ASSERT_EQUAL(thaw_preprocess_read(&p, object, &err), -1);
        CU_ASSERT_TRUE(thaw_says(&err, cases[i][1], NULL));
        json_decref(object);
    }
}

/* A JPEG several times the target is decoded smaller, when the record says so. */
static void test_file(void)
{
    struct thaw_pack_entry e;
    FILE *pack = fopen(thaw_ref("vision_pictures.bin"), "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pack);
    while (thaw_pack_next(pack, &e) && strcmp(e.name, "jpeg_444_least2x1") != 0)
        thaw_pack_release(&e);
    fclose(pack);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e.a);
    const char *path = thaw_tmp("large.jpg");
    struct thaw_preprocess p;
    struct thaw_error err = {0};
    float scaled[8 * 8 * 3], full[8 * 8 * 3];
    CU_ASSERT_EQUAL(thaw_told(thaw_file_write(path, e.a, e.a_size, &err), &err), 0);
    thaw_pack_release(&e);
    CU_ASSERT_EQUAL(thaw_preprocess_init(&p, "01", 8, 8, &err), 0);
    CU_ASSERT_EQUAL(thaw_told(thaw_preprocess_file(&p, path, scaled, &err), &err), 0);
    p.scaled_decode = false;
    CU_ASSERT_EQUAL(thaw_told(thaw_preprocess_file(&p, path, full, &err), &err), 0);
    for (int way = 0; way < 2; way++) {
        struct thaw_decode_hint hint = {.min_width = 16, .min_height = 16};
        struct thaw_pixels pixels;
        float out[8 * 8 * 3];
        CU_ASSERT_EQUAL(thaw_pixels_load(&pixels, path, way ? NULL : &hint, &err), 0);
        CU_ASSERT_EQUAL(pixels.width, way ? 67 : 34);
        CU_ASSERT_EQUAL(thaw_preprocess_apply(&p, &pixels, out, &err), 0);
        CU_ASSERT_EQUAL(memcmp(out, way ? full : scaled, sizeof out), 0);
        thaw_pixels_release(&pixels);
    }
    CU_ASSERT_EQUAL(thaw_preprocess_file(&p, thaw_tmp("none.jpg"), full, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "none.jpg", NULL));
}

void thaw_test_preprocess(void)
{
    CU_pSuite s = thaw_suite("preprocess");
    CU_add_test(s, "modes follow their formulas", test_modes);
    CU_add_test(s, "grey to colours and colours to grey", test_channels);
    CU_add_test(s, "crop and letterbox", test_fits);
    CU_add_test(s, "range of 16-bit scans", test_range);
    CU_add_test(s, "affine form equals the execution", test_affine);
    CU_add_test(s, "JSON there and back", test_json);
    CU_add_test(s, "presets of a short record", test_presets);
    CU_add_test(s, "wrong records are refused by name", test_refused);
    CU_add_test(s, "from a file, decoded smaller", test_file);
}
