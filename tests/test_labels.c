/* Images with several labels, and how an epoch draws evenly from classes and labels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/base/file.h"
#include "tests/check.h"
#include "vision/labels.h"
#include "vision/sampler.h"
#include "vision/split.h"

static void put(const char *root, const char *relative, const char *content)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", root, relative);
    char *slash = strrchr(path, '/');
    *slash = 0;
    CU_ASSERT_EQUAL_FATAL(thaw_dir_make(path, NULL), 0);
    *slash = '/';
    CU_ASSERT_EQUAL_FATAL(thaw_file_write(path, content, strlen(content), NULL), 0);
}

static int from_folders(struct thaw_dataset *data, const char *root, const char *none,
                        struct thaw_error *err)
{
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_dataset_from_dir_by_label(data, root, err), err), 0);
    return thaw_labels_make(data, THAW_SAME_NAME, NULL, 0, none, err);
}

static bool labels_are(const struct thaw_dataset *data, size_t i, const char *want)
{
    char *text = thaw_labels_text(data, i, NULL);
    bool same = text && strcmp(text, want) == 0;
    if (!same)
        printf("\n    %s: %s, %s wanted\n", data->images[i].relative, text ? text : "?", want);
    free(text);
    return same;
}

static const char *make_folders(const char *name)
{
    const char *root = thaw_tmp(name);
    put(root, "effusion/1.png", "one");
    put(root, "effusion/deep/2.png", "two");
    put(root, "nodule/1.png", "one");
    put(root, "nodule/3.png", "three");
    put(root, "nodule;mass/4.png", "four");
    put(root, "normal/5.png", "five");
    return root;
}

static void test_folders(void)
{
    struct thaw_dataset data;
    struct thaw_error err = {0};
    char link[600];
    const char *root = make_folders("findings");
    snprintf(link, sizeof link, "%s/mass", root);
    CU_ASSERT_EQUAL_FATAL(thaw_dir_make(link, NULL), 0);
    snprintf(link, sizeof link, "%s/mass/3.png", root);
    CU_ASSERT_EQUAL_FATAL(symlink("../nodule/3.png", link), 0);
    CU_ASSERT_EQUAL_FATAL(thaw_told(from_folders(&data, root, "normal", &err), &err), 0);
    CU_ASSERT_TRUE(data.by_label);
    CU_ASSERT_EQUAL_FATAL(data.n_classes, 3);
    CU_ASSERT_STRING_EQUAL(data.classes[0], "effusion");
    CU_ASSERT_STRING_EQUAL(data.classes[1], "mass");
    CU_ASSERT_STRING_EQUAL(data.classes[2], "nodule");
    CU_ASSERT_EQUAL_FATAL(data.n, 5);
    CU_ASSERT_STRING_EQUAL(data.images[0].relative, "effusion/1.png");
    CU_ASSERT(labels_are(&data, 0, "effusion;nodule"));
    CU_ASSERT(labels_are(&data, 1, "effusion"));
    CU_ASSERT(labels_are(&data, 2, "mass;nodule"));
    CU_ASSERT(labels_are(&data, 3, "mass;nodule"));
    CU_ASSERT(labels_are(&data, 4, ""));
    size_t counts[3];
    thaw_dataset_counts(&data, counts);
    CU_ASSERT(counts[0] == 2 && counts[1] == 2 && counts[2] == 3);
    float targets[6];
    thaw_labels_targets(&data, (const size_t[]){2, 4}, 2, targets);
    static const float want[6] = {0, 1, 1, 0, 0, 0};
    CU_ASSERT_EQUAL(memcmp(targets, want, sizeof want), 0);
    thaw_dataset_release(&data);
}

static void refused(const char *root, const char *none, const char *why)
{
    struct thaw_dataset data;
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL(from_folders(&data, root, none, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, why, NULL));
    thaw_dataset_release(&data);
}

static void test_refused(void)
{
    const char *root = make_folders("contradictions");
    refused(root, "healthy", "no image is called healthy; the labels are effusion, mass");
    put(root, "normal/4.png", "four");
    refused(root, "normal", "both normal and a label");
    put(root, "normal/4.png", "another");
    refused(root, NULL, "are different pictures");
    root = thaw_tmp("one label");
    put(root, "nodule/1.png", "one");
    put(root, "normal/2.png", "two");
    refused(root, "normal", "at least two");
}

static void test_pinned(void)
{
    static const char *const known[] = {"nodule", "mass", "effusion", "hernia"};
    struct thaw_dataset data;
    struct thaw_error err = {0};
    const char *root = make_folders("pinned");
    CU_ASSERT_EQUAL_FATAL(thaw_dataset_from_dir_by_label(&data, root, &err), 0);
    CU_ASSERT_EQUAL(thaw_labels_make(&data, THAW_SAME_NAME, known, 4, NULL, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "label normal is not among those of the model", NULL));
    thaw_dataset_release(&data);
    CU_ASSERT_EQUAL_FATAL(thaw_dataset_from_dir_by_label(&data, root, &err), 0);
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(thaw_labels_make(&data, THAW_SAME_NAME, known, 4, "normal", &err), &err), 0);
    CU_ASSERT_EQUAL(data.n_classes, 4);
    CU_ASSERT(labels_are(&data, 0, "nodule;effusion"));
    thaw_dataset_release(&data);
}

/* --- balance --- */

