#include "vision/folds.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "vision/split.h"

struct work {
    int *labels;
    const char **groups;
    unsigned char *side;
    size_t *left; /* images without a fold yet, in rising order */
    size_t n;     /* of them */
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Groups of the images with this label (-1: of all), an image alone being one. `names` is scratch.
 */
static size_t count_groups(const struct thaw_dataset *data, int label, const char **names)
{
    size_t named = 0, groups = 0;
    for (size_t i = 0; i < data->n; i++) {
        const struct thaw_dataset_image *image = &data->images[i];
        if (label >= 0 && image->label != label)
            continue;
        if (image->group)
            names[named++] = image->group;
        else
            groups++;
    }
    if (named)
        qsort(names, named, sizeof *names, by_text);
    for (size_t i = 0; i < named; i++)
        groups += i == 0 || strcmp(names[i], names[i - 1]) != 0;
    return groups;
}

static int check_filled(const struct thaw_dataset *data, int folds, const int *fold,
                        struct thaw_error *err)
{
    for (int f = 0; f < folds; f++) {
        size_t i = 0;
        while (i < data->n && fold[i] != f)
            i++;
        if (i == data->n)
            return thaw_fail(err, THAW_EINPUT,
                             "%d folds: fold %d would be empty, classes have too few patients (or "
                             "other groups); take fewer folds",
                             folds, f + 1);
    }
    return 0;
}

static int check(const struct thaw_dataset *data, int folds, const char **names,
                 struct thaw_error *err)
{
    size_t all = count_groups(data, -1, names);
    if (folds < 2 || (size_t)folds > all)
        return thaw_fail(err, THAW_EUSAGE,
                         "%d folds; needs 2 to %zu, the patients (or other groups, or images "
                         "alone) there are",
                         folds, all);
    for (int c = 0; c < data->n_classes; c++)
        if (count_groups(data, c, names) == 1)
            return thaw_fail(err, THAW_EINPUT,
                             "class %s: all images are of one patient (or group), or there is one "
                             "image alone: it can be learnt or judged, not both",
                             data->classes[c]);
    return 0;
}

/* Takes fold number `f` out of what is left. */
static int take(struct work *w, const struct thaw_dataset *data, int f, int folds, uint64_t seed,
                int *fold, struct thaw_error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->n; i++) {
        w->labels[i] = data->images[w->left[i]].label;
        w->groups[i] = data->images[w->left[i]].group;
    }
    if (f < folds - 1 && thaw_split(w->labels, w->groups, w->n, data->n_classes, 1.0 / (folds - f),
                                    seed, w->side, err))
        return -1;
    for (size_t i = 0; i < w->n; i++)
        if (f == folds - 1 || w->side[i] == THAW_SIDE_VAL)
            fold[w->left[i]] = f;
        else
            w->left[kept++] = w->left[i];
    w->n = kept;
    return 0;
}

int thaw_folds(const struct thaw_dataset *data, int folds, uint64_t seed, int *fold,
               struct thaw_error *err)
{
    struct work w = {.labels = thaw_new(data->n, sizeof *w.labels, err),
                     .groups = thaw_new(data->n, sizeof *w.groups, err),
                     .side = thaw_new(data->n, 1, err),
                     .left = thaw_split_all(data->n, err),
                     .n = data->n};
    int rc = w.labels && w.groups && w.side && w.left ? check(data, folds, w.groups, err) : -1;
    for (int f = 0; rc == 0 && f < folds; f++)
        rc = take(&w, data, f, folds, seed, fold, err);
    if (rc == 0)
        rc = check_filled(data, folds, fold, err);
    free(w.labels);
    free(w.groups);
    free(w.side);
    free(w.left);
    return rc;
}
