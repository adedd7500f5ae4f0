/* Probe, cache and loader: batches are the same bits however they are made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/file.h"
#include "io/base/rng.h"
#include "tests/check.h"
#include "tests/pack.h"
#include "vision/loader.h"
#include "vision/png_write.h"
#include "vision/probe.h"
#include "vision/sampler.h"

enum { IMAGES = 23, SIDE = 12, VALUES = SIDE * SIDE * 3, BATCH = 5, EPOCHS = 3 };
/* Bytes of a colour picture in the cache. */
enum { COMPACT = sizeof(struct thaw_compact) + VALUES * sizeof(uint16_t) };

/* A folder of PNG files in two classes, of random size and content. */
static const char *make_tree(const char *name)
{
    const char *root = thaw_tmp(name);
    uint8_t rgb[40 * 40 * 3];
    char path[600];
    for (uint32_t i = 0; i < IMAGES; i++) {
        struct thaw_rng rng = thaw_rng_at(1, 0, i, 1000);
        int width = 8 + (int)thaw_rng_below(&rng, 32), height = 8 + (int)thaw_rng_below(&rng, 32);
        for (size_t k = 0; k < sizeof rgb; k++)
            rgb[k] = (uint8_t)thaw_rng_u32(&rng);
        snprintf(path, sizeof path, "%s/%c", root, "ab"[i % 2]);
        CU_ASSERT_EQUAL_FATAL(thaw_dir_make(path, NULL), 0);
        snprintf(path, sizeof path, "%s/%c/%02u.png", root, "ab"[i % 2], i);
        CU_ASSERT_EQUAL_FATAL(thaw_png_save(path, rgb, width, height, NULL), 0);
    }
    return root;
}

struct setting {
    struct thaw_dataset data;
    struct thaw_preprocess preprocess;
    struct thaw_augment augment;
};

static void prepare(struct setting *s, const char *root)
{
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_dataset_from_dir(&s->data, root, NULL, 0, &err), &err), 0);
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(thaw_preprocess_init(&s->preprocess, "tf", SIDE, SIDE, &err), &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_augment_parse(&s->augment, "default,noise", &err), &err),
                          0);
}

static void release(struct setting *s)
{
    thaw_dataset_release(&s->data);
    thaw_augment_release(&s->augment);
}

/* All pictures of some epochs in the order they come out, which the caller frees. */
static float *collect(const struct setting *s, int threads, int ahead, struct thaw_cache *cache)
{
    struct thaw_error err = {0};
    struct thaw_batch batch;
    size_t items[IMAGES], order[IMAGES], seen = 0;
    float *all = calloc((size_t)EPOCHS * IMAGES * VALUES, sizeof *all);
    struct thaw_loader *loader =
        thaw_loader_create(&(struct thaw_loader_options){.data = &s->data,
                                                         .preprocess = &s->preprocess,
                                                         .augment = &s->augment,
                                                         .cache = cache,
                                                         .seed = 9,
                                                         .batch = BATCH,
                                                         .threads = threads,
                                                         .ahead = ahead},
                           &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loader);
    for (size_t i = 0; i < IMAGES; i++)
        items[i] = i;
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        int rc;
        size_t at = 0;
        thaw_sampler_shuffle(items, IMAGES, 9, epoch, order);
        CU_ASSERT_EQUAL_FATAL(thaw_loader_start(loader, order, IMAGES, epoch, &err), 0);
        while ((rc = thaw_loader_next(loader, &batch, &err)) == 1) {
            CU_ASSERT_EQUAL_FATAL(batch.n, IMAGES - at < BATCH ? IMAGES - at : BATCH);
            memcpy(all + seen * VALUES, batch.x, batch.n * VALUES * sizeof *all);
            for (size_t i = 0; i < batch.n; i++, at++, seen++) {
                CU_ASSERT_EQUAL(batch.ids[i], order[at]);
                CU_ASSERT_EQUAL(batch.labels[i], s->data.images[order[at]].label);
            }
        }
        CU_ASSERT_EQUAL_FATAL(thaw_told(rc, &err), 0);
        CU_ASSERT_EQUAL(thaw_loader_next(loader, &batch, &err), 0);
        CU_ASSERT_EQUAL(at, IMAGES);
    }
    struct thaw_loader_times times = {.decode = 1000};
    thaw_loader_times(loader, &times);
    CU_ASSERT(times.decode > 1000);
    CU_ASSERT(times.augment > 0);
    CU_ASSERT(times.waited >= 0);
    thaw_loader_free(loader);
    return all;
}

