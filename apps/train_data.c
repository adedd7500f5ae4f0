#include "apps/train_data.h"

#include <stdlib.h>
#include <string.h>

#include "apps/interrupt.h"
#include "apps/progress.h"
#include "apps/train_intensity.h"
#include "io/base/clock.h"
#include "io/base/mem.h"
#include "vision/groups.h"
#include "vision/labels.h"
#include "vision/split.h"

enum { NAMED_BAD_FILES = 20, AHEAD = 4 };

/* --- groups --- */

/* *found: a sentence, or NULL where there are no groups. */
static int find_groups(struct thaw_dataset *data, const char *group_by, char **found,
                       struct thaw_error *err)
{
    *found = NULL;
    if (group_by && strcmp(group_by, "none") == 0)
        return 0;
    if (!group_by)
        return thaw_groups_recognise(data, found, err);
    return thaw_groups_by_regex(data, group_by, found, err) ? thaw_error_prefix(err, "--group-by")
                                                            : 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* How many groups of `b` stand in `a` too. */
static int count_shared(const struct thaw_dataset *a, const struct thaw_dataset *b, size_t *shared,
                        struct thaw_error *err)
{
    size_t n = 0, m = 0;
    const char **left = thaw_new(a->n, sizeof *left, err);
    const char **right = thaw_new(b->n, sizeof *right, err);
    *shared = 0;
    for (size_t i = 0; left && right && i < a->n; i++)
        if (a->images[i].group)
            left[n++] = a->images[i].group;
    for (size_t i = 0; left && right && i < b->n; i++)
        if (b->images[i].group)
            right[m++] = b->images[i].group;
    if (n && m) {
        qsort(left, n, sizeof *left, by_text);
        qsort(right, m, sizeof *right, by_text);
        for (size_t i = 0; i < m; i++)
            if ((i == 0 || strcmp(right[i], right[i - 1]) != 0) &&
                bsearch(&right[i], left, n, sizeof *left, by_text))
                ++*shared;
    }
    int rc = left && right ? 0 : -1;
    free(left);
    free(right);
    return rc;
}

/* --- finding and dividing --- */

static void repeat_warnings(const struct thaw_dataset *data, struct thaw_say *say)
{
    for (size_t i = 0; i < data->n_warnings; i++)
        thaw_say(say, "note: %s", data->warnings[i]);
}

/* `known` (NULL: none) has the classes that there are. */
static int read_folder(struct thaw_dataset *data, const char *folder,
                       const struct thaw_dataset *known, const struct thaw_train_values *v,
                       struct thaw_error *err)
{
    const char *const *names = known ? (const char *const *)known->classes : NULL;
    int n = known ? known->n_classes : 0;
    if (!v->multi_label)
        return thaw_dataset_from_dir(data, folder, names, n, err);
    return thaw_dataset_from_dir_by_label(data, folder, err) ||
                   thaw_labels_make(data, THAW_SAME_NAME, names, n, v->no_finding, err)
               ? -1
               : 0;
}

/* The folder has a place for each side. */
static int list_both(struct thaw_train_data *d, const struct thaw_train_values *v,
                     struct thaw_say *say, struct thaw_error *err)
{
    const struct thaw_dataset *train = &d->train.data;
    struct thaw_dataset *val = &d->val.data;
    char *found = NULL;
    size_t shared;
    if (read_folder(val, d->parts.val, train, v, err))
        return -1;
    repeat_warnings(val, say);
    if (val->n == 0)
        return thaw_fail(err, THAW_EINPUT, "%s: no image of any class of %s", d->parts.val,
                         d->parts.train);
    if (thaw_train_leaks_between(d, v, say, err))
        return -1;
    if (!d->groups)
        return 0;
    int rc = find_groups(val, v->group_by, &found, err);
    free(found);
    if (rc || count_shared(train, val, &shared, err))
        return -1;
    if (shared)
        thaw_say(say,
                 "warning: %zu groups stand both in %s and in %s: figures of validation will look "
                 "better than new patients do",
                 shared, d->parts.train, d->parts.val);
    return 0;
}

/* One folder for both: the same list twice, each side without the images of the other. */
static int divide(struct thaw_train_data *d, const struct thaw_train_values *v,
                  struct thaw_say *say, struct thaw_error *err)
{
    struct thaw_dataset *train = &d->train.data, *val = &d->val.data;
    struct thaw_split_lists lists = {0};
    bool *drop = NULL;
    int rc = -1;
    d->own_split = true;
    if (thaw_train_leaks_group(d, v, say, err) ||
        thaw_split_dataset(train, v->val_fraction, (uint64_t)v->seed, &lists, err))
        return -1;
    if (lists.n_val == 0 || lists.n_train == 0) {
        thaw_fail(err, THAW_EINPUT,
                  "%s: %zu images cannot be divided: put validation images into a folder val/ "
                  "beside train/, or give another --val-fraction or --group-by",
                  d->parts.train, train->n);
        goto done;
    }
    if (read_folder(val, d->parts.train, train, v, err) ||
        !(drop = thaw_new(val->n, sizeof *drop, err)))
        goto done;
    if (val->n != train->n) {
        thaw_fail(err, THAW_EINPUT, "%s: images came or went while they were listed",
                  d->parts.train);
        goto done;
    }
    for (size_t i = 0; i < val->n; i++)
        if (train->images[i].group &&
            !(val->images[i].group = thaw_strdup(train->images[i].group, err)))
            goto done;
    for (size_t i = 0; i < lists.n_train; i++)
        drop[lists.train[i]] = true;
    thaw_dataset_drop(val, drop);
    memset(drop, 0, train->n * sizeof *drop);
    for (size_t i = 0; i < lists.n_val; i++)
        drop[lists.val[i]] = true;
    thaw_dataset_drop(train, drop);
    rc = 0;
done:
    thaw_split_release(&lists);
    free(drop);
    return rc;
}

/* The test images have no part in training: they are counted for the record. */
static void count_test(struct thaw_train_data *d, const struct thaw_train_values *v,
                       struct thaw_say *say)
{
    struct thaw_dataset test;
    struct thaw_error why = {0};
    if (!d->parts.test)
        return;
    if (read_folder(&test, d->parts.test, NULL, v, &why)) {
        thaw_dataset_release(&test);
        thaw_say(say, "note: %s (not used here)", why.text);
        return;
    }
    d->test_images = test.n;
    thaw_dataset_release(&test);
}

static int list(struct thaw_train_data *d, const char *root, const struct thaw_train_values *v,
                struct thaw_say *say, struct thaw_error *err)
{
    if (thaw_parts_find(&d->parts, root, err) ||
        read_folder(&d->train.data, d->parts.train, NULL, v, err))
        return -1;
    repeat_warnings(&d->train.data, say);
    if (d->parts.extra)
        thaw_say(say, "note: left out, beside %s: %s", d->parts.train, d->parts.extra);
    if (find_groups(&d->train.data, v->group_by, &d->groups, err))
        return -1;
    if (d->groups)
        thaw_say(say, "groups: %s", d->groups);
    if (d->parts.val ? list_both(d, v, say, err) : divide(d, v, say, err))
        return -1;
    count_test(d, v, say);
    return 0;
}

/* --- looking at every file --- */

static int show(void *ctx, size_t done, size_t files)
{
    (void)files;
    thaw_progress_update(ctx, done, NULL);
    return thaw_interrupted();
}

int thaw_train_data_cache(struct thaw_train_data *d, struct thaw_error *err)
{
    size_t train = d->train.data.n, val = d->val.data.n;
    size_t share =
        train + val ? (size_t)((double)d->room * (double)val / (double)(train + val)) : 0;
    if (d->room == 0)
        return 0;
    d->train.cache = thaw_cache_create(train, d->room - share, err);
    d->val.cache = thaw_cache_create(val, share, err);
    return d->train.cache && d->val.cache ? 0 : -1;
}

static int look(struct thaw_train_side *side, const char *what, const struct thaw_train_values *v,
                const struct thaw_preprocess *preprocess, struct thaw_say *say,
                struct thaw_error *err)
{
    struct thaw_progress progress;
    thaw_progress_begin(&progress, what, side->data.n);
    progress.unit = "files";
    struct thaw_probe_options options = {
        .limit = v->max_bad, .cache = side->cache, .progress = show, .ctx = &progress};
    int rc = thaw_probe_dataset(&side->probe, &side->data, preprocess, &options, err);
    thaw_progress_end(&progress);
    const struct thaw_probe *p = &side->probe;
    for (size_t i = 0; i < p->n_bad && i < NAMED_BAD_FILES; i++)
        thaw_say(say, "skipped: %s: %s", p->bad[i].path, p->bad[i].reason);
    if (p->n_bad > NAMED_BAD_FILES)
        thaw_say(say, "skipped: %zu more; run.json lists them all", p->n_bad - NAMED_BAD_FILES);
    if (rc)
        return -1;
    side->all = thaw_split_all(side->data.n, err);
    side->order = thaw_split_all(side->data.n, err);
    return side->all && side->order ? 0 : -1;
}

static int look_at_both(struct thaw_train_data *d, const struct thaw_train_values *v,
                        struct thaw_preprocess *preprocess, struct thaw_say *say,
                        struct thaw_error *err)
{
    if (thaw_train_data_cache(d, err) ||
        look(&d->train, "reading training images", v, preprocess, say, err) ||
        look(&d->val, "reading validation images", v, preprocess, say, err))
        return -1;
    struct thaw_probe_summary sum;
    if (thaw_probe_sum_up(&d->train.probe, d->train.all, d->train.data.n, &sum, err))
        return -1;
    thaw_intensity_choose(v, &sum, d->train.data.n, preprocess, say);
    return 0;
}

static int hash_side(struct thaw_train_side *side, char text[THAW_HASH_TEXT],
                     struct thaw_error *err)
{
    side->hashes = thaw_new(side->data.n, sizeof *side->hashes, err);
    return side->hashes ? thaw_dataset_hash(&side->data, text, side->hashes, err) : -1;
}

static int hash(struct thaw_train_data *d, struct thaw_error *err)
{
    char train[THAW_HASH_TEXT], val[THAW_HASH_TEXT];
    if (hash_side(&d->train, train, err) || hash_side(&d->val, val, err))
        return -1;
    char *text = thaw_format(err, "train %s\nval %s\n", train, val);
    if (!text)
        return -1;
    thaw_hash_bytes(text, strlen(text), d->hash);
    free(text);
    return 0;
}

static int say_counts(const struct thaw_train_data *d, struct thaw_say *say, struct thaw_error *err)
{
    const struct thaw_dataset *train = &d->train.data, *val = &d->val.data;
    size_t *counts = thaw_new(2 * (size_t)train->n_classes, sizeof *counts, err);
    if (!counts)
        return -1;
    thaw_dataset_counts(train, counts);
    thaw_dataset_counts(val, counts + train->n_classes);
    thaw_say(say, "%zu images to train, %zu to validate%s, %d %s:", train->n, val->n,
             d->own_split ? " (divided here; split.csv lists them)" : "", train->n_classes,
             train->by_label ? "labels" : "classes");
    for (int i = 0; i < train->n_classes; i++)
        thaw_say(say, "  %-24s %6zu %6zu", train->classes[i], counts[i],
                 counts[train->n_classes + i]);
    if (d->test_images)
        thaw_say(say, "%zu images in %s, not touched here", d->test_images, d->parts.test);
    free(counts);
    return 0;
}

int thaw_train_data_list(struct thaw_train_data *d, const char *root,
                         const struct thaw_train_values *v, struct thaw_say *say,
                         struct thaw_error *err)
{
    *d = (struct thaw_train_data){.ahead = AHEAD};
    if (thaw_augment_parse(&d->augment, v->augment ? v->augment : "default", err))
        return thaw_error_prefix(err, "--augment");
    if (strcmp(v->sampler, "natural") != 0 && strcmp(v->sampler, "balanced") != 0)
        return thaw_fail(err, THAW_EUSAGE, "--sampler %s: needs natural or balanced", v->sampler);
    if (v->no_finding && !v->multi_label)
        return thaw_fail(err, THAW_EUSAGE, "--no-finding %s: goes with --multi-label",
                         v->no_finding);
    return list(d, root, v, say, err);
}

int thaw_train_data_look(struct thaw_train_data *d, const struct thaw_train_values *v,
                         struct thaw_preprocess *preprocess, struct thaw_say *say,
                         struct thaw_error *err)
{
    double began = thaw_clock();
    if (look_at_both(d, v, preprocess, say, err))
        return -1;
    d->looked = thaw_clock() - began;
    if (hash(d, err))
        return -1;
    return say_counts(d, say, err);
}

static void release_side(struct thaw_train_side *side)
{
    thaw_loader_free(side->loader); /* its threads read all the rest */
    thaw_cache_free(side->cache);
    thaw_probe_release(&side->probe);
    thaw_dataset_release(&side->data);
    free(side->all);
    free(side->order);
    free(side->turns);
    free(side->counts);
    free(side->hashes);
}

void thaw_train_data_release(struct thaw_train_data *d)
{
    release_side(&d->train);
    release_side(&d->val);
    thaw_parts_release(&d->parts);
    thaw_augment_release(&d->augment);
    free(d->groups);
    free(d->labels);
    free(d->targets);
    thaw_strata_release(&d->strata);
    free(d->copies);
    *d = (struct thaw_train_data){0};
}
