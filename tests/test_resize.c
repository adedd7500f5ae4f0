/* Resizing against Pillow's BILINEAR on float pictures. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "tests/check.h"
#include "tests/pack.h"
#include "vision/resize.h"

/* out = the entry's input resized; depth 16 in the range 0..4095. */
static int resize_entry(const struct thaw_pack_entry *e, struct thaw_image *out,
                        struct thaw_error *err)
{
    const double *n = e->numbers;
    int width = (int)n[0], height = (int)n[1], channels = (int)n[2], depth = (int)n[3];
    struct thaw_box box = {(float)n[6], (float)n[7], (float)n[8], (float)n[9]};
    if (thaw_image_init(out, (int)n[4], (int)n[5], channels, err))
        return -1;
    if (depth == 32) {
        struct thaw_image in = {width, height, channels, NULL};
        in.data = (float *)(void *)e->a;
        return thaw_resize(&in, &box, out, err);
    }
    struct thaw_pixels in = {
        .width = width, .height = height, .channels = channels, .depth = depth, .data = e->a};
    return thaw_resize_pixels(&in, 0, depth == 16 ? 4095 : 255, &box, out, err);
}

static void test_reference(void)
{
    struct thaw_pack_entry e;
    int seen = 0;
    FILE *pack = fopen(thaw_ref("vision_resize.bin"), "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pack);
    for (; thaw_pack_next(pack, &e); thaw_pack_release(&e), seen++) {
        struct thaw_image out;
        struct thaw_error err = {0};
        double worst = 0;
        CU_ASSERT_EQUAL_FATAL(thaw_told(resize_entry(&e, &out, &err), &err), 0);
        size_t n = (size_t)out.width * (size_t)out.height * (size_t)out.channels;
        CU_ASSERT_EQUAL_FATAL(n * sizeof(float), e.b_size);
        for (size_t i = 0; i < n; i++) {
            float wanted;
            memcpy(&wanted, e.b + i * sizeof wanted, sizeof wanted);
            worst = fmax(worst, fabs((double)(out.data[i] - wanted)));
        }
        if (!(worst <= 0.001))
            printf("\n    %s: differs by %g", e.name, worst);
        CU_ASSERT_TRUE(worst <= 0.001);
        thaw_image_release(&out);
    }
    CU_ASSERT_TRUE(seen > 15);
    fclose(pack);
}

/* Every size keeps a flat picture flat: weights sum to one, and all of the result is filled. */
static void test_flat(void)
{
    struct thaw_image in, out;
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL_FATAL(thaw_image_init(&in, 23, 17, 1, &err), 0);
    for (int i = 0; i < 23 * 17; i++)
        in.data[i] = 77;
    for (int size = 1; size < 60; size++) {
        CU_ASSERT_EQUAL_FATAL(thaw_image_init(&out, size, 60 - size, 1, &err), 0);
        CU_ASSERT_EQUAL(thaw_resize(&in, NULL, &out, &err), 0);
        float worst = 0;
        for (int i = 0; i < size * (60 - size); i++)
            worst = fmaxf(worst, fabsf(out.data[i] - 77));
        CU_ASSERT_TRUE(worst < 1e-4f);
        thaw_image_release(&out);
    }
    thaw_image_release(&in);
}

static void test_range(void)
{
    uint16_t wide[4] = {50, 100, 200, 400};
    uint8_t narrow[4] = {50, 100, 150, 250};
    struct thaw_pixels in = {.width = 4, .height = 1, .channels = 1, .depth = 16, .data = wide};
    struct thaw_image out;
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL_FATAL(thaw_image_init(&out, 4, 1, 1, &err), 0);
    CU_ASSERT_EQUAL(thaw_resize_pixels(&in, 100, 300, NULL, &out, &err), 0);
    CU_ASSERT_TRUE(thaw_near(out.data, (float[]){0, 0, 127.5f, 255}, 4, 1e-6));
    in.depth = 8;
    in.data = narrow;
    CU_ASSERT_EQUAL(thaw_resize_pixels(&in, 100, 200, NULL, &out, &err), 0);
    CU_ASSERT_TRUE(thaw_near(out.data, (float[]){0, 0, 127.5f, 255}, 4, 1e-6));
    thaw_image_release(&out);
}

static void test_boxes(void)
{
    float data[6] = {1, 2, 3, 4, 5, 6};
    struct thaw_image in = {3, 2, 1, data}, out;
    struct thaw_error err = {0};
    struct thaw_box boxes[] = {
        {0, 0, 0, 1}, {0, 0, 1, -1}, {NAN, 0, 1, 1}, {0, 0, INFINITY, 1}, {0, 0, 9, 1}};
    CU_ASSERT_EQUAL_FATAL(thaw_image_init(&out, 2, 2, 1, &err), 0);
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
        CU_ASSERT_EQUAL(thaw_resize(&in, &boxes[i], &out, &err), -1);
        CU_ASSERT_TRUE(thaw_says(&err, "does not lie in a picture of 3 x 2", NULL));
    }
    /* Outside by rounding: the edge counts. */
    struct thaw_box beyond = {2.5f, 1.5f, 0.6f, 0.6f};
    CU_ASSERT_EQUAL(thaw_resize(&in, &beyond, &out, &err), 0);
    CU_ASSERT_TRUE(thaw_near(&out.data[3], (float[]){6}, 1, 1e-6));
    thaw_image_release(&out);
}

void thaw_test_resize(void)
{
    CU_pSuite s = thaw_suite("resize");
    CU_add_test(s, "equals Pillow's BILINEAR", test_reference);
    CU_add_test(s, "flat stays flat at every size", test_flat);
    CU_add_test(s, "samples are mapped and held in their range", test_range);
    CU_add_test(s, "parts of a picture", test_boxes);
}
