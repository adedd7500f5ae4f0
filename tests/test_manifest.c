/* Tables of images: columns, roots, parts, rows that are not used, patients. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/base/file.h"
#include "tests/check.h"
#include "vision/manifest.h"
#include "vision/parts.h"
#include "vision/patients.h"

/* A file below the folder, with the folders above it. */
static void put(const char *root, const char *relative, const void *data, size_t size)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", root, relative);
    char *slash = strrchr(path, '/');
    *slash = 0;
    CU_ASSERT_EQUAL_FATAL(thaw_dir_make(path, NULL), 0);
    *slash = '/';
    CU_ASSERT_EQUAL_FATAL(thaw_file_write(path, data, size, NULL), 0);
}

/* A folder with a.png to d.png in img/, and b.png in other/, too. */
static const char *folder(void)
{
    static const char *const files[] = {"img/a.png", "img/b.png", "img/c.png", "img/d.png",
                                        "other/b.png"};
    const char *root = thaw_tmp("manifest");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        put(root, files[i], files[i], strlen(files[i]));
    return root;
}

static const char *write_table(const char *text)
{
    static char path[600];
    snprintf(path, sizeof path, "%s/t.csv", folder());
    CU_ASSERT_EQUAL_FATAL(thaw_file_write(path, text, strlen(text), NULL), 0);
    return path;
}

static int list(struct thaw_dataset *data, const char *text, const char *columns, const char *roots,
                enum thaw_part part, struct thaw_error *err)
{
    struct thaw_parts parts;
    *err = (struct thaw_error){0};
    if (thaw_parts_find(&parts, write_table(text), columns, roots, false, err))
        return -1;
    int rc = thaw_parts_list(&parts, part, NULL, 0, data, err);
    thaw_parts_release(&parts);
    return rc;
}

static bool warns(const struct thaw_dataset *data, const char *of)
{
    for (size_t i = 0; i < data->n_warnings; i++)
        if (strstr(data->warnings[i], of))
            return true;
    return false;
}

static void test_columns(void)
{
    struct thaw_dataset data;
    struct thaw_error err;
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(list(&data,
                       "\xef\xbb\xbf"
                       "File;Diagnosis;age;Patient\r\n"
                       "img\\d.png;\"tumour; left\";50;p2\r\n\r\n img/a.png ; none;;\r\n"
                       "img/b.png;none;3;p2;;\r\n",
                       "path=file,label=diagnosis,group=patient", NULL, THAW_PART_TRAIN, &err),
                  &err),
        0);
    CU_ASSERT_EQUAL_FATAL(data.n, 3);
    CU_ASSERT_EQUAL_FATAL(data.n_classes, 2);
    CU_ASSERT_STRING_EQUAL(data.classes[0], "none");
    CU_ASSERT_STRING_EQUAL(data.classes[1], "tumour; left");
    CU_ASSERT_STRING_EQUAL(data.images[0].relative, "img/a.png");
    CU_ASSERT_STRING_EQUAL(data.images[2].relative, "img\\d.png");
    CU_ASSERT_EQUAL(access(data.images[2].path, R_OK), 0);
    CU_ASSERT_PTR_NULL(data.images[0].group);
    CU_ASSERT_STRING_EQUAL(data.images[1].group, "p2");
    CU_ASSERT_EQUAL(data.images[2].label, 1);
    CU_ASSERT_EQUAL(data.n_lost, 0);
    CU_ASSERT(warns(&data, "columns not used: age"));
    thaw_dataset_release(&data);
}

