/* Whose scan a DICOM file is: the walk to the patient's identity, and the groups that follow. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/file.h"
#include "tests/check.h"
#include "vision/dicom.h"
#include "vision/patients.h"

enum { MOST = 4096 };

struct writer {
    unsigned char data[MOST];
    size_t size, body; /* where the header ends */
    bool big, named;
};

static void put(struct writer *w, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        w->data[w->size++] = (unsigned char)(value >> 8 * (w->big ? bytes - 1 - i : i));
}

static void put_tag(struct writer *w, unsigned group, unsigned element)
{
    put(w, group, 2);
    put(w, element, 2);
}

/* length UINT32_MAX: of undefined length; text NULL: the value follows by itself */
static void put_element(struct writer *w, unsigned group, unsigned element, const char *type,
                        uint32_t length, const char *text)
{
    bool wide = strstr("OB OW SQ UN UT", type) != NULL;
    put_tag(w, group, element);
    if (w->named) {
        memcpy(w->data + w->size, type, 2);
        w->size += 2;
        put(w, 0, wide ? 2 : 0);
    }
    put(w, length, w->named && !wide ? 2 : 4);
    for (uint32_t i = 0; text && i < length; i++)
        w->data[w->size++] = (unsigned char)text[i];
}

static void put_text(struct writer *w, unsigned group, unsigned element, const char *type,
                     const char *text)
{
    put_element(w, group, element, type, (uint32_t)strlen(text), text);
}

/* A file up to its patient, with a sequence in front: one item of undefined length, which holds
 * another sequence with a patient of its own, and one of known length. */
static void write_file(struct writer *w, const char *syntax, bool named, bool big,
                       const char *patient)
{
    *w = (struct writer){.size = 128, .named = true};
    memcpy(w->data + 128, "DICM", 4);
    w->size += 4;
    put_text(w, 2, 2, "UI", "1.2.840.10008.5.1.4.1.1.2");
    put_text(w, 2, 0x10, "UI", syntax);
    w->body = w->size;
    w->named = named;
    w->big = big;
    put_text(w, 8, 5, "CS", "ISO_IR 100");
    put_element(w, 8, 0x1140, "SQ", UINT32_MAX, NULL);
    put_tag(w, 0xfffe, 0xe000);
    put(w, UINT32_MAX, 4);
    put_element(w, 8, 0x1150, "SQ", UINT32_MAX, NULL);
    put_tag(w, 0xfffe, 0xe000);
    put(w, 4, 4);
    put(w, 0, 4);
    put_tag(w, 0xfffe, 0xe0dd);
    put(w, 0, 4);
    put_text(w, 0x10, 0x20, "LO", "SOMEBODY ELSE ");
    put_tag(w, 0xfffe, 0xe00d);
    put(w, 0, 4);
    put_tag(w, 0xfffe, 0xe0dd);
    put(w, 0, 4);
    put_text(w, 0x10, 0x10, "PN", "DOE^JANE");
    if (patient)
        put_text(w, 0x10, 0x20, "LO", patient);
    put_text(w, 0x10, 0x40, "CS", "F ");
}

static void read_id(const struct writer *w, size_t size, char id[THAW_DICOM_PATIENT])
{
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_dicom_patient(w->data, size, id, &err), &err), 0);
}

static const char implicit[] = "1.2.840.10008.1.2", little[] = "1.2.840.10008.1.2.1",
                  big[] = "1.2.840.10008.1.2.2";

static void test_identity(void)
{
    struct writer w;
    char id[THAW_DICOM_PATIENT];
    const struct {
        const char *syntax;
        bool named, big;
    } kinds[] = {{implicit, false, false},
                 {little, true, false},
                 {big, true, true},
                 {implicit, true, false}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        write_file(&w, kinds[i].syntax, kinds[i].named, kinds[i].big, " P-17 ");
        read_id(&w, w.size, id);
        CU_ASSERT_STRING_EQUAL(id, "P-17");
        write_file(&w, kinds[i].syntax, kinds[i].named, kinds[i].big, "0123456789");
        read_id(&w, w.size, id);
        CU_ASSERT_STRING_EQUAL(id, "0123456789");
        write_file(&w, kinds[i].syntax, kinds[i].named, kinds[i].big, NULL);
        read_id(&w, w.size, id);
        CU_ASSERT_STRING_EQUAL(id, "");
    }
    /* Files without a preamble begin with group 8. */
    write_file(&w, little, true, false, "P-18");
    memmove(w.data, w.data + w.body, w.size - w.body);
    read_id(&w, w.size - w.body, id);
    CU_ASSERT_STRING_EQUAL(id, "P-18");
    CU_ASSERT_EQUAL(thaw_dicom_patient_load(thaw_tmp("nowhere"), id, NULL), 0);
    CU_ASSERT_STRING_EQUAL(id, "");
}

