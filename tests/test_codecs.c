/* The decoders of scanners' formats against other people's: DICOM against pydicom, TIFF, NIfTI, BMP
 * and WebP against tifffile, nibabel and Pillow. A format that this build lacks must say so. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/check.h"
#include "tests/pack.h"
#include "vision/codec.h"
#include "vision/numbers.h"
#include "vision/pixels.h"

static const char *const packs[] = {"dicom_pictures.bin", "formats_pictures.bin", NULL},
                         *const bad_packs[] = {"dicom_bad.bin", "formats_bad.bin", NULL};

typedef void visit_fn(const struct thaw_pack_entry *entry, const struct thaw_codec *codec);

static const struct thaw_codec *codec_of(const struct thaw_pack_entry *e)
{
    for (int i = 0; thaw_codecs[i]; i++)
        if (strncasecmp(e->name, thaw_codecs[i]->name, strlen(thaw_codecs[i]->name)) == 0)
            return thaw_codecs[i];
    return NULL;
}

/* Each entry of the packs whose format this build reads; of the others once each that they are
 * refused by name. */
static int visit(const char *const *names, visit_fn *look)
{
    int seen = 0;
    for (; *names; names++) {
        struct thaw_pack_entry e;
        FILE *pack = fopen(thaw_ref(*names), "rb");
        CU_ASSERT_PTR_NOT_NULL_FATAL(pack);
        for (; thaw_pack_next(pack, &e); thaw_pack_release(&e), seen++) {
            const struct thaw_codec *codec = codec_of(&e);
            CU_ASSERT_PTR_NOT_NULL_FATAL(codec);
            if (codec->library) {
                look(&e, codec);
                continue;
            }
            struct thaw_pixels p;
            struct thaw_error err = {0};
            CU_ASSERT_EQUAL(thaw_pixels_decode(&p, e.a, e.a_size, NULL, e.name, &err), -1);
            if (codec->sniff(e.a, e.a_size))
                CU_ASSERT_TRUE(thaw_says(&err, codec->name, codec->package, NULL));
        }
        fclose(pack);
    }
    return seen;
}

static struct thaw_decode_hint hint_of(const struct thaw_pack_entry *e)
{
    return (struct thaw_decode_hint){.frame = (int)e->numbers[4], .shown = e->numbers[5] != 0};
}

/* The greatest difference; infinite when the pictures are not of one kind. */
static double difference(const struct thaw_pixels *p, const struct thaw_pack_entry *e)
{
    size_t n = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    struct thaw_number type = {p->depth == 32 ? THAW_NUMBER_REAL : THAW_NUMBER_UNSIGNED,
                               p->depth / 8, __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__};
    double worst = 0;
    if (p->width != (int)e->numbers[0] || p->height != (int)e->numbers[1] ||
        p->channels != (int)e->numbers[2] || p->depth != (int)e->numbers[3] ||
        e->b_size != n * (size_t)p->depth / 8)
        return INFINITY;
    for (size_t i = 0; i < n; i++) {
        double want = thaw_number_at(&type, e->b + i * (size_t)type.bytes);
        worst = fmax(worst, want == (double)thaw_pixels_sample(p, i)
                                ? 0
                                : fabs(want - (double)thaw_pixels_sample(p, i)));
    }
    return worst;
}

static void check_samples(const struct thaw_pack_entry *e, const struct thaw_codec *codec)
{
    struct thaw_pixels p;
    struct thaw_error err = {0};
    struct thaw_decode_hint hint = hint_of(e);
    CU_ASSERT_TRUE(codec->sniff(e->a, e->a_size));
    int rc = thaw_told(thaw_pixels_decode(&p, e->a, e->a_size, &hint, e->name, &err), &err);
    double worst = rc == 0 ? difference(&p, e) : INFINITY;
    bool same = worst <= e->numbers[9] && p.inverted == (e->numbers[6] != 0) &&
                fabs((double)p.window[0] - e->numbers[7]) < 1e-3 &&
                fabs((double)p.window[1] - e->numbers[8]) < 1e-3;
    if (!same)
        printf("\n    %s: %d x %d x %d of %d bits, inverted %d, window %g..%g, differs by %g",
               e->name, p.width, p.height, p.channels, p.depth, p.inverted, (double)p.window[0],
               (double)p.window[1], worst);
    CU_ASSERT_TRUE(same);
    thaw_pixels_release(&p);
}

static void test_samples(void)
{
    CU_ASSERT_TRUE(visit(packs, check_samples) > 100);
}

