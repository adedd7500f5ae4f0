#include "vision/folds.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "vision/split.h"

struct work {
    int *strata; /* of all images */
    int *labels; /* of those without a fold yet, in their order */
    const char **groups;
    unsigned char *side;
    size_t *left; /* images without a fold yet, in rising order */
    size_t n;     /* of them */
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Groups of the images of this class or label (-1: of all), an image alone being one. `names` is
 * scratch. */
static size_t count_groups(const struct thaw_dataset *data, int class, const char **names)
{
    size_t named = 0, groups = 0;
    for (size_t i = 0; i < data->n; i++) {
        const struct thaw_dataset_image *image = &data->images[i];
        if (class >= 0 && !thaw_dataset_has(data, i, class))
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

/* A class that stands in one fold alone is not there for the run that judges it. */
static int check_spread(const struct thaw_dataset *data, const int *fold, struct thaw_error *err)
{
    for (int c = 0; c < data->n_classes; c++) {
        int first = -1;
        bool spread = false;
        for (size_t i = 0; i < data->n && !spread; i++) {
            if (!thaw_dataset_has(data, i, c))
                continue;
            spread = first >= 0 && fold[i] != first;
            first = fold[i];
        }
        if (first >= 0 && !spread)
            return thaw_fail(err, THAW_EINPUT,
                             "%s %s: all its images came into fold %d, because they are few or "
                             "their patients (or other groups) have others too; another seed may "
                             "divide them",
                             data->by_label ? "label" : "class", data->classes[c], first + 1);
    }
    return 0;
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
                             "%d folds: fold %d would be empty, %s have too few patients (or "
                             "other groups); take fewer folds",
                             folds, f + 1, data->by_label ? "labels" : "classes");
    }
    return check_spread(data, fold, err);
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
                             "%s %s: all images are of one patient (or group), or there is one "
                             "image alone: it can be learnt or judged, not both",
                             data->by_label ? "label" : "class", data->classes[c]);
    return 0;
}

/* Takes fold number `f` out of what is left. */
static int take(struct work *w, const struct thaw_dataset *data, int f, int folds, uint64_t seed,
                int *fold, struct thaw_error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->n; i++) {
        w->labels[i] = w->strata[w->left[i]];
        w->groups[i] = data->images[w->left[i]].group;
    }
    if (f < folds - 1 && thaw_split(w->labels, w->groups, w->n, data->n_classes + data->by_label,
                                    1.0 / (folds - f), seed, w->side, err))
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
    struct work w = {.strata = thaw_new(data->n, sizeof *w.strata, err),
                     .labels = thaw_new(data->n, sizeof *w.labels, err),
                     .groups = thaw_new(data->n, sizeof *w.groups, err),
                     .side = thaw_new(data->n, 1, err),
                     .left = thaw_split_all(data->n, err),
                     .n = data->n};
    int rc = -1;
    if (w.strata && w.labels && w.groups && w.side && w.left &&
        thaw_split_strata(data, w.strata, err) == 0)
        rc = check(data, folds, w.groups, err);
    for (int f = 0; rc == 0 && f < folds; f++)
        rc = take(&w, data, f, folds, seed, fold, err);
    if (rc == 0)
        rc = check_filled(data, folds, fold, err);
    free(w.strata);
    free(w.labels);
    free(w.groups);
    free(w.side);
    free(w.left);
    return rc;
}
