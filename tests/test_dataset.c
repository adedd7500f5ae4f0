/* Data folders: what is listed, how it is labelled, which images belong together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/file.h"
#include "tests/check.h"
#include "vision/dataset.h"
#include "vision/groups.h"
#include "vision/parts.h"

/* Writes a file of one line under the folder, with the folders above it. */
static void put(const char *root, const char *relative)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", root, relative);
    char *slash = strrchr(path, '/');
    *slash = 0;
    CU_ASSERT_EQUAL_FATAL(thaw_dir_make(path, NULL), 0);
    *slash = '/';
    CU_ASSERT_EQUAL_FATAL(thaw_file_write(path, relative, strlen(relative), NULL), 0);
}

static void link_to(const char *root, const char *target, const char *relative)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", root, relative);
    CU_ASSERT_EQUAL_FATAL(symlink(target, path), 0);
}

static int from_dir(struct thaw_dataset *data, const char *root, struct thaw_error *err)
{
    return thaw_told(thaw_dataset_from_dir(data, root, NULL, 0, err), err);
}

static bool warns(const struct thaw_dataset *data, const char *of)
{
    for (size_t i = 0; i < data->n_warnings; i++)
        if (strstr(data->warnings[i], of))
            return true;
    return false;
}

/* Files of scanners have names without a suffix: their content counts. */
static void test_unnamed(void)
{
    struct thaw_dataset data;
    struct thaw_error err = {0};
    static const char dicom[132] = {[128] = 'D', 'I', 'C', 'M'};
    const char *root = thaw_tmp("unnamed");
    char path[600];
    put(root, "a/1.png");
    put(root, "b/2.png");
    put(root, "a/README");
    put(root, "a/7");
    static const char *const names[] = {"a/IM000001", "a/1.2.840.10008.5", "b/film.txt"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", root, names[i]);
        CU_ASSERT_EQUAL_FATAL(thaw_file_write(path, dicom, sizeof dicom, &err), 0);
    }
    snprintf(path, sizeof path, "%s/a/pipe", root);
    CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
    CU_ASSERT_EQUAL_FATAL(from_dir(&data, root, &err), 0);
    CU_ASSERT_EQUAL_FATAL(data.n, 4);
    CU_ASSERT_STRING_EQUAL(data.images[0].relative, "a/1.2.840.10008.5");
    CU_ASSERT_STRING_EQUAL(data.images[2].relative, "a/IM000001");
    CU_ASSERT_EQUAL(data.other, 4);
    thaw_dataset_release(&data);
}

