/* Augmentations: identities, ranges, the text form, and that they depend on nothing but their
 * stream. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "vision/augment.h"

enum { WIDTH = 21, HEIGHT = 16 };

struct pair {
    struct thaw_image image, scratch;
};

static size_t values(const struct thaw_image *image)
{
    return (size_t)image->width * (size_t)image->height * (size_t)image->channels;
}

static void draw(struct pair *p, int channels)
{
    CU_ASSERT_EQUAL_FATAL(thaw_image_init(&p->image, WIDTH, HEIGHT, channels, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_image_init(&p->scratch, WIDTH, HEIGHT, channels, NULL), 0);
    struct thaw_rng rng = thaw_rng_at(5, 0, (uint32_t)channels, 1000);
    for (size_t i = 0; i < values(&p->image); i++)
        p->image.data[i] = thaw_rng_uniform(&rng, 0, 255);
}

static void release(struct pair *p)
{
    thaw_image_release(&p->image);
    thaw_image_release(&p->scratch);
}

static void apply(const char *text, struct pair *p, uint32_t epoch, uint32_t index)
{
    struct thaw_augment augment;
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_augment_parse(&augment, text, &err), &err), 0);
    thaw_augment_apply(&augment, &p->image, &p->scratch, 3, epoch, index);
    thaw_augment_release(&augment);
}

/* Largest difference after `text` from the picture before it. */
static double change(const char *text, uint32_t index)
{
    struct pair before, after;
    double most = 0;
    draw(&before, 3);
    draw(&after, 3);
    apply(text, &after, 0, index);
    for (size_t i = 0; i < values(&before.image); i++)
        most = fmax(most, fabs((double)(before.image.data[i] - after.image.data[i])));
    release(&before);
    release(&after);
    return most;
}