static void test_same_bits(void)
{
    struct setting s;
    const size_t bytes = (size_t)EPOCHS * IMAGES * VALUES * sizeof(float);
    const int threads[] = {2, 4, 3, 1}, ahead[] = {2, 1, 8, 3};
    const size_t limits[] = {0, 5 * COMPACT, 1000 * COMPACT, 7 * COMPACT + 1};
    prepare(&s, make_tree("same-bits"));
    float *plain = collect(&s, 1, 2, NULL);
    CU_ASSERT_NOT_EQUAL(memcmp(plain, plain + IMAGES * VALUES, VALUES * sizeof(float)), 0);
    for (int i = 0; i < 4; i++) {
        struct thaw_cache *cache = thaw_cache_create(s.data.n, limits[i], NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(cache);
        float *other = collect(&s, threads[i], ahead[i], i ? cache : NULL);
        CU_ASSERT_EQUAL(memcmp(plain, other, bytes), 0);
        CU_ASSERT_TRUE(thaw_cache_bytes(cache) <= limits[i]);
        free(other);
        thaw_cache_free(cache);
    }
    free(plain);
    release(&s);
}

/* A batch without augmentation is what preprocessing alone makes of the files, kept or not. */
static void test_plain_batch(void)
{
    struct setting s;
    struct thaw_error err = {0};
    struct thaw_batch batch;
    const size_t order[] = {4, 4, 0};
    float x[VALUES];
    prepare(&s, make_tree("plain"));
    struct thaw_loader_options o = {
        .data = &s.data, .preprocess = &s.preprocess, .batch = 8, .threads = 2, .ahead = 2};
    struct thaw_cache *cache = thaw_cache_create(s.data.n, 1000 * COMPACT, &err);
    for (int i = 0; i < 6; i++) {
        bool pictures = o.pictures = i % 2;
        o.cache = i < 2 ? NULL : cache; /* which fills, then is full */
        struct thaw_loader *loader = thaw_loader_create(&o, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(loader);
        CU_ASSERT_EQUAL(thaw_loader_next(loader, &batch, &err), 0);
        CU_ASSERT_EQUAL_FATAL(thaw_loader_start(loader, order, 3, 0, &err), 0);
        CU_ASSERT_EQUAL_FATAL(thaw_loader_next(loader, &batch, &err), 1);
        CU_ASSERT_EQUAL_FATAL(batch.n, 3);
        for (size_t k = 0; k < 3; k++) {
            CU_ASSERT_EQUAL_FATAL(
                thaw_preprocess_file(&s.preprocess, s.data.images[order[k]].path, x, &err), 0);
            for (size_t v = 0; pictures && v < VALUES; v++)
                x[v] = (x[v] + 1) * 127.5f;
            CU_ASSERT_TRUE(thaw_near(batch.x + k * VALUES, x, VALUES, pictures ? 1e-5 : 0));
        }
        thaw_loader_free(loader);
    }
    CU_ASSERT_EQUAL(thaw_cache_bytes(cache), 2 * COMPACT);
    thaw_cache_free(cache);
    release(&s);
}

/* An epoch may be left half-way; and a file that goes bad is named, the one that comes first in
 * order. */
static void test_interrupted(void)
{
    struct setting s;
    struct thaw_error err = {0};
    struct thaw_batch batch;
    size_t order[IMAGES];
    prepare(&s, make_tree("interrupted"));
    for (size_t i = 0; i < IMAGES; i++)
        order[i] = IMAGES - 1 - i;
    struct thaw_loader *loader =
        thaw_loader_create(&(struct thaw_loader_options){.data = &s.data,
                                                         .preprocess = &s.preprocess,
                                                         .augment = &s.augment,
                                                         .batch = 4,
                                                         .threads = 3,
                                                         .ahead = 3},
                           &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loader);
    for (uint32_t epoch = 0; epoch < 20; epoch++) {
        CU_ASSERT_EQUAL_FATAL(thaw_loader_start(loader, order, IMAGES, epoch, &err), 0);
        for (uint32_t i = 0; i < epoch % 4; i++) {
            CU_ASSERT_EQUAL(thaw_loader_next(loader, &batch, &err), 1);
            CU_ASSERT_EQUAL(batch.ids[0], IMAGES - 1 - i * 4);
        }
    }
    CU_ASSERT_EQUAL_FATAL(thaw_loader_start(loader, order, 0, 0, &err), 0);
    CU_ASSERT_EQUAL(thaw_loader_next(loader, &batch, &err), 0);
    CU_ASSERT_EQUAL(thaw_file_write(s.data.images[order[6]].path, "gone", 4, &err), 0);
    CU_ASSERT_EQUAL(remove(s.data.images[order[5]].path), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_loader_start(loader, order, IMAGES, 0, &err), 0);
    CU_ASSERT_EQUAL(thaw_loader_next(loader, &batch, &err), 1);
    CU_ASSERT_EQUAL(thaw_loader_next(loader, &batch, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, s.data.images[order[5]].path, "No such file", NULL));
    order[3] = IMAGES;
    CU_ASSERT_EQUAL(thaw_loader_start(loader, order, IMAGES, 0, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "image 23", "has 23", NULL));
    thaw_loader_free(loader);
    release(&s);
}

static void test_probe(void)
{
    struct setting s;
    struct thaw_error err = {0};
    struct thaw_probe probe;
    prepare(&s, make_tree("probe"));
    struct thaw_cache *cache = thaw_cache_create(s.data.n, (size_t)1 << 30, &err);
    struct thaw_probe_options o = {.limit = THAW_PROBE_LIMIT, .cache = cache};
    float *before = collect(&s, 1, 2, NULL);
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(thaw_probe_dataset(&probe, &s.data, &s.preprocess, &o, &err), &err), 0);
    CU_ASSERT_EQUAL(probe.n_bad, 0);
    CU_ASSERT_EQUAL(probe.n_deep, 0);
    CU_ASSERT_TRUE(probe.min_width >= 8 && probe.max_height < 40);
    CU_ASSERT_EQUAL(thaw_cache_bytes(cache), IMAGES * COMPACT);
    thaw_probe_release(&probe);
    float *after = collect(&s, 2, 2, cache);
    CU_ASSERT_EQUAL(memcmp(before, after, (size_t)EPOCHS * IMAGES * VALUES * sizeof(float)), 0);
    free(before);
    free(after);
    thaw_cache_free(cache);

    /* Two bad ones of 23: within 5 %, rounded up; the cache follows the data set. */
    char bad[2][600], third[600], last[600];
    snprintf(bad[0], sizeof bad[0], "%s", s.data.images[1].path);
    snprintf(bad[1], sizeof bad[1], "%s", s.data.images[9].path);
    snprintf(third, sizeof third, "%s", s.data.images[2].path);
    snprintf(last, sizeof last, "%s", s.data.images[IMAGES - 1].path);
    CU_ASSERT_EQUAL(thaw_file_write(bad[0], "text", 4, &err), 0);
    CU_ASSERT_EQUAL(thaw_file_write(bad[1], "", 0, &err), 0);
    o.cache = cache = thaw_cache_create(s.data.n, (size_t)1 << 30, &err);
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(thaw_probe_dataset(&probe, &s.data, &s.preprocess, &o, &err), &err), 0);
    CU_ASSERT_EQUAL_FATAL(probe.n_bad, 2);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_STRING_EQUAL(probe.bad[i].path, bad[i]);
    CU_ASSERT_PTR_NOT_NULL(strstr(probe.bad[1].reason, "is empty"));
    CU_ASSERT_PTR_NULL(strstr(probe.bad[1].reason, bad[1]));
    CU_ASSERT_EQUAL(probe.files, IMAGES);
    CU_ASSERT_EQUAL_FATAL(s.data.n, IMAGES - 2);
    CU_ASSERT_STRING_EQUAL(s.data.images[1].path, third);
    CU_ASSERT_STRING_EQUAL(s.data.images[IMAGES - 3].path, last);
    CU_ASSERT_EQUAL(thaw_cache_bytes(cache), (IMAGES - 2) * COMPACT);
    CU_ASSERT_PTR_NOT_NULL(thaw_cache_find(cache, IMAGES - 3));
    thaw_probe_release(&probe);
    thaw_cache_free(cache);

    /* A third one with a limit of nothing: an error, and the data set stays. */
    o = (struct thaw_probe_options){.limit = 0};
    CU_ASSERT_EQUAL(remove(third), 0);
    CU_ASSERT_EQUAL(thaw_probe_dataset(&probe, &s.data, &s.preprocess, &o, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "1 of 21", third, "No such file", NULL));
    CU_ASSERT_EQUAL(probe.n_bad, 1);
    CU_ASSERT_EQUAL(s.data.n, IMAGES - 2);
    thaw_probe_release(&probe);
    release(&s);
}

