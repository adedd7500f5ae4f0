/* The compact form of prepared pictures: what is rounded, what is kept, and that nothing is lost.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/rng.h"
#include "tests/check.h"
#include "vision/compact.h"
#include "vision/preprocess.h"
#include "vision/resize.h"

enum { CASES = 40 };

static float *last_of(const struct thaw_image *image)
{
    return image->data + (size_t)image->width * (size_t)image->height * (size_t)image->channels - 1;
}

/* Values of 0..255, both ends among them; grey: equal in all channels. */
static struct thaw_image draw(int width, int height, int channels, bool grey, uint32_t number)
{
    struct thaw_rng rng = thaw_rng_at(3, 0, number, 1000);
    struct thaw_image image;
    CU_ASSERT_EQUAL_FATAL(thaw_image_init(&image, width, height, channels, NULL), 0);
    size_t n = (size_t)width * (size_t)height * (size_t)channels;
    for (size_t i = 0; i < n; i++)
        image.data[i] = grey && i % (size_t)channels
                            ? image.data[i - 1]
                            : (float)thaw_rng_below(&rng, 1U << 20) / (float)((1U << 20) - 1) * 255;
    if (!grey) {
        image.data[0] = 0;
        *last_of(&image) = 255;
    }
    return image;
}

static void test_round(void)
{
    struct thaw_image image = draw(67, 31, 3, false, 0), before = draw(67, 31, 3, false, 0);
    for (size_t i = 0; i <= 255; i++)
        image.data[i] = before.data[i] = (float)i; /* samples of 8 bits are steps already */
    thaw_compact_round(&image);
    for (const float *v = image.data, *b = before.data; v <= last_of(&image); v++, b++) {
        CU_ASSERT_EQUAL((double)*v * THAW_COMPACT_STEPS, round((double)*v * THAW_COMPACT_STEPS));
        CU_ASSERT_TRUE(fabs((double)*v - (double)*b) <= 0.5 / THAW_COMPACT_STEPS);
    }
    CU_ASSERT_EQUAL(memcmp(image.data, before.data, 256 * sizeof(float)), 0);
    CU_ASSERT_EQUAL(*last_of(&image), 255);
    thaw_image_release(&before);
    thaw_image_release(&image);
}

static void test_there_and_back(void)
{
    float spread[40 * 40 * 3];
    for (uint32_t i = 0; i < CASES; i++) {
        struct thaw_rng rng = thaw_rng_at(4, 0, i, 1000);
        int width = 1 + (int)thaw_rng_below(&rng, 40), height = 1 + (int)thaw_rng_below(&rng, 40);
        bool grey = i % 4 < 2;
        int channels = i % 4 == 1 ? 1 : 3;
        size_t cells = (size_t)width * (size_t)height, n = cells * (size_t)channels;
        struct thaw_image image = draw(width, height, channels, grey, i), back;
        CU_ASSERT_EQUAL_FATAL(thaw_image_init(&back, width, height, channels, NULL), 0);
        thaw_compact_round(&image);
        struct thaw_compact *kept = thaw_compact_create(&image, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
        CU_ASSERT_EQUAL(kept->channels, grey ? 1 : 3);
        CU_ASSERT_EQUAL(thaw_compact_bytes(&image),
                        sizeof *kept + cells * (grey ? 1 : 3) * sizeof *kept->values);
        thaw_compact_read(kept, &back);
        CU_ASSERT_EQUAL(back.channels, grey ? 1 : 3);
        thaw_image_spread(&back, channels, spread);
        CU_ASSERT_EQUAL(memcmp(image.data, spread, n * sizeof(float)), 0);
        thaw_image_drop_equal(&image);
        CU_ASSERT_EQUAL_FATAL(image.channels, back.channels);
        n = cells * (size_t)back.channels;
        CU_ASSERT_EQUAL(memcmp(image.data, back.data, n * sizeof(float)), 0);
        free(kept);
        thaw_image_release(&back);
        thaw_image_release(&image);
    }
}

/* One step in one channel of the last pixel is colour. */
static void test_nearly_grey(void)
{
    for (int channel = 0; channel < 3; channel++) {
        struct thaw_image image = draw(9, 7, 3, true, 1), back = draw(9, 7, 3, false, 2);
        thaw_compact_round(&image);
        image.data[(9 * 7 - 1) * 3 + channel] += 1.0F / THAW_COMPACT_STEPS;
        struct thaw_compact *kept = thaw_compact_create(&image, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
        CU_ASSERT_EQUAL(kept->channels, 3);
        thaw_compact_read(kept, &back);
        CU_ASSERT_EQUAL(memcmp(image.data, back.data, sizeof(float[9 * 7 * 3])), 0);
        free(kept);
        thaw_image_release(&back);
        thaw_image_release(&image);
    }
}

/* What preparation makes of a scan consists of steps, and lies by that much beside the resized
 * picture. */
static void test_prepared(void)
{
    enum { WIDTH = 37, HEIGHT = 29, SIDE = 16 };
    uint16_t samples[WIDTH * HEIGHT * 3];
    struct thaw_rng rng = thaw_rng_at(5, 0, 0, 1000);
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        samples[i] = (uint16_t)thaw_rng_u32(&rng);
    for (int i = 0; i < 12; i++) {
        struct thaw_pixels pixels = {.width = WIDTH,
                                     .height = HEIGHT,
                                     .channels = i % 2 ? 3 : 1,
                                     .depth = i / 2 % 2 ? 16 : 8,
                                     .data = samples};
        struct thaw_preprocess p;
        struct thaw_image image, exact;
        CU_ASSERT_EQUAL(thaw_preprocess_init(&p, "tf", SIDE, SIDE, NULL), 0);
        p.channels = pixels.channels;
        p.fit = i / 4;
        p.fill = 127.5F;
        thaw_preprocess_fit_range(&p, 4095);
        CU_ASSERT_EQUAL_FATAL(thaw_preprocess_geometry(&p, &pixels, &image, NULL), 0);
        for (const float *v = image.data; v <= last_of(&image); v++)
            CU_ASSERT_EQUAL((double)*v * THAW_COMPACT_STEPS,
                            round((double)*v * THAW_COMPACT_STEPS));
        CU_ASSERT_EQUAL_FATAL(thaw_image_init(&exact, SIDE, SIDE, p.channels, NULL), 0);
        float hi = pixels.depth == 16 ? p.range[1] : 255;
        CU_ASSERT_EQUAL(thaw_resize_pixels(&pixels, 0, hi, NULL, &exact, NULL), 0);
        for (const float *v = image.data, *e = exact.data;
             p.fit == THAW_FIT_STRETCH && v <= last_of(&image); v++, e++)
            CU_ASSERT_TRUE(fabs((double)*v - (double)*e) <= 0.5 / THAW_COMPACT_STEPS + 1e-5);
        thaw_image_release(&exact);
        thaw_image_release(&image);
    }
}

void thaw_test_compact(void)
{
    CU_pSuite s = thaw_suite("compact");
    CU_add_test(s, "values become the nearest step", test_round);
    CU_add_test(s, "there and back: the same bits, grey in a third", test_there_and_back);
    CU_add_test(s, "a trace of colour is colour", test_nearly_grey);
    CU_add_test(s, "prepared scans consist of steps", test_prepared);
}