static void check_refused(const struct thaw_pack_entry *e, const struct thaw_codec *codec)
{
    struct thaw_pixels p;
    struct thaw_error err = {0};
    struct thaw_decode_hint hint = {.frame = 9};
    char says[128];
    (void)codec;
    snprintf(says, sizeof says, "%.*s", (int)e->b_size, (const char *)e->b);
    int rc = thaw_pixels_decode(&p, e->a, e->a_size, &hint, e->name, &err);
    if (rc == 0)
        printf("\n    %s: decoded", e->name);
    CU_ASSERT_EQUAL(rc, -1);
    CU_ASSERT_TRUE(thaw_says(&err, e->name, says, NULL));
    CU_ASSERT_PTR_NULL(p.data);
    CU_ASSERT_EQUAL(err.code, THAW_EINPUT);
    thaw_pixels_release(&p);
}

static void test_refused(void)
{
    CU_ASSERT_TRUE(visit(bad_packs, check_refused) > 30);
}

/* DICOM is decoded in child processes, which take their time. */
static bool is_slow(const struct thaw_codec *codec)
{
    return strcmp(codec->name, "DICOM") == 0;
}

/* Cut off anywhere, a file does not decode, or decodes to the same: what ends a file after its
 * samples may be missing. */
static void check_truncated(const struct thaw_pack_entry *e, const struct thaw_codec *codec)
{
    struct thaw_decode_hint hint = hint_of(e);
    size_t faster = is_slow(codec) ? 16 : 2;
    for (size_t size = e->a_size - 1, step = 3; size > 0; step *= faster) {
        struct thaw_pixels p;
        struct thaw_error err = {0};
        unsigned char *copy = malloc(size);
        CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
        memcpy(copy, e->a, size);
        int rc = thaw_pixels_decode(&p, copy, size, &hint, e->name, &err);
        bool good = rc == 0 ? difference(&p, e) <= e->numbers[9] : p.data == NULL && err.text[0];
        if (!good)
            printf("\n    %s: cut to %zu of %zu bytes it decodes to something else", e->name, size,
                   e->a_size);
        CU_ASSERT_TRUE(good);
        thaw_pixels_release(&p);
        free(copy);
        size = size > step ? size - step : 0;
    }
}

static void test_truncated(void)
{
    visit(packs, check_truncated);
}

/* A damaged byte is an error or leaves a whole picture. */
static void check_damaged(const struct thaw_pack_entry *e, const struct thaw_codec *codec)
{
    size_t step = is_slow(codec) ? e->a_size / 3 + 1 : 7;
    for (size_t at = 0; at < e->a_size; at += step) {
        struct thaw_pixels p;
        struct thaw_error err = {0};
        struct thaw_decode_hint hint = hint_of(e);
        e->a[at] ^= (unsigned char)(1 << at % 8);
        int rc = thaw_pixels_decode(&p, e->a, e->a_size, &hint, e->name, &err);
        CU_ASSERT_TRUE(rc == 0 ? p.data != NULL : p.data == NULL && err.text[0]);
        thaw_pixels_release(&p);
        e->a[at] ^= (unsigned char)(1 << at % 8);
    }
}

static void test_damaged(void)
{
    visit(packs, check_damaged);
}

static void test_choose(void)
{
    struct thaw_error err = {0};
    struct thaw_decode_hint middle = {0}, third = {.frame = 3};
    CU_ASSERT_EQUAL(thaw_codec_choose(&middle, 1, "pages", "x", &err), 0);
    CU_ASSERT_EQUAL(thaw_codec_choose(&middle, 2, "pages", "x", &err), 0);
    CU_ASSERT_EQUAL(thaw_codec_choose(&middle, 5, "pages", "x", &err), 2);
    CU_ASSERT_EQUAL(thaw_codec_choose(&third, 1, "pages", "x", &err), 0);
    CU_ASSERT_EQUAL(thaw_codec_choose(&third, 3, "pages", "x", &err), 2);
    CU_ASSERT_EQUAL(thaw_codec_choose(&third, 2, "pages", "x", &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "x: has 2 pages; number 3 is wanted", NULL));
}

void thaw_test_codecs(void)
{
    CU_pSuite s = thaw_suite("codecs");
    CU_add_test(s, "samples equal those of other readers", test_samples);
    CU_add_test(s, "damaged and foreign files are refused with the reason", test_refused);
    CU_add_test(s, "a file cut off anywhere is an error", test_truncated);
    CU_add_test(s, "a damaged byte never crashes", test_damaged);
    CU_add_test(s, "which of several pictures", test_choose);
}