static void test_listing(void)
{
    struct thaw_dataset data;
    struct thaw_error err = {0};
    const char *root = thaw_tmp("listing");
    const char *files[] = {"b class/2.PNG",   "b class/10.jpeg",   "b class/.hidden.png",
                           "b class/a.txt",   "Zeta/deep/x/1.jpg", "Zeta/deep.png",
                           "Zeta/.git/1.png", "loose.png",         "notes.md",
                           ".DS_Store",       "empty/readme.txt",  "a/1.png"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        put(root, files[i]);
    CU_ASSERT_EQUAL_FATAL(from_dir(&data, thaw_tmp("listing/"), &err), 0);
    CU_ASSERT_EQUAL_FATAL(data.n_classes, 3);
    CU_ASSERT_STRING_EQUAL(data.classes[0], "Zeta");
    CU_ASSERT_STRING_EQUAL(data.classes[1], "a");
    CU_ASSERT_STRING_EQUAL(data.classes[2], "b class");
    const char *listed[] = {"Zeta/deep.png", "Zeta/deep/x/1.jpg", "a/1.png", "b class/10.jpeg",
                            "b class/2.PNG"};
    const int labels[] = {0, 0, 1, 2, 2};
    CU_ASSERT_EQUAL_FATAL(data.n, 5);
    for (size_t i = 0; i < data.n; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", root, listed[i]);
        CU_ASSERT_STRING_EQUAL(data.images[i].relative, listed[i]);
        CU_ASSERT_STRING_EQUAL(data.images[i].path, path);
        CU_ASSERT_EQUAL(data.images[i].label, labels[i]);
        CU_ASSERT_PTR_NULL(data.images[i].group);
    }
    CU_ASSERT_EQUAL(data.hidden, 3);
    CU_ASSERT_EQUAL(data.other, 3);
    CU_ASSERT_EQUAL(data.loose, 1);
    CU_ASSERT_TRUE(warns(&data, "empty holds no image"));
    CU_ASSERT_TRUE(warns(&data, "outside the class folders, ignored: 1"));
    bool drop[5] = {true, false, false, false, true};
    size_t counts[3];
    thaw_dataset_drop(&data, drop);
    thaw_dataset_counts(&data, counts);
    CU_ASSERT_EQUAL(counts[0], 1);
    CU_ASSERT_EQUAL(counts[2], 1);
    CU_ASSERT_STRING_EQUAL(data.images[0].relative, "Zeta/deep/x/1.jpg");
    thaw_dataset_release(&data);
}

static void test_links(void)
{
    struct thaw_dataset data;
    struct thaw_error err = {0};
    const char *root = thaw_tmp("links");
    put(root, "a/1.png");
    put(root, "a/sub/2.png");
    put(root, "b/1.png");
    link_to(root, "..", "a/sub/up");
    link_to(root, "sub", "a/again");
    link_to(root, "1.png", "a/same.png");
    link_to(root, "nowhere.png", "b/dangling.png");
    char pipe[600];
    snprintf(pipe, sizeof pipe, "%s/b/pipe.png", root);
    CU_ASSERT_EQUAL_FATAL(mkfifo(pipe, 0600), 0);
    CU_ASSERT_EQUAL_FATAL(from_dir(&data, root, &err), 0);
    CU_ASSERT_EQUAL_FATAL(data.n, 4);
    CU_ASSERT_STRING_EQUAL(data.images[0].relative, "a/1.png");
    CU_ASSERT_STRING_EQUAL(data.images[3].relative, "b/dangling.png");
    CU_ASSERT_EQUAL(data.repeated, 1);
    CU_ASSERT_EQUAL(data.other, 1);
    CU_ASSERT_TRUE(warns(&data, "links to others, used once: 1"));
    thaw_dataset_release(&data);

    link_to(root, "../a/1.png", "b/stolen.png");
    CU_ASSERT_EQUAL(thaw_dataset_from_dir(&data, root, NULL, 0, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, root, "a/1.png", "b/stolen.png", "two classes", NULL));
    thaw_dataset_release(&data);
}

static void test_pinned(void)
{
    struct thaw_dataset data;
    struct thaw_error err = {0};
    const char *root = thaw_tmp("pinned");
    const char *known[] = {"zebra", "ape", "cat"}, *fewer[] = {"zebra", "cat"};
    put(root, "ape/1.png");
    put(root, "zebra/1.png");
    put(root, "notes/1.txt");
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_dataset_from_dir(&data, root, known, 3, &err), &err), 0);
    CU_ASSERT_EQUAL_FATAL(data.n, 2);
    CU_ASSERT_EQUAL_FATAL(data.n_classes, 3);
    CU_ASSERT_STRING_EQUAL(data.classes[0], "zebra");
    CU_ASSERT_EQUAL(data.images[0].label, 1);
    CU_ASSERT_EQUAL(data.images[1].label, 0);
    CU_ASSERT_EQUAL(data.n_missing, 1);
    CU_ASSERT_TRUE(warns(&data, "class cat has no image"));
    thaw_dataset_release(&data);
    CU_ASSERT_EQUAL(thaw_dataset_from_dir(&data, root, fewer, 2, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, root, ": ape.", "Known: zebra, cat", "here: ape, zebra", NULL));
    CU_ASSERT_PTR_NULL(data.images);
}

static void test_too_few(void)
{
    struct thaw_dataset data;
    struct thaw_error err = {0};
    const char *root = thaw_tmp("few");
    put(root, "only/1.png");
    put(root, "text/1.txt");
    CU_ASSERT_EQUAL(thaw_dataset_from_dir(&data, root, NULL, 0, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, root, "1 class folder", "at least two", "train/", "PNG", NULL));
    CU_ASSERT_EQUAL(thaw_dataset_from_dir(&data, thaw_tmp("few/absent"), NULL, 0, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "absent: No such file", NULL));
    CU_ASSERT_EQUAL(thaw_dataset_from_dir(&data, thaw_tmp("few/only/1.png"), NULL, 0, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "1.png: Not a directory", NULL));
}

static void test_layout(void)
{
    struct thaw_parts layout;
    struct thaw_error err = {0};
    const char *root = thaw_tmp("layout");
    put(root, "Training/a/1.png");
    put(root, "valid/a/1.png");
    put(root, "TEST/a/1.png");
    put(root, "masks/1.png");
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_parts_find(&layout, root, NULL, NULL, false, &err), &err),
                          0);
    CU_ASSERT_TRUE(layout.split);
    CU_ASSERT_STRING_EQUAL(strrchr(layout.train, '/'), "/Training");
    CU_ASSERT_STRING_EQUAL(strrchr(layout.val, '/'), "/valid");
    CU_ASSERT_STRING_EQUAL(strrchr(layout.test, '/'), "/TEST");
    CU_ASSERT_STRING_EQUAL(layout.extra, "masks");
    thaw_parts_release(&layout);
    put(root, "validation/a/1.png");
    CU_ASSERT_EQUAL(thaw_parts_find(&layout, root, NULL, NULL, false, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "layout/valid ", "layout/validation", "val part", NULL));

    /* Images directly in train: a class that is called so. */
    root = thaw_tmp("vehicles");
    put(root, "train/1.png");
    put(root, "car/1.png");
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_parts_find(&layout, root, NULL, NULL, false, &err), &err),
                          0);
    CU_ASSERT_FALSE(layout.split);
    CU_ASSERT_STRING_EQUAL(layout.train, root);
    CU_ASSERT_PTR_NULL(layout.val);
    CU_ASSERT_PTR_NULL(layout.extra);
    thaw_parts_release(&layout);
}