/* Classes of 12, 5, 1 and 0 images. */
static void make_uneven(struct thaw_dataset *data, struct thaw_dataset_image images[18])
{
    static char *names[] = {(char *)"a", (char *)"b", (char *)"c", (char *)"d"};
    *data = (struct thaw_dataset){.classes = names, .n_classes = 4, .images = images, .n = 18};
    for (int i = 0; i < 18; i++)
        images[i] = (struct thaw_dataset_image){.label = i < 12 ? 0 : i < 17 ? 1 : 2};
}

static void test_balance(void)
{
    struct thaw_dataset_image images[18];
    struct thaw_dataset data;
    struct thaw_strata strata;
    struct thaw_error err = {0};
    size_t order[20], again[20], seen[18] = {0}, other = 0;
    uint32_t counts[18], turns[20];
    make_uneven(&data, images);
    CU_ASSERT_EQUAL_FATAL(thaw_strata_init(&strata, &data, &err), 0);
    CU_ASSERT_EQUAL(strata.n, 3);
    for (uint32_t epoch = 0; epoch < 6; epoch++) {
        size_t drawn[4] = {0};
        memset(counts, 0, sizeof counts);
        thaw_sampler_balance(&strata, 20, 3, epoch, order);
        thaw_sampler_balance(&strata, 20, 3, epoch, again);
        CU_ASSERT_EQUAL(memcmp(order, again, sizeof order), 0);
        thaw_sampler_balance(&strata, 20, 4, epoch, again);
        other += memcmp(order, again, sizeof order) != 0;
        for (size_t i = 0; i < 20; i++) {
            drawn[images[order[i]].label]++;
            counts[order[i]]++;
            seen[order[i]]++;
        }
        /* 20 by three: 7, 7 and 6, and another one has 6 in the next epoch. */
        for (size_t c = 0; c < 3; c++)
            CU_ASSERT_EQUAL(drawn[c], 6 + ((c + epoch) % 3 < 2));
        for (size_t i = 0; i < 17; i++)
            CU_ASSERT(i < 12 ? counts[i] <= 1 : counts[i] == 1 || counts[i] == 2);
        thaw_sampler_turns(order, 20, 18, counts, turns);
        for (size_t i = 0; i < 20; i++) {
            size_t before = 0;
            for (size_t k = 0; k < i; k++)
                before += order[k] == order[i];
            CU_ASSERT_EQUAL(turns[i], before);
        }
    }
    CU_ASSERT_EQUAL(other, 6);
    for (size_t i = 0; i < 18; i++)
        CU_ASSERT(seen[i] > 0);
    thaw_strata_release(&strata);
}

/* Labels a (6 images, 2 of them with b too) and b (3), and 9 images without any. */
static void make_labels(struct thaw_dataset *data, struct thaw_dataset_image images[16],
                        bool has[16][2])
{
    static char *names[] = {(char *)"a", (char *)"b"};
    *data = (struct thaw_dataset){
        .classes = names, .n_classes = 2, .by_label = true, .images = images, .n = 16};
    for (int i = 0; i < 16; i++) {
        has[i][0] = i < 6;
        has[i][1] = i >= 4 && i < 7;
        images[i] = (struct thaw_dataset_image){.has = has[i]};
    }
}

static void test_balance_labels(void)
{
    struct thaw_dataset_image images[16];
    struct thaw_dataset data;
    struct thaw_strata strata;
    struct thaw_error err = {0};
    bool has[16][2];
    size_t order[30], none = 0;
    make_labels(&data, images, has);
    CU_ASSERT_EQUAL_FATAL(thaw_strata_init(&strata, &data, &err), 0);
    CU_ASSERT_EQUAL_FATAL(strata.n, 3);
    CU_ASSERT(strata.first[1] == 6 && strata.first[2] == 9 && strata.first[3] == 18);
    thaw_sampler_balance(&strata, 30, 1, 0, order);
    for (size_t i = 0; i < 30; i++)
        none += order[i] >= 7;
    CU_ASSERT_EQUAL(none, 10);
    thaw_strata_release(&strata);
}

/* The rarest label of an image says what it stands for in a split. */
static void test_split(void)
{
    struct thaw_dataset_image images[16];
    struct thaw_dataset data;
    struct thaw_split_lists lists;
    struct thaw_error err = {0};
    bool has[16][2];
    size_t b = 0, none = 0;
    make_labels(&data, images, has);
    CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_split_dataset(&data, 1.0 / 3, 7, &lists, &err), &err), 0);
    for (size_t i = 0; i < lists.n_val; i++) {
        b += has[lists.val[i]][1];
        none += lists.val[i] >= 7;
    }
    CU_ASSERT(b == 1 && none == 3 && lists.n_val >= 5 && lists.n_val <= 6);
    thaw_split_release(&lists);
}

void thaw_test_labels(void)
{
    CU_pSuite s = thaw_suite("labels");
    CU_add_test(s, "one picture in several class folders", test_folders);
    CU_add_test(s, "contradictions are refused", test_refused);
    CU_add_test(s, "labels of a model", test_pinned);
    CU_add_test(s, "an epoch draws evenly from classes", test_balance);
    CU_add_test(s, "and from labels", test_balance_labels);
    CU_add_test(s, "a split keeps labels in proportion", test_split);
}