static int stop_at(void *ctx, size_t done, size_t files)
{
    (void)ctx;
    CU_ASSERT_EQUAL(files, IMAGES);
    return done >= 3;
}

static void test_probe_ends(void)
{
    struct setting s;
    struct thaw_error err = {0};
    struct thaw_probe probe;
    struct thaw_probe_options o = {.limit = 1, .progress = stop_at};
    prepare(&s, make_tree("probe-ends"));
    CU_ASSERT_EQUAL(thaw_probe_dataset(&probe, &s.data, &s.preprocess, &o, &err), -1);
    CU_ASSERT_EQUAL(err.code, THAW_ESTOPPED);
    thaw_probe_release(&probe);
    o.progress = NULL;
    for (size_t i = 0; i < s.data.n; i++)
        if (s.data.images[i].label == 1)
            CU_ASSERT_EQUAL(thaw_file_write(s.data.images[i].path, "x", 1, &err), 0);
    CU_ASSERT_EQUAL(thaw_probe_dataset(&probe, &s.data, &s.preprocess, &o, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "none of the 11 images of class b", NULL));
    thaw_probe_release(&probe);
    release(&s);
}

/* 16-bit pictures tell their largest sample, and wait for the range before they are kept. */
static void test_probe_16bit(void)
{
    struct thaw_pack_entry e;
    struct setting s;
    struct thaw_error err = {0};
    struct thaw_probe probe;
    const char *root = make_tree("wide");
    char path[600];
    int largest = 0;
    FILE *pack = fopen(thaw_ref("vision_pictures.bin"), "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pack);
    for (bool found = false; !found && thaw_pack_next(pack, &e); thaw_pack_release(&e)) {
        if (e.numbers[3] != 16)
            continue;
        found = true;
        for (size_t i = 0; i < e.b_size; i += 2)
            if ((e.b[i] | e.b[i + 1] << 8) > largest)
                largest = e.b[i] | e.b[i + 1] << 8;
        snprintf(path, sizeof path, "%s/a/wide.png", root);
        CU_ASSERT_EQUAL_FATAL(thaw_file_write(path, e.a, e.a_size, &err), 0);
    }
    fclose(pack);
    CU_ASSERT_TRUE_FATAL(largest > 255);
    prepare(&s, root);
    struct thaw_cache *cache = thaw_cache_create(s.data.n, (size_t)1 << 30, &err);
    struct thaw_probe_options o = {.limit = 0, .cache = cache};
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(thaw_probe_dataset(&probe, &s.data, &s.preprocess, &o, &err), &err), 0);
    CU_ASSERT_EQUAL(probe.n_deep, 1);
    size_t wide = 0, narrow = 1;
    while (!strstr(s.data.images[wide].path, "wide.png"))
        wide++;
    struct thaw_probe_summary sum;
    CU_ASSERT_EQUAL(thaw_probe_sum_up(&probe, &wide, 1, &sum, &err), 0);
    CU_ASSERT_TRUE(sum.deep == 1 && !sum.real && sum.windows == 0);
    CU_ASSERT_EQUAL((int)sum.ends[1], largest);
    CU_ASSERT_EQUAL(thaw_probe_sum_up(&probe, &narrow, 1, &sum, &err), 0);
    CU_ASSERT_EQUAL(sum.deep, 0);
    CU_ASSERT_PTR_NULL(thaw_cache_find(cache, wide));
    CU_ASSERT_PTR_NOT_NULL(thaw_cache_find(cache, narrow));
    thaw_probe_release(&probe);
    thaw_cache_free(cache);
    release(&s);
}

void thaw_test_loader(void)
{
    CU_pSuite s = thaw_suite("loader");
    CU_add_test(s, "the same bits at any threads, read-ahead and cache", test_same_bits);
    CU_add_test(s, "a plain batch is what preprocessing makes", test_plain_batch);
    CU_add_test(s, "epochs left half-way; files that go bad", test_interrupted);
    CU_add_test(s, "the probe drops and lists what cannot be read", test_probe);
    CU_add_test(s, "the probe stops; a class must not vanish", test_probe_ends);
    CU_add_test(s, "16-bit scans in the probe", test_probe_16bit);
}
