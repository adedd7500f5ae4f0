/* Which samples become 0 and 255: percentiles, windows, inverted pictures, and how a record says
 * it. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "tests/check.h"
#include "vision/intensity.h"
#include "vision/preprocess.h"
#include "vision/probe.h"

enum { N = 200 };

/* Samples 0 .. 199 of one depth, scaled and moved for floats, in a mixed order. */
struct picture {
    uint8_t narrow[N];
    uint16_t wide[N];
    float real[N];
    struct thaw_pixels pixels;
};

static struct thaw_pixels *make(struct picture *p, int depth, float scale, float offset)
{
    for (int i = 0; i < N; i++) {
        int value = i * 77 % N;
        p->narrow[i] = (uint8_t)value;
        p->wide[i] = (uint16_t)(value * 300);
        p->real[i] = (float)value * scale + offset;
    }
    p->pixels = (struct thaw_pixels){.width = 20,
                                     .height = 10,
                                     .channels = 1,
                                     .depth = depth,
                                     .data = depth == 8    ? (void *)p->narrow
                                             : depth == 16 ? (void *)p->wide
                                                           : (void *)p->real};
    return &p->pixels;
}

static void check_ends(const struct thaw_pixels *p, float lo, float hi, float first, float last)
{
    struct thaw_error err = {0};
    float ends[2];
    CU_ASSERT_EQUAL(thaw_intensity_percentiles(p, (float[]){lo, hi}, ends, &err), 0);
    CU_ASSERT_EQUAL(ends[0], first);
    CU_ASSERT_EQUAL(ends[1], last);
}

/* The smallest sample with that share at or below it. */
static void test_percentiles(void)
{
    struct picture p;
    check_ends(make(&p, 8, 1, 0), 0, 100, 0, 199);
    check_ends(make(&p, 8, 1, 0), 1, 99, 1, 197);
    check_ends(make(&p, 8, 1, 0), 0.4f, 50, 0, 99);
    check_ends(make(&p, 16, 1, 0), 0, 100, 0, 59700);
    check_ends(make(&p, 16, 1, 0), 25, 75, 49 * 300, 149 * 300);
    check_ends(make(&p, 32, 0.5f, -60), 0, 100, -60, 39.5f);
    check_ends(make(&p, 32, 0.5f, -60), 1, 99, -59.5f, 38.5f);
    check_ends(make(&p, 32, -0.25f, 0), 1, 99, -49.5f, -0.5f);
    check_ends(make(&p, 32, 1e30f, 0), 50, 75, 99 * 1e30f, 149 * 1e30f);
    make(&p, 32, 1, 0);
    p.real[3] = INFINITY;
    p.real[4] = -INFINITY; /* 3 * 77 and 4 * 77 gave 31 and 108 */
    check_ends(&p.pixels, 0, 100, 0, 199);
    for (int i = 0; i < N; i++)
        p.real[i] = INFINITY;
    check_ends(&p.pixels, 0, 100, 0, 0);
}

static void check_limits(const struct thaw_preprocess *p, const struct thaw_pixels *pixels,
                         float lo, float hi)
{
    struct thaw_error err = {0};
    float limits[2];
    CU_ASSERT_EQUAL(thaw_preprocess_limits(p, pixels, limits, &err), 0);
    if (limits[0] != lo || limits[1] != hi)
        printf("\n    limits %g and %g, not %g and %g", (double)limits[0], (double)limits[1],
               (double)lo, (double)hi);
    CU_ASSERT_TRUE(limits[0] == lo && limits[1] == hi);
}