static void test_identities(void)
{
    const char *nothing[] = {"none",
                             "flip:h=0,v=0",
                             "rotate:deg=0",
                             "shift:x=0,y=0",
                             "zoom:amount=0",
                             "shear:deg=0",
                             "blur:sigma=0",
                             "brightness:amount=0",
                             "noise:std=0,p=1",
                             "erase:p=0",
                             "crop:scale=1,ratio=1",
                             "flip:h=1,flip:h=1",
                             "flip:h=0,v=1,flip:h=0,v=1",
                             "flip:h=1,noise:p=0,flip:h=1"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
        CU_ASSERT_EQUAL(change(nothing[i], 4), 0);
    CU_ASSERT_TRUE(change("contrast:amount=0", 0) < 1e-3);
    CU_ASSERT_TRUE(change("gamma:amount=0", 0) < 1e-3);
}

static void test_every_operation(void)
{
    struct pair p;
    for (const struct thaw_augmentation *const *a = thaw_augmentations; *a; a++)
        for (int channels = 1; channels <= 3; channels += 2) {
            int changed = 0;
            for (uint32_t index = 0; index < 12; index++) {
                draw(&p, channels);
                apply((*a)->name, &p, 1, index);
                for (size_t i = 0; i < values(&p.image); i++)
                    CU_ASSERT_TRUE_FATAL(p.image.data[i] >= 0 && p.image.data[i] <= 255);
                release(&p);
                changed += change((*a)->name, index) > 0.5;
            }
            if (!changed)
                printf("\n    %s: never changes anything", (*a)->name);
            CU_ASSERT_TRUE(changed > 0);
            CU_ASSERT_TRUE(((*a)->map != NULL) != ((*a)->apply != NULL));
        }
}

/* Each field at both ends of its range leaves a picture of finite values within 0..255. */
static void test_extremes(void)
{
    struct pair p;
    char text[128];
    for (const struct thaw_augmentation *const *a = thaw_augmentations; *a; a++)
        for (const struct thaw_field *f = (*a)->fields; f->key; f++)
            for (int end = 0; end < 2; end++)
                for (uint32_t index = 0; index < 8; index++) {
                    snprintf(text, sizeof text, "%s:%s=%g", (*a)->name, f->key,
                             end ? f->max : f->min);
                    draw(&p, 3);
                    apply(text, &p, 1, index);
                    for (size_t i = 0; i < values(&p.image); i++)
                        CU_ASSERT_TRUE_FATAL(p.image.data[i] >= 0 && p.image.data[i] <= 255);
                    release(&p);
                }
}

static void test_flip(void)
{
    struct pair before, after;
    draw(&before, 3);
    draw(&after, 3);
    apply("flip:h=1", &after, 0, 0);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            CU_ASSERT_EQUAL(before.image.data[(y * WIDTH + x) * 3 + 1],
                            after.image.data[(y * WIDTH + WIDTH - 1 - x) * 3 + 1]);
    release(&before);
    release(&after);
}

/* A quarter turn of a square, done by the map itself, moves corner to corner. */
static void test_map(void)
{
    struct thaw_image in, out;
    CU_ASSERT_EQUAL_FATAL(thaw_image_init(&in, 9, 9, 1, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_image_init(&out, 9, 9, 1, NULL), 0);
    for (int i = 0; i < 81; i++)
        in.data[i] = (float)i;
    struct thaw_warp turn = thaw_warp_centred(0, 1, -1, 0, 0, 0, 9, 9);
    thaw_warp(&in, &turn, &out);
    for (int y = 0; y < 9; y++)
        for (int x = 0; x < 9; x++)
            CU_ASSERT_EQUAL(out.data[y * 9 + x], in.data[(8 - x) * 9 + y]);
    struct thaw_warp half = thaw_warp_join(turn, turn);
    thaw_warp(&in, &half, &out);
    for (int i = 0; i < 81; i++)
        CU_ASSERT_EQUAL(out.data[i], in.data[80 - i]);
    /* Beyond the edge the edge goes on. */
    struct thaw_warp away = thaw_warp_centred(1, 0, 0, 1, 100, 0, 9, 9);
    thaw_warp(&in, &away, &out);
    for (int i = 0; i < 81; i++)
        CU_ASSERT_EQUAL(out.data[i], in.data[i / 9 * 9 + 8]);
    thaw_image_release(&in);
    thaw_image_release(&out);
}

/* Cubic weights leave a plane what it is, wherever its four neighbours exist; and every channel is
 * sampled as it would be alone. */
static void test_between(void)
{
    struct thaw_image in[2], out[2];
    int compared = 0;
    for (int k = 0; k < 2; k++) {
        CU_ASSERT_EQUAL_FATAL(thaw_image_init(&in[k], WIDTH, HEIGHT, 1 + 2 * k, NULL), 0);
        CU_ASSERT_EQUAL_FATAL(thaw_image_init(&out[k], WIDTH, HEIGHT, 1 + 2 * k, NULL), 0);
    }
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        in[0].data[i] = in[1].data[3 * i + 2] = (float)(20 + 4 * (i % WIDTH) + 7 * (i / WIDTH));
        in[1].data[3 * i] = 255 - in[0].data[i];
        in[1].data[3 * i + 1] = (float)(i * 37 % 256);
    }
    struct thaw_warp map = thaw_warp_centred(1.1, 0.3, -0.3, 1.1, 0.4, -0.7, WIDTH, HEIGHT);
    thaw_warp(&in[0], &map, &out[0]);
    thaw_warp(&in[1], &map, &out[1]);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        double x = map.a * (i % WIDTH) + map.b * (i / WIDTH) + map.c;
        double y = map.d * (i % WIDTH) + map.e * (i / WIDTH) + map.f;
        CU_ASSERT_EQUAL(out[0].data[i], out[1].data[3 * i + 2]);
        if (x < 1 || y < 1 || x > WIDTH - 3 || y > HEIGHT - 3)
            continue;
        CU_ASSERT_DOUBLE_EQUAL(out[0].data[i], 20 + 4 * x + 7 * y, 1e-3);
        CU_ASSERT_DOUBLE_EQUAL(out[1].data[3 * i], 235 - 4 * x - 7 * y, 1e-3);
        compared++;
    }
    CU_ASSERT_TRUE(compared > WIDTH * HEIGHT / 3);
    for (int k = 0; k < 2; k++) {
        thaw_image_release(&in[k]);
        thaw_image_release(&out[k]);
    }
}

/* What an image gets depends on seed, epoch, index and position, and on each of them. */
static void test_streams(void)
{
    struct pair a, b;
    const char *text = "noise:p=1,rotate,brightness";
    draw(&a, 3);
    draw(&b, 3);
    apply(text, &b, 2, 8); /* what was drawn before does not matter */
    release(&b);
    draw(&b, 3);
    apply(text, &a, 2, 7);
    apply(text, &b, 2, 7);
    CU_ASSERT_EQUAL(memcmp(a.image.data, b.image.data, values(&a.image) * sizeof(float)), 0);
    const char *texts[] = {text, text, "brightness,noise:p=1,rotate"};
    const uint32_t epochs[] = {3, 2, 2}, indices[] = {7, 6, 7};
    for (int i = 0; i < 3; i++) {
        release(&b);
        draw(&b, 3);
        apply(texts[i], &b, epochs[i], indices[i]);
        CU_ASSERT_NOT_EQUAL(memcmp(a.image.data, b.image.data, values(&a.image) * sizeof(float)),
                            0);
    }
    release(&a);
    release(&b);
}