static void test_roots(void)
{
    struct thaw_dataset data;
    struct thaw_error err;
    char roots[1300], inside[600], wanted[700];
    snprintf(inside, sizeof inside, "%s/img", folder());
    snprintf(roots, sizeof roots, "%s/other:%s", folder(), inside);
    const char *text = "path,label\na.png,x\nb.png,y\n";
    CU_ASSERT_EQUAL_FATAL(thaw_told(list(&data, text, NULL, roots, THAW_PART_TRAIN, &err), &err),
                          0);
    snprintf(wanted, sizeof wanted, "%s/other/b.png", folder());
    CU_ASSERT_STRING_EQUAL(data.images[1].path, wanted);
    snprintf(wanted, sizeof wanted, "%s/a.png", inside);
    CU_ASSERT_STRING_EQUAL(data.images[0].path, wanted);
    thaw_dataset_release(&data);
    CU_ASSERT_EQUAL(list(&data, text, NULL, "/nowhere", THAW_PART_TRAIN, &err), -1);
    CU_ASSERT(thaw_says(&err, "none of 2 rows", ":2: there is no file a.png in /nowhere", NULL));
}

static void test_parts(void)
{
    struct thaw_parts parts;
    struct thaw_dataset data;
    struct thaw_error err;
    const char *text = "path,label,split\nimg/a.png,x,Train\nimg/b.png,y,training\n"
                       "img/c.png,y,TEST\nimg/gone.png,,test\nother/b.png,z,valid\n";
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(thaw_parts_find(&parts, write_table(text), NULL, NULL, false, &err), &err), 0);
    CU_ASSERT(parts.split && parts.val && parts.test);
    CU_ASSERT(strstr(parts.test, "t.csv (test)") != NULL);
    CU_ASSERT_EQUAL_FATAL(thaw_parts_list(&parts, THAW_PART_TRAIN, NULL, 0, &data, &err), 0);
    CU_ASSERT_EQUAL(data.n, 2);
    CU_ASSERT_EQUAL(data.n_lost, 0);
    /* The classes are those of train: another one in val is named with its line. */
    struct thaw_dataset other;
    CU_ASSERT_EQUAL(
        thaw_parts_list(&parts, THAW_PART_VAL, (const char *const *)data.classes, 2, &other, &err),
        -1);
    CU_ASSERT(thaw_says(&err, ":6: label is 'z'; known are x, y", NULL));
    CU_ASSERT_EQUAL_FATAL(
        thaw_parts_list(&parts, THAW_PART_TEST, (const char *const *)data.classes, 2, &other, &err),
        0);
    CU_ASSERT_EQUAL(other.n, 1);
    CU_ASSERT_EQUAL(other.n_missing, 1);
    CU_ASSERT_EQUAL_FATAL(other.n_lost, 1);
    CU_ASSERT(strstr(other.lost[0].place, "t.csv:5") != NULL);
    CU_ASSERT_STRING_EQUAL(other.lost[0].reason, "label is empty");
    thaw_dataset_release(&other);
    thaw_dataset_release(&data);
    thaw_parts_release(&parts);
}

static void test_lost_rows(void)
{
    struct thaw_dataset data;
    struct thaw_error err;
    CU_ASSERT_EQUAL_FATAL(list(&data,
                               "path,label\nimg/a.png,x\nimg/gone.png,x\n,y\nimg/b.png,y\n"
                               "img/../img/a.png,x\nimg,x\n",
                               NULL, NULL, THAW_PART_TRAIN, &err),
                          0);
    CU_ASSERT_EQUAL(data.n, 2);
    CU_ASSERT_EQUAL_FATAL(data.n_lost, 4);
    static const char *const says[] = {"there is no file img/gone.png in ", "path is empty",
                                       "img/../img/a.png stands in line 2 already",
                                       "there is no file img in "};
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT(strstr(data.lost[i].reason, says[i]) != NULL);
    CU_ASSERT(strstr(data.lost[2].place, ":6") != NULL);
    thaw_dataset_release(&data);
}