static void test_hash(void)
{
    struct thaw_dataset data;
    struct thaw_error err = {0};
    char one[THAW_HASH_TEXT], two[THAW_HASH_TEXT], other[THAW_HASH_TEXT];
    const char *roots[] = {thaw_tmp("hash-1"), thaw_tmp("hash-2")};
    char *texts[] = {one, two};
    for (int i = 0; i < 2; i++) {
        put(roots[i], i ? "b/1.png" : "a/1.png");
        put(roots[i], i ? "a/1.png" : "b/1.png");
        CU_ASSERT_EQUAL_FATAL(from_dir(&data, roots[i], &err), 0);
        CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_dataset_hash(&data, texts[i], NULL, &err), &err), 0);
        thaw_dataset_release(&data);
    }
    CU_ASSERT_STRING_EQUAL(one, two);
    CU_ASSERT_EQUAL_FATAL(thaw_file_write(thaw_tmp("hash-1/a/1.png"), "x", 1, &err), 0);
    CU_ASSERT_EQUAL_FATAL(from_dir(&data, roots[0], &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_dataset_hash(&data, other, NULL, &err), 0);
    CU_ASSERT_STRING_NOT_EQUAL(one, other);
    thaw_dataset_release(&data);
}

static void test_files(void)
{
    struct thaw_dataset data;
    struct thaw_error err = {0};
    const char *paths[] = {"z.png", "a.png"};
    CU_ASSERT_EQUAL_FATAL(thaw_dataset_from_files(&data, paths, 2, &err), 0);
    CU_ASSERT_EQUAL_FATAL(data.n, 2);
    CU_ASSERT_STRING_EQUAL(data.images[0].path, "z.png");
    CU_ASSERT_EQUAL(data.images[1].label, -1);
    thaw_dataset_release(&data);
}

static void test_regex(void)
{
    struct thaw_dataset data;
    struct thaw_error err = {0};
    char *found;
    const char *root = thaw_tmp("regex");
    put(root, "a/p1-x.png");
    put(root, "a/p1-y.png");
    put(root, "b/p1-z.png");
    put(root, "b/p2-z.png");
    CU_ASSERT_EQUAL_FATAL(from_dir(&data, root, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_groups_by_regex(&data, "^(p[0-9]+)-", &found, &err), &err),
                          0);
    CU_ASSERT_STRING_EQUAL(data.images[0].group, "p1");
    CU_ASSERT_STRING_EQUAL(data.images[2].group, "p1");
    CU_ASSERT_STRING_EQUAL(data.images[3].group, "p2");
    CU_ASSERT_PTR_NOT_NULL(strstr(found, "2 groups in 4 images"));
    free(found);
    CU_ASSERT_EQUAL_FATAL(thaw_groups_by_regex(&data, "[a-z]\\.", &found, &err), 0);
    CU_ASSERT_STRING_EQUAL(data.images[3].group, "z.");
    free(found);
    CU_ASSERT_EQUAL(thaw_groups_by_regex(&data, "^(p1)", &found, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "^(p1)", "1 of 4", "b/p2-z.png", NULL));
    CU_ASSERT_STRING_EQUAL(data.images[3].group, "z.");
    CU_ASSERT_EQUAL(thaw_groups_by_regex(&data, "(p", &found, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "(p", "POSIX", NULL));
    thaw_dataset_release(&data);
}