/* Three equal channels stay equal, and one channel alone becomes what each of them does. */
static void test_grey_stays_grey(void)
{
    struct pair three, one;
    for (const struct thaw_augmentation *const *a = thaw_augmentations; *a; a++)
        for (uint32_t index = 0; index < 10; index++) {
            char text[128];
            snprintf(text, sizeof text, "%s,rotate,noise:p=1,contrast", (*a)->name);
            draw(&three, 3);
            draw(&one, 1);
            for (size_t i = 0; i < values(&three.image); i++)
                three.image.data[i] = one.image.data[i / 3];
            apply(text, &three, 0, index);
            apply(text, &one, 0, index);
            for (size_t i = 0; i < values(&three.image); i++) {
                CU_ASSERT_EQUAL_FATAL(three.image.data[i], three.image.data[i / 3 * 3]);
                CU_ASSERT_DOUBLE_EQUAL(three.image.data[i], one.image.data[i / 3], 1e-3);
            }
            release(&three);
            release(&one);
        }
}

static void test_text(void)
{
    struct thaw_augment augment, again;
    struct thaw_error err = {0};
    const char *texts[][2] = {
        {"none", "none"},
        {"flip", "flip:h=0.5,v=0"},
        {" flip:h=0.25, v=1 ,rotate:deg=7.5,rotate ",
         "flip:h=0.25,v=1,rotate:deg=7.5,rotate:deg=10"},
        {"zoom:amount=0.123456789", "zoom:amount=0.12345679"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_augment_parse(&augment, texts[i][0], &err), &err), 0);
        char *text = thaw_augment_text(&augment, &err);
        CU_ASSERT_STRING_EQUAL(text, texts[i][1]);
        CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_augment_parse(&again, text, &err), &err), 0);
        CU_ASSERT_EQUAL(again.n, augment.n);
        for (size_t k = 0; k < augment.n; k++)
            CU_ASSERT_EQUAL(
                memcmp(augment.steps[k].conf, again.steps[k].conf, augment.steps[k].op->conf_size),
                0);
        free(text);
        thaw_augment_release(&augment);
        thaw_augment_release(&again);
    }
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_augment_parse(&augment, "default", &err), &err), 0);
    CU_ASSERT_TRUE(augment.n >= 3);
    thaw_augment_release(&augment);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_augment_parse(&augment, "default, noise:p=1", &err), &err),
                          0);
    CU_ASSERT_STRING_EQUAL(augment.steps[augment.n - 1].op->name, "noise");
    thaw_augment_release(&augment);
}

static void test_wrong_text(void)
{
    const char *wrong[][3] = {
        {"mirror", "'mirror'", "flip"},
        {"defaults", "'defaults'", "flip"},
        {"flip,default", "'default'", "flip"},
        {"flip:q=1", "flip", "h"},
        {"flip:h=2", "flip", "1"},
        {"flip:h=nan", "nan", "no number"},
        {"flip:h=x", "'x'", "no number"},
        {"h=1", "'h=1'", "no operation"},
        {"flip,,noise", "empty", "none"},
        {"", "empty", "none"},
        {"flip:h", "'h'", "key=value"},
        {"flip:h=0,h=1", "h", "twice"},
        {"rotate:deg=1e999", "1e999", "no number"},
        {"flip,none", "'none'", "known"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct thaw_augment augment;
        struct thaw_error err = {0};
        CU_ASSERT_EQUAL(thaw_augment_parse(&augment, wrong[i][0], &err), -1);
        CU_ASSERT_EQUAL(err.code, THAW_EUSAGE);
        CU_ASSERT_TRUE(thaw_says(&err, "augmentation", wrong[i][1], wrong[i][2], NULL));
        CU_ASSERT_EQUAL(augment.n, 0);
    }
}

void thaw_test_augment(void)
{
    CU_pSuite s = thaw_suite("augment");
    CU_add_test(s, "nothing asked, nothing done; two flips are none", test_identities);
    CU_add_test(s, "every operation does something and stays in range", test_every_operation);
    CU_add_test(s, "the ends of every field's range work", test_extremes);
    CU_add_test(s, "a flip moves columns", test_flip);
    CU_add_test(s, "maps turn, join and end at the edge", test_map);
    CU_add_test(s, "between pixels planes stay planes, channels apart", test_between);
    CU_add_test(s, "random streams depend on their names alone", test_streams);
    CU_add_test(s, "grey scans stay grey, in three channels or one", test_grey_stays_grey);
    CU_add_test(s, "text form and back", test_text);
    CU_add_test(s, "wrong texts", test_wrong_text);
}