static void test_refusals(void)
{
    static const struct {
        const char *text, *columns, *says;
    } cases[] = {
        {"", NULL, "is empty; wanted is a table"},
        {"file,label\n", NULL, ":1: no column 'path'; there are: file, label; --columns path=NAME"},
        {"path,label\n", "label=dx", "no column 'dx'"},
        {"path,label\n", "group=who", "no column 'who'"},
        {"path,Path,label\n", NULL, "columns 1 and 2 are both called path"},
        {"path,label\n", "lable=x", "--columns lable=x: needs path=NAME"},
        {"path,label\n", "path", "needs path=NAME"},
        {"path,label\n", "path=a,path=b", "path is given twice"},
        {"path,label\n", "group=label", "label and group are both label"},
        {"path,label\nimg/a.png\n", NULL, ":2: 1 cells, but the header has 2"},
        {"path,label\nimg/a.png,x,y\n", NULL, ":2: 3 cells, but the header has 2"},
        {"path,label,split\nimg/a.png,x,hold-out\n", NULL,
         ":2: split is 'hold-out'; wanted is train, val or test"},
        {"path,label,split\nimg/a.png,x,\n", NULL, "split is ''"},
        {"path,label\nimg/a.png,x\nimg/b.png,y\n./img/a.png,y\n", NULL,
         ":4: ./img/a.png is label 'y', but 'x' in line 2"},
        {"path,label,split\nimg/a.png,x,train\nimg/a.png,x,test\n", NULL,
         "is split 'test', but 'train' in line 2"},
        {"path,label\nimg/a.png,x\nimg/b.png,x\n", NULL, "has the one value 'x'"},
        {"path,label,split\nimg/a.png,x,test\n", NULL, "no row of the part train"},
        {"path,label\n", NULL, "no row"},
        {"path,label\nimg/a.png,\"x\n", NULL, ":2: the quote that begins a field is not closed"}};
    struct thaw_dataset data;
    struct thaw_error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CU_ASSERT_EQUAL(list(&data, cases[i].text, cases[i].columns, NULL, THAW_PART_TRAIN, &err),
                        -1);
        CU_ASSERT(thaw_says(&err, cases[i].says, NULL));
    }
    struct thaw_parts parts;
    CU_ASSERT_EQUAL(thaw_parts_find(&parts, folder(), "path=a", NULL, false, &err), -1);
    CU_ASSERT(thaw_says(&err, "--columns is for a table", NULL));
}