static void test_recognise(void)
{
    struct thaw_dataset data;
    struct thaw_error err = {0};
    char *found, name[64];
    const char *root = thaw_tmp("recognise");
    for (int p = 0; p < 12; p++)
        for (int s = 0; s < 2; s++) {
            snprintf(name, sizeof name, "many/%04d_%03d.png", p, s);
            put(root, name);
        }
    put(root, "few/0003_007.png"); /* the same patient as in the other class */
    put(root, "few/0100_001.png");
    put(root, "few/0100_002.png");
    put(root, "few/scan.png");
    put(root, "few/_3.png");
    for (int s = 0; s < 30; s++) {
        snprintf(name, sizeof name, "series/tumor_%03d.png", s);
        put(root, name);
    }
    put(root, "series/0003_009.png");
    CU_ASSERT_EQUAL_FATAL(from_dir(&data, root, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_groups_recognise(&data, &found, &err), &err), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_PTR_NOT_NULL(strstr(found, "13 in"));
    free(found);
    for (size_t i = 0; i < data.n; i++) {
        const char *file = strchr(data.images[i].relative, '/') + 1;
        const char *group = data.images[i].group;
        if (file[0] == '0')
            CU_ASSERT_TRUE(group && strncmp(file, group, 4) == 0 && strlen(group) == 4)
        else
            CU_ASSERT_PTR_NULL(group); /* tumor_ is a name, not a patient; the others have none */
    }
    thaw_dataset_release(&data);
}

static void test_not_recognised(void)
{
    struct thaw_dataset data;
    struct thaw_error err = {0};
    char *found, name[64];
    const char *root = thaw_tmp("numbered"), *folders = thaw_tmp("patients");
    for (int s = 0; s < 40; s++) {
        snprintf(name, sizeof name, "%s/%s_%03d.png", s % 2 ? "a" : "b", s % 2 ? "x" : "y", s);
        put(root, name);
        snprintf(name, sizeof name, "%s/p%02d/%03d.png", s % 2 ? "a" : "b", s / 4 * 2 + s % 2, s);
        put(folders, name);
    }
    CU_ASSERT_EQUAL_FATAL(from_dir(&data, root, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_groups_recognise(&data, &found, &err), 0);
    CU_ASSERT_PTR_NULL(found);
    for (size_t i = 0; i < data.n; i++)
        CU_ASSERT_PTR_NULL(data.images[i].group);
    thaw_dataset_release(&data);

    CU_ASSERT_EQUAL_FATAL(from_dir(&data, folders, &err), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_groups_recognise(&data, &found, &err), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_PTR_NOT_NULL(strstr(found, "a folder a patient"));
    CU_ASSERT_STRING_EQUAL(data.images[0].group, "p01");
    free(found);
    thaw_dataset_release(&data);
}

static void test_real_scans(void)
{
    struct thaw_dataset data;
    struct thaw_parts layout;
    struct thaw_error err = {0};
    char *found;
    const char *chest = thaw_shared("scans/chest-xray"), *brain = thaw_shared("scans/brain-mri");
    if (!chest || !brain) {
        thaw_skip("patients of real scans: shared/scans absent");
        return;
    }
    CU_ASSERT_EQUAL_FATAL(from_dir(&data, chest, &err), 0);
    CU_ASSERT_EQUAL(data.n_classes, 3);
    CU_ASSERT_EQUAL(data.n, 181);
    CU_ASSERT_EQUAL_FATAL(thaw_groups_recognise(&data, &found, &err), 0);
    CU_ASSERT_PTR_NOT_NULL(found);
    free(found);
    for (size_t i = 0; i < data.n; i++) {
        const char *file = strrchr(data.images[i].relative, '/') + 1;
        if (data.images[i].label > 0)
            CU_ASSERT_TRUE(data.images[i].group && strncmp(file, data.images[i].group, 8) == 0);
    }
    thaw_dataset_release(&data);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_parts_find(&layout, brain, NULL, NULL, false, &err), &err),
                          0);
    CU_ASSERT_TRUE_FATAL(layout.split && layout.val && !layout.test);
    CU_ASSERT_EQUAL_FATAL(from_dir(&data, layout.train, &err), 0);
    CU_ASSERT_EQUAL(data.n, 400);
    CU_ASSERT_EQUAL_FATAL(thaw_groups_recognise(&data, &found, &err), 0);
    CU_ASSERT_PTR_NULL(found);
    thaw_dataset_release(&data);
    thaw_parts_release(&layout);
}

void thaw_test_dataset(void)
{
    CU_pSuite s = thaw_suite("dataset");
    CU_add_test(s, "folders become classes, files images; the rest is counted", test_listing);
    CU_add_test(s, "files without a suffix count by their content", test_unnamed);
    CU_add_test(s, "links neither hang nor repeat", test_links);
    CU_add_test(s, "pinned classes keep their places", test_pinned);
    CU_add_test(s, "too few classes, no folder", test_too_few);
    CU_add_test(s, "train, val and test are found", test_layout);
    CU_add_test(s, "the hash follows names and contents", test_hash);
    CU_add_test(s, "files given one by one", test_files);
    CU_add_test(s, "groups by a pattern", test_regex);
    CU_add_test(s, "patients are recognised", test_recognise);
    CU_add_test(s, "numbered files are no patients; folders of few files are", test_not_recognised);
    CU_add_test(s, "real scans: patients in one set, none in the other", test_real_scans);
}