static void test_limits(void)
{
    struct picture picture;
    struct thaw_preprocess p;
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL(thaw_preprocess_init(&p, "none", 10, 20, &err), 0);
    p.range[0] = -50;
    p.range[1] = 150;
    struct thaw_pixels *pixels = make(&picture, 8, 1, 0);
    check_limits(&p, pixels, 0, 255);
    pixels->inverted = true;
    check_limits(&p, pixels, 255, 0);
    check_limits(&p, make(&picture, 16, 1, 0), -50, 150);
    pixels = make(&picture, 32, 1, 0);
    pixels->inverted = true;
    check_limits(&p, pixels, 150, -50);

    p.intensity = THAW_INTENSITY_PERCENTILE;
    check_limits(&p, make(&picture, 8, 1, 0), 1, 197);
    check_limits(&p, make(&picture, 32, 2, 7), 9, 401);
    check_limits(&p, make(&picture, 32, 0, 7), 7, 14); /* an even picture is black */
    check_limits(&p, make(&picture, 32, 0, 0), 0, 1);

    p.intensity = THAW_INTENSITY_WINDOW;
    check_limits(&p, make(&picture, 32, 1, 0), -50, 150);
    check_limits(&p, make(&picture, 8, 1, 0), 0, 255);
    pixels = make(&picture, 8, 1, 0);
    pixels->window[0] = 20;
    pixels->window[1] = 60;
    check_limits(&p, pixels, 20, 60);
    pixels->inverted = true;
    check_limits(&p, pixels, 60, 20);
    CU_ASSERT_TRUE(thaw_preprocess_hint(&p).shown);
}

/* All the way to the picture: what lies outside is held, inverted pictures end the other way round.
 */
static void test_pictures(void)
{
    float samples[4] = {-1000, 40, 140, 3000};
    struct thaw_pixels scan = {
        .width = 4, .height = 1, .channels = 1, .depth = 32, .data = samples};
    struct thaw_preprocess p;
    struct thaw_error err = {0};
    float out[4];
    CU_ASSERT_EQUAL(thaw_preprocess_init(&p, "none", 1, 4, &err), 0);
    p.channels = 1;
    p.range[0] = -160;
    p.range[1] = 240;
    CU_ASSERT_EQUAL(thaw_told(thaw_preprocess_apply(&p, &scan, out, &err), &err), 0);
    CU_ASSERT_TRUE(thaw_near(out, (float[]){0, 127.5f, 191.25f, 255}, 4, 1e-6));
    scan.inverted = true;
    CU_ASSERT_EQUAL(thaw_told(thaw_preprocess_apply(&p, &scan, out, &err), &err), 0);
    CU_ASSERT_TRUE(thaw_near(out, (float[]){255, 127.5f, 63.75f, 0}, 4, 1e-6));
    /* Far from 0 and near each other. */
    float narrow[4] = {1e6f, 1e6f + 1, 1e6f + 2, 1e6f + 4};
    scan =
        (struct thaw_pixels){.width = 4, .height = 1, .channels = 1, .depth = 32, .data = narrow};
    p.intensity = THAW_INTENSITY_PERCENTILE;
    p.percentiles[0] = 0;
    p.percentiles[1] = 100;
    CU_ASSERT_EQUAL(thaw_told(thaw_preprocess_apply(&p, &scan, out, &err), &err), 0);
    CU_ASSERT_TRUE(thaw_near(out, (float[]){0, 63.75f, 127.5f, 255}, 4, 1e-6));
    uint8_t bytes[4] = {0, 51, 102, 255};
    scan = (struct thaw_pixels){
        .width = 4, .height = 1, .channels = 1, .depth = 8, .data = bytes, .inverted = true};
    p.intensity = THAW_INTENSITY_RANGE;
    CU_ASSERT_EQUAL(thaw_told(thaw_preprocess_apply(&p, &scan, out, &err), &err), 0);
    CU_ASSERT_TRUE(thaw_near(out, (float[]){255, 204, 153, 0}, 4, 1e-6));
}