/* Groups: the column; a pattern and "none" instead of it; folders of patients. */
static void test_patients(void)
{
    struct thaw_dataset data;
    struct thaw_error err;
    char *found;
    const char *text = "path,label,group\nimg/a.png,x,p1\nimg/b.png,y,p1\nimg/c.png,y,\n";
    CU_ASSERT_EQUAL_FATAL(list(&data, text, NULL, NULL, THAW_PART_TRAIN, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_patients_find(&data, NULL, &found, &err), 0);
    CU_ASSERT_STRING_EQUAL(found, "column group: 1 in 2 of 3 images (1 with two or more, the "
                                  "largest with 2), each kept on one side of a split");
    free(found);
    CU_ASSERT_EQUAL_FATAL(thaw_patients_find(&data, "^(.)", &found, &err), 0);
    CU_ASSERT_STRING_EQUAL(data.images[2].group, "c");
    free(found);
    CU_ASSERT_EQUAL_FATAL(thaw_patients_find(&data, "none", &found, &err), 0);
    CU_ASSERT_PTR_NULL(found);
    CU_ASSERT_PTR_NULL(data.images[0].group);
    CU_ASSERT_EQUAL(thaw_patients_find(&data, "dicom", &found, &err), -1);
    CU_ASSERT(thaw_says(&err, "a.png is no DICOM file", NULL));
    thaw_dataset_release(&data);
}

/* The folder a path begins with, though those below it would do as well. */
static void test_patient_folders(void)
{
    struct thaw_dataset data;
    struct thaw_error err;
    char *found, text[4000] = "path,label\n", path[64];
    for (int i = 0; i < 96; i++) {
        snprintf(path, sizeof path, "P%02d/S%d/%d.png", i / 4, i / 2, i);
        put(folder(), path, "", 0);
        snprintf(text + strlen(text), 80, "%s,%s\n", path, i / 4 % 2 ? "x" : "y");
    }
    CU_ASSERT_EQUAL_FATAL(list(&data, text, NULL, NULL, THAW_PART_TRAIN, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_patients_find(&data, NULL, &found, &err), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT(strstr(found, "patients recognised (a folder a patient): 24 in 96") != NULL);
    CU_ASSERT_STRING_EQUAL(data.images[5].group, "P01");
    free(found);
    thaw_dataset_release(&data);
}

/* --- DICOM --- */

/* The least file that is one: preamble, transfer syntax, PatientID (NULL: none). */
static void put_dicom(const char *relative, const char *id)
{
    unsigned char file[256] = {[128] = 'D', 'I', 'C', 'M'};
    static const unsigned char meta[] = "\x02\x00\x10\x00UI\x14\x00"
                                        "1.2.840.10008.1.2.1";
    size_t at = 132;
    memcpy(file + at, meta, sizeof meta); /* the zero at the end makes the length even */
    at += sizeof meta;
    size_t n = id ? strlen(id) : 0, even = n + n % 2;
    if (id) {
        memcpy(file + at, "\x10\x00\x20\x00LO", 6);
        file[at + 6] = (unsigned char)even;
        memset(file + at + 8, ' ', even);
        memcpy(file + at + 8, id, n);
        at += 8 + even;
    }
    memcpy(file + at,
           "\x10\x00\x10\x10"
           "AS\x04\x00"
           "042Y",
           12);
    put(folder(), relative, file, at + 12);
}

static void test_dicom(void)
{
    struct thaw_dataset data;
    struct thaw_error err;
    char *found;
    const char *text = "path,label\nd/1,x\nd/2,x\nd/3,y\n";
    static const char *const ids[][3] = {
        {"P-7", "P-7", "Q"}, {"ANON", "ANON", "ANON"}, {"P", NULL, "Q"}};
    for (size_t k = 0; k < 3; k++) {
        put_dicom("d/1", ids[k][0]);
        put_dicom("d/2", ids[k][1]);
        put_dicom("d/3", ids[k][2]);
        CU_ASSERT_EQUAL_FATAL(list(&data, text, NULL, NULL, THAW_PART_TRAIN, &err), 0);
        CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_patients_find(&data, NULL, &found, &err), &err), 0);
        if (k == 0) {
            CU_ASSERT(strstr(found, "patients from DICOM (PatientID): 2 in 3 of 3") != NULL);
            CU_ASSERT_STRING_EQUAL(data.images[1].group, "P-7");
        } else if (k == 1) {
            CU_ASSERT_PTR_NULL(found);
            CU_ASSERT_PTR_NULL(data.images[0].group);
            CU_ASSERT(warns(&data, "one and the same PatientID"));
        } else {
            CU_ASSERT_PTR_NULL(data.images[1].group);
            free(found);
            CU_ASSERT_EQUAL(thaw_patients_find(&data, "dicom", &found, &err), -1);
            CU_ASSERT(
                thaw_says(&err, "1 of 3 files state no PatientID, the first is", "d/2", NULL));
        }
        free(found);
        thaw_dataset_release(&data);
    }
}

void thaw_test_manifest(void)
{
    CU_pSuite s = thaw_suite("manifest");
    CU_add_test(s, "columns, quotes, blanks, what is not used", test_columns);
    CU_add_test(s, "roots are tried in order", test_roots);
    CU_add_test(s, "parts", test_parts);
    CU_add_test(s, "rows that are not used keep a reason", test_lost_rows);
    CU_add_test(s, "what is refused, with its line", test_refusals);
    CU_add_test(s, "patients of a column", test_patients);
    CU_add_test(s, "patients of folders", test_patient_folders);
    CU_add_test(s, "patients of DICOM", test_dicom);
}