/* Cut anywhere, or with any byte changed: some answer, in bounds. */
static void test_damaged(void)
{
    struct writer w;
    char id[THAW_DICOM_PATIENT];
    write_file(&w, little, true, false, "P-17");
    for (size_t size = 0; size < w.size; size++) {
        read_id(&w, size, id);
        CU_ASSERT_TRUE(id[0] == 0 || strcmp(id, "P-17") == 0);
    }
    for (size_t i = 128; i < w.size; i++) {
        unsigned char kept = w.data[i];
        w.data[i] = 0xff;
        read_id(&w, w.size, id);
        CU_ASSERT_TRUE(strlen(id) < THAW_DICOM_PATIENT);
        w.data[i] = kept;
    }
}

/* The list of a disc's files bears a class of its own. */
static void test_directory(void)
{
    struct writer w = {.size = 132, .named = true};
    memcpy(w.data + 128, "DICM", 4);
    CU_ASSERT_FALSE(thaw_dicom_is_directory(w.data, w.size));
    put_text(&w, 2, 2, "UI", "1.2.840.10008.1.3.10");
    CU_ASSERT_TRUE(thaw_dicom_is_directory(w.data, w.size));
    CU_ASSERT_FALSE(thaw_dicom_is_directory(w.data, w.size - 1));
    write_file(&w, little, true, false, "P-17");
    CU_ASSERT_FALSE(thaw_dicom_is_directory(w.data, w.size));
}

static void make_set(const char *root, const char *const *patients, int n)
{
    struct writer w;
    char path[400];
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", root, i % 2 ? "b" : "a");
        CU_ASSERT_EQUAL_FATAL(thaw_dir_make(path, NULL), 0);
        snprintf(path, sizeof path, "%s/%s/IM%04d", root, i % 2 ? "b" : "a", i);
        write_file(&w, little, true, false, patients[i]);
        CU_ASSERT_EQUAL_FATAL(thaw_file_write(path, w.data, w.size, NULL), 0);
    }
}

static void test_groups(void)
{
    static const char *const several[] = {"p1", "p1", "p2", NULL, "p2", "p1"};
    static const char *const anonymous[] = {"ANON", "ANON", NULL, "ANON"};
    static const char *const one[] = {"p1", "p1", "p1", "p1"};
    static const char *const want[] = {"p1", "p2", "p2", "p1", NULL, "p1"}; /* a/0 2 4, b/1 3 5 */
    struct thaw_dataset data;
    struct thaw_error err = {0};
    char *found;
    make_set(thaw_tmp("several"), several, 6);
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(thaw_dataset_from_dir(&data, thaw_tmp("several"), NULL, 0, &err), &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_patients_find(&data, NULL, &found, &err), &err), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(found, "2 in 5 of 6 images (2 with two or more, the largest with 3"));
    for (size_t i = 0; i < 6; i++)
        CU_ASSERT(want[i] ? data.images[i].group && strcmp(data.images[i].group, want[i]) == 0
                          : !data.images[i].group);
    free(found);
    thaw_dataset_release(&data);
    for (int kind = 0; kind < 2; kind++) {
        const char *root = thaw_tmp(kind ? "one" : "anonymous");
        make_set(root, kind ? one : anonymous, 4);
        CU_ASSERT_EQUAL_FATAL(thaw_dataset_from_dir(&data, root, NULL, 0, &err), 0);
        CU_ASSERT_EQUAL_FATAL(thaw_patients_find(&data, NULL, &found, &err), 0);
        CU_ASSERT_EQUAL(found != NULL, kind);
        CU_ASSERT_EQUAL(data.images[0].group != NULL, kind);
        free(found);
        thaw_dataset_release(&data);
    }
}

void thaw_test_patients(void)
{
    CU_pSuite s = thaw_suite("patients");
    CU_add_test(s, "the identity is found behind sequences, in every byte order", test_identity);
    CU_add_test(s, "damaged files have none", test_damaged);
    CU_add_test(s, "the list of a disc's files is told", test_directory);
    CU_add_test(s, "patients are groups", test_groups);
}