static int read_record(struct thaw_preprocess *p, const char *text, struct thaw_error *err)
{
    json_t *object = json_loads(text, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(object);
    int rc = thaw_preprocess_read(p, object, err);
    json_decref(object);
    return rc;
}

static void test_record(void)
{
    struct thaw_preprocess p, q;
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL(thaw_preprocess_init(&p, "tf", 64, 96, &err), 0);
    p.intensity = THAW_INTENSITY_PERCENTILE;
    p.percentiles[0] = 0.5f;
    p.range[0] = -1024;
    p.frame = 7;
    json_t *object = thaw_preprocess_write(&p, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(object);
    CU_ASSERT_EQUAL(thaw_told(thaw_preprocess_read(&q, object, &err), &err), 0);
    CU_ASSERT_EQUAL(q.intensity, THAW_INTENSITY_PERCENTILE);
    CU_ASSERT_TRUE(q.percentiles[0] == 0.5f && q.percentiles[1] == 99 && q.range[0] == -1024);
    CU_ASSERT_EQUAL(q.frame, 7);
    json_decref(object);
    /* A record of before. */
    CU_ASSERT_EQUAL(read_record(&q, "{\"height\": 9, \"width\": 9, \"mode\": \"tf\"}", &err), 0);
    CU_ASSERT_TRUE(q.intensity == THAW_INTENSITY_RANGE && q.frame == 0);
    CU_ASSERT_TRUE(q.percentiles[0] == 1 && q.percentiles[1] == 99);
    static const char *const bad[][2] = {{"\"intensity\": \"loud\"", "window"},
                                         {"\"percentiles\": [5, 4]", "percentiles 5 and 4"},
                                         {"\"percentiles\": [5, 101]", "in 0..100"},
                                         {"\"frame\": -1", "frame -1"},
                                         {"\"range\": [7, 7]", "must rise"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[160];
        snprintf(text, sizeof text, "{\"height\": 9, \"width\": 9, \"mode\": \"tf\", %s}",
                 bad[i][0]);
        CU_ASSERT_EQUAL(read_record(&q, text, &err), -1);
        CU_ASSERT_TRUE(thaw_says(&err, bad[i][1], NULL));
    }
}

static void test_sum_up(void)
{
    struct thaw_probe_samples samples[] = {
        {.deep = true, .real = true, .window = true, .ends = {-5, 900}, .inner = {1, 40}},
        {.window = true},
        {.deep = true, .ends = {0, 4000}, .inner = {3, 20}},
        {.deep = true, .ends = {2, 700}, .inner = {2, 90}}};
    struct thaw_probe probe = {.samples = samples};
    struct thaw_probe_summary sum;
    struct thaw_error err = {0};
    size_t all[] = {0, 1, 2, 3}, some[] = {1, 2};
    CU_ASSERT_EQUAL(thaw_probe_sum_up(&probe, all, 4, &sum, &err), 0);
    CU_ASSERT_TRUE(sum.deep == 3 && sum.windows == 2 && sum.real);
    CU_ASSERT_TRUE(sum.ends[0] == -5 && sum.ends[1] == 4000);
    CU_ASSERT_TRUE(sum.inner[0] == 2 && sum.inner[1] == 40);
    CU_ASSERT_EQUAL(thaw_probe_sum_up(&probe, some, 2, &sum, &err), 0);
    CU_ASSERT_TRUE(sum.deep == 1 && sum.windows == 1 && !sum.real && sum.ends[1] == 4000);
    CU_ASSERT_EQUAL(thaw_probe_sum_up(&probe, NULL, 0, &sum, &err), 0);
    CU_ASSERT_EQUAL(sum.deep, 0);
}

void thaw_test_intensity(void)
{
    CU_pSuite s = thaw_suite("intensity");
    CU_add_test(s, "percentiles of every depth", test_percentiles);
    CU_add_test(s, "limits by range, percentile and window", test_limits);
    CU_add_test(s, "pictures from deep and inverted samples", test_pictures);
    CU_add_test(s, "the record, also an old one", test_record);
    CU_add_test(s, "what images say together", test_sum_up);
}
