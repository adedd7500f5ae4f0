/* Decoders against Pillow's samples, and against files they must refuse. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/file.h"
#include "tests/check.h"
#include "tests/pack.h"
#include "vision/codec.h"
#include "vision/exif.h"
#include "vision/pixels.h"

static bool same_samples(const struct thaw_pixels *p, const struct thaw_pack_entry *e)
{
    size_t size = (size_t)p->width * (size_t)p->height * (size_t)p->channels * (size_t)p->depth / 8;
    if (p->width != (int)e->numbers[0] || p->height != (int)e->numbers[1] ||
        p->channels != (int)e->numbers[2] || p->depth != (int)e->numbers[3] || size != e->b_size)
        return false;
    if (p->depth == 8)
        return memcmp(p->data, e->b, size) == 0;
    for (size_t i = 0; i < size / 2; i++)
        if (((const uint16_t *)p->data)[i] != (e->b[2 * i] | e->b[2 * i + 1] << 8))
            return false;
    return true;
}

static void test_samples(void)
{
    struct thaw_pack_entry e;
    int seen = 0;
    FILE *pack = fopen(thaw_ref("vision_pictures.bin"), "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pack);
    for (; thaw_pack_next(pack, &e); thaw_pack_release(&e), seen++) {
        struct thaw_pixels p;
        struct thaw_error err = {0};
        struct thaw_decode_hint hint = {.min_width = (int)e.numbers[4],
                                        .min_height = (int)e.numbers[5]};
        int rc = thaw_told(thaw_pixels_decode(&p, e.a, e.a_size, &hint, e.name, &err), &err);
        bool same = rc == 0 && same_samples(&p, &e);
        if (!same)
            printf("\n    %s: %d x %d x %d of %d bits", e.name, p.width, p.height, p.channels,
                   p.depth);
        CU_ASSERT_TRUE(same);
        thaw_pixels_release(&p);
    }
    CU_ASSERT_TRUE(seen > 80);
    fclose(pack);
}

static void test_refused(void)
{
    struct thaw_pack_entry e;
    int seen = 0;
    FILE *pack = fopen(thaw_ref("vision_bad.bin"), "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pack);
    for (; thaw_pack_next(pack, &e); thaw_pack_release(&e), seen++) {
        struct thaw_pixels p;
        struct thaw_error err = {0};
        char says[128];
        snprintf(says, sizeof says, "%.*s", (int)e.b_size, (const char *)e.b);
        int rc = thaw_pixels_decode(&p, e.a, e.a_size, NULL, e.name, &err);
        if (rc == 0)
            printf("\n    %s: decoded", e.name);
        CU_ASSERT_EQUAL(rc, -1);
        CU_ASSERT_TRUE(thaw_says(&err, e.name, says, NULL));
        CU_ASSERT_PTR_NULL(p.data);
        thaw_pixels_release(&p);
        CU_ASSERT_EQUAL(err.code, THAW_EINPUT);
    }
    CU_ASSERT_TRUE(seen > 20);
    fclose(pack);
}

/* Cut off anywhere, no file decodes; the copy has exactly that size for the sanitizers' sake. */
static void test_truncated(void)
{
    struct thaw_pack_entry e;
    FILE *pack = fopen(thaw_ref("vision_pictures.bin"), "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pack);
    for (; thaw_pack_next(pack, &e); thaw_pack_release(&e))
        for (size_t size = 0; size < e.a_size; size += 1 + size / 16) {
            struct thaw_pixels p;
            struct thaw_error err = {0};
            unsigned char *copy = malloc(size ? size : 1);
            CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
            memcpy(copy, e.a, size);
            CU_ASSERT_EQUAL(thaw_pixels_decode(&p, copy, size, NULL, e.name, &err), -1);
            CU_ASSERT_PTR_NULL(p.data);
            free(copy);
        }
    fclose(pack);
}

/* A damaged byte is an error or leaves a whole picture; never a crash. In a PNG, whose chunks carry
 * checksums, it is always an error or does not touch the samples. */
static void test_damaged(void)
{
    struct thaw_pack_entry e;
    FILE *pack = fopen(thaw_ref("vision_pictures.bin"), "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pack);
    for (; thaw_pack_next(pack, &e); thaw_pack_release(&e))
        for (size_t at = 0; at < e.a_size; at += 5) {
            struct thaw_pixels p;
            struct thaw_error err = {0};
            struct thaw_decode_hint hint = {.min_width = (int)e.numbers[4],
                                            .min_height = (int)e.numbers[5]};
            unsigned char mask = (unsigned char)(1 << at % 8);
            e.a[at] ^= mask;
            int rc = thaw_pixels_decode(&p, e.a, e.a_size, &hint, e.name, &err);
            CU_ASSERT_TRUE(rc == 0 ? p.data != NULL : p.data == NULL && err.text[0]);
            /* eXIf is not needed for decoding: libpng drops a damaged one. */
            if (rc == 0 && strncmp(e.name, "png_", 4) == 0 && !strstr(e.name, "turned"))
                CU_ASSERT_TRUE(same_samples(&p, &e));
            thaw_pixels_release(&p);
            e.a[at] ^= mask;
        }
    fclose(pack);
}

static void test_foreign(void)
{
    static const struct {
        const char *start, *says;
        size_t offset, size;
    } kinds[] = {{"GIF89a", "is a GIF file; ", 0, 6},
                 {"ftypheic", "is a HEIC file", 4, 8},
                 {"\x1f\x8b\x08", "is a gzip file", 0, 3},
                 {"\x89HDF\r\n\x1a\n", "is an HDF5 file", 0, 8},
                 {"nothing", "is not a picture that can be read", 0, 7},
                 {"", "is empty", 0, 0}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        unsigned char data[400] = {0};
        struct thaw_pixels p;
        struct thaw_error err = {0};
        memcpy(data + kinds[i].offset, kinds[i].start, kinds[i].size);
        size_t size = kinds[i].offset + kinds[i].size;
        CU_ASSERT_EQUAL(thaw_pixels_decode(&p, data, size, NULL, "scan.jpg", &err), -1);
        CU_ASSERT_TRUE(thaw_says(&err, "scan.jpg: ", kinds[i].says, "PNG", "JPEG", NULL));
        CU_ASSERT_EQUAL(err.code, THAW_EINPUT);
    }
}

static void test_load(void)
{
    struct thaw_pack_entry e;
    struct thaw_pixels p;
    struct thaw_error err = {0};
    FILE *pack = fopen(thaw_ref("vision_pictures.bin"), "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pack);
    CU_ASSERT_TRUE_FATAL(thaw_pack_next(pack, &e));
    const char *path = thaw_tmp("a PNG called.jpg");
    CU_ASSERT_EQUAL(thaw_told(thaw_file_write(path, e.a, e.a_size, &err), &err), 0);
    CU_ASSERT_EQUAL(thaw_told(thaw_pixels_load(&p, path, NULL, &err), &err), 0);
    CU_ASSERT_TRUE(same_samples(&p, &e));
    thaw_pixels_release(&p);
    thaw_pack_release(&e);
    fclose(pack);
    CU_ASSERT_EQUAL(thaw_pixels_load(&p, thaw_tmp("absent.png"), NULL, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "absent.png", NULL));
    CU_ASSERT_PTR_NULL(p.data);
}

static void test_exif(void)
{
    unsigned char little[] = {'I', 'I', 42, 0, 8, 0,  0, 0, 2, 0, 15, 1, 2, 0, 1, 0, 0,
                              0,   0,   0,  0, 0, 18, 1, 3, 0, 1, 0,  0, 0, 6, 0, 0, 0};
    unsigned char big[] = {'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8,
                           0,   1,   1,   18,  0, 3, 0,   0,   0, 1,  0, 8, 0, 0};
    CU_ASSERT_EQUAL(thaw_exif_orientation(little, sizeof little), 6);
    CU_ASSERT_EQUAL(thaw_exif_orientation(big, sizeof big), 8);
    for (size_t size = 0; size < sizeof big; size++) {
        unsigned char *copy = malloc(size ? size : 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
        memcpy(copy, big, size);
        int turn = thaw_exif_orientation(copy, size);
        CU_ASSERT_TRUE(turn == 1 || (turn == 8 && size >= sizeof big - 2));
        free(copy);
    }
    little[30] = 9;
    CU_ASSERT_EQUAL(thaw_exif_orientation(little, sizeof little), 1);
    memset(little + 4, 0xff, 4);
    CU_ASSERT_EQUAL(thaw_exif_orientation(little, sizeof little), 1);
}

void thaw_test_pixels(void)
{
    CU_pSuite s = thaw_suite("pixels");
    CU_add_test(s, "samples equal Pillow's", test_samples);
    CU_add_test(s, "bombs and damaged files are refused with the reason", test_refused);
    CU_add_test(s, "a file cut off anywhere is an error", test_truncated);
    CU_add_test(s, "a damaged byte never crashes", test_damaged);
    CU_add_test(s, "foreign files are named", test_foreign);
    CU_add_test(s, "content counts, not the suffix", test_load);
    CU_add_test(s, "EXIF orientation, also of damaged records", test_exif);
}
