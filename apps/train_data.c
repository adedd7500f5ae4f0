#include "apps/train_data.h"

#include <stdlib.h>
#include <string.h>

#include "apps/interrupt.h"
#include "apps/progress.h"
#include "apps/train_intensity.h"
#include "apps/train_recipe.h"
#include "io/base/clock.h"
#include "io/base/mem.h"
#include "vision/patients.h"
#include "vision/split.h"

enum { NAMED_BAD_FILES = 20, AHEAD = 3 };

static int begin(struct thaw_train_data *d, const struct thaw_train_values *v,
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
    return 0;
}

/* --- groups --- */

/* *found: a sentence, or NULL where there are no groups. */
static int find_groups(struct thaw_dataset *data, const char *group_by, char **found,
                       struct thaw_say *say, struct thaw_error *err)
{
    if (thaw_patients_find(data, group_by, found, err))
        return group_by ? thaw_error_prefix(err, "--group-by") : -1;
    for (size_t i = 0; i < data->n_warnings; i++)
        thaw_say(say, "note: %s", data->warnings[i]);
    return 0;
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

/* The images of a part; `known` (NULL: none) has the classes that there are. */
static int list_part(const struct thaw_train_data *d, enum thaw_part part,
                     const struct thaw_dataset *known, const struct thaw_train_values *v,
                     struct thaw_dataset *data, struct thaw_error *err)
{
    const char *const *names = known ? (const char *const *)known->classes : NULL;
    int n = known ? known->n_classes : 0;
    return v->multi_label
               ? thaw_parts_list_labels(&d->parts, part, names, n, v->no_finding, data, err)
               : thaw_parts_list(&d->parts, part, names, n, data, err);
}

/* The folder has a place for each side. */
static int list_both(struct thaw_train_data *d, const struct thaw_train_values *v,
                     struct thaw_say *say, struct thaw_error *err)
{
    const struct thaw_dataset *train = &d->train.data;
    struct thaw_dataset *val = &d->val.data;
    char *found = NULL;
    size_t shared;
    if (list_part(d, THAW_PART_VAL, train, v, val, err) ||
        find_groups(val, d->groups ? v->group_by : "none", &found, say, err))
        return -1;
    free(found);
    if (val->n == 0)
        return thaw_fail(err, THAW_EINPUT, "%s: no image of any class of %s", d->parts.val,
                         d->parts.train);
    if (thaw_train_leaks_between(d, v, say, err))
        return -1;
    if (count_shared(train, val, &shared, err))
        return -1;
    if (shared)
        thaw_say(say,
                 "warning: %zu groups stand both in %s and in %s: figures of validation will look "
                 "better than new patients do",
                 shared, d->parts.train, d->parts.val);
    return 0;
}

/* One data set for both: each side gets the images that the other one has not. */
static int divide(struct thaw_train_data *d, const struct thaw_train_values *v,
                  struct thaw_error *err)
{
    struct thaw_dataset *train = &d->train.data;
    struct thaw_split_lists lists;
    d->own_split = true;
    if (thaw_split_dataset(train, v->val_fraction, (uint64_t)v->seed, &lists, err))
        return -1;
    bool *validates = thaw_new(train->n, sizeof *validates, err);
    int rc = -1;
    for (size_t i = 0; validates && i < lists.n_val; i++)
        validates[lists.val[i]] = true;
    if (lists.n_val == 0 || lists.n_train == 0)
        thaw_fail(err, THAW_EINPUT,
                  "%s: %zu images cannot be divided: put validation images into a folder val/ "
                  "beside train/, or give another --val-fraction or --group-by",
                  d->parts.train, train->n);
    else if (validates && thaw_dataset_pick(&d->val.data, train, validates, err) == 0) {
        thaw_dataset_drop(train, validates);
        rc = 0;
    }
    thaw_split_release(&lists);
    free(validates);
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
    if (list_part(d, THAW_PART_TEST, NULL, v, &test, &why)) {
        thaw_say(say, "note: %s (not used here)", why.text);
        return;
    }
    d->test_images = test.n;
    thaw_dataset_release(&test);
}

/* The images of train/, or all there are. */
static int list_first(struct thaw_train_data *d, const char *root,
                      const struct thaw_train_values *v, struct thaw_say *say,
                      struct thaw_error *err)
{
    if (thaw_parts_find(&d->parts, root, v->common.columns, v->common.roots, v->multi_label, err) ||
        list_part(d, THAW_PART_TRAIN, NULL, v, &d->train.data, err) ||
        find_groups(&d->train.data, v->group_by, &d->groups, say, err))
        return -1;
    if (d->parts.extra)
        thaw_say(say, "note: left out, beside %s: %s", d->parts.train, d->parts.extra);
    if (d->groups)
        thaw_say(say, "groups: %s", d->groups);
    return 0;
}

static int list(struct thaw_train_data *d, const char *root, const struct thaw_train_values *v,
                struct thaw_say *say, struct thaw_error *err)
{
    if (list_first(d, root, v, say, err))
        return -1;
    if (d->parts.val ? list_both(d, v, say, err)
                     : thaw_train_leaks_group(d, v, say, err) || divide(d, v, err))
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

int thaw_train_data_gather(struct thaw_train_data *d, const char *root,
                           const struct thaw_train_values *v, struct thaw_say *say,
                           struct thaw_error *err)
{
    struct thaw_dataset *train = &d->train.data, *val = &d->val.data;
    struct thaw_preprocess small;
    char *found = NULL;
    if (begin(d, v, err) || list_first(d, root, v, say, err))
        return -1;
    if (d->parts.val) {
        int rc = list_part(d, THAW_PART_VAL, train, v, val, err);
        if (rc == 0)
            rc = find_groups(val, d->groups ? v->group_by : "none", &found, say, err);
        free(found);
        if (rc || thaw_dataset_join(train, val, err))
            return -1;
        thaw_say(say, "note: %s and %s are taken together", d->parts.train, d->parts.val);
    }
    count_test(d, v, say);
    if (thaw_train_leaks_group(d, v, say, err) || thaw_preprocess_init(&small, "none", 64, 64, err))
        return -1;
    return thaw_train_pictures(v, &small, err) ||
                   look(&d->train, "reading images", v, &small, say, err)
               ? -1
               : 0;
}

int thaw_train_data_take(struct thaw_train_data *d, const struct thaw_train_data *all,
                         const bool *take, const struct thaw_train_values *v,
                         struct thaw_error *err)
{
    if (begin(d, v, err) || thaw_dataset_pick(&d->train.data, &all->train.data, take, err) ||
        !(d->parts.train = thaw_strdup(all->parts.train, err)))
        return -1;
    if ((all->groups && !(d->groups = thaw_strdup(all->groups, err))) ||
        (all->copies && !(d->copies = thaw_strdup(all->copies, err))))
        return -1;
    d->test_images = all->test_images;
    return divide(d, v, err);
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
        thaw_say(say, "%zu images for testing, not touched here", d->test_images);
    free(counts);
    return 0;
}

int thaw_train_data_list(struct thaw_train_data *d, const char *root,
                         const struct thaw_train_values *v, struct thaw_say *say,
                         struct thaw_error *err)
{
    return begin(d, v, err) ? -1 : list(d, root, v, say, err);
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
