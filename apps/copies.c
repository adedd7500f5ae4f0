#include "apps/copies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/interrupt.h"
#include "apps/progress.h"
#include "io/base/mem.h"
#include "vision/groups.h"

static int show(void *ctx, size_t done, size_t files)
{
    (void)files;
    thaw_progress_update(ctx, done, NULL);
    return thaw_interrupted();
}

int thaw_copies_look(struct thaw_survey *survey, const struct thaw_dataset *const *sets, int n_sets,
                     struct thaw_survey_options how, const char *what, struct thaw_error *err)
{
    struct thaw_progress progress;
    size_t n = 0;
    for (int s = 0; s < n_sets; s++)
        n += sets[s]->n;
    const char **paths = thaw_new(n, sizeof *paths, err);
    if (!paths)
        return -1;
    n = 0;
    for (int s = 0; s < n_sets; s++)
        for (size_t i = 0; i < sets[s]->n; i++)
            paths[n++] = sets[s]->images[i].path;
    thaw_progress_begin(&progress, what, n);
    how.progress = show;
    how.ctx = &progress;
    int rc = thaw_survey_look(survey, paths, n, &how, err);
    thaw_progress_end(&progress);
    free(paths);
    return rc;
}

/* The thumbnails of the first images of a survey. Blank pictures and files that cannot be
 * read have none. */
static int keep_looks(struct thaw_dataset *data, const struct thaw_survey *survey,
                      struct thaw_error *err)
{
    for (size_t i = 0; i < data->n; i++) {
        const struct thaw_sight *sight = &survey->sights[i];
        uint8_t **look = &data->images[i].look;
        if (*look || sight->reason || sight->blank)
            continue;
        if (!(*look = thaw_new(THAW_LIKENESS_POINTS, 1, err)))
            return -1;
        memcpy(*look, survey->grey[i], THAW_LIKENESS_POINTS);
    }
    return 0;
}

static int find(struct thaw_dataset *a, const struct thaw_dataset *b, int frame,
                struct thaw_pairs *pairs, struct thaw_error *err)
{
    const struct thaw_dataset *const sets[] = {a, b};
    struct thaw_survey survey;
    if (thaw_copies_look(&survey, sets, b ? 2 : 1,
                         (struct thaw_survey_options){.quick = true, .frame = frame},
                         "looking for copies", err))
        return -1;
    int rc = keep_looks(a, &survey, err);
    if (rc == 0)
        rc = thaw_pairs_find(pairs, &survey, THAW_PAIRS_ALIKE, err);
    thaw_survey_release(&survey);
    return rc;
}

/* reach[n]: some image of `a` (the first n_a) that looks like this one, or n. A picture and its
 * equals count as one. */
static void find_reach(const struct thaw_pairs *pairs, size_t n_a, size_t *reach)
{
    size_t n = pairs->n;
    /* Images are numbered from `a` on: the first of equal ones is in `a` if any of them is. */
    for (size_t i = 0; i < n; i++)
        reach[i] = pairs->first[i] < n_a ? pairs->first[i] : n;
    for (size_t i = 0; i < pairs->n_near; i++) {
        const struct thaw_pair *p = &pairs->near[i];
        if (p->a < n_a && reach[p->b] == n)
            reach[p->b] = p->a;
    }
    for (size_t i = 0; i < n; i++)
        if (reach[i] == n)
            reach[i] = reach[pairs->first[i]];
}

int thaw_copies_between(struct thaw_dataset *a, const struct thaw_dataset *b, int frame, bool *met,
                        size_t *count, char **example, struct thaw_error *err)
{
    struct thaw_pairs pairs;
    *count = 0;
    *example = NULL;
    if (find(a, b, frame, &pairs, err))
        return -1;
    int rc = 0;
    size_t *reach = thaw_new(pairs.n, sizeof *reach, err);
    if (!reach)
        rc = -1;
    else
        find_reach(&pairs, a->n, reach);
    for (size_t i = 0; rc == 0 && i < b->n; i++) {
        size_t other = reach[a->n + i];
        met[i] = other < a->n;
        *count += met[i];
        if (met[i] && !*example &&
            !(*example =
                  thaw_format(err, "%s looks like %s", b->images[i].path, a->images[other].path)))
            rc = -1;
    }
    free(reach);
    thaw_pairs_release(&pairs);
    return rc;
}

/* Thumbnails in front of those of a survey. */
static int put_in_front(struct thaw_survey *survey, const uint8_t (*looks)[THAW_LIKENESS_POINTS],
                        size_t n, struct thaw_error *err)
{
    struct thaw_survey all = {.n = n + survey->n};
    all.sights = thaw_new(all.n, sizeof *all.sights, err);
    all.grey = thaw_new(all.n, sizeof *all.grey, err);
    if (!all.sights || !all.grey) {
        free(all.sights);
        free(all.grey);
        return -1;
    }
    if (n)
        memcpy(all.grey, looks, n * sizeof *looks);
    for (size_t i = 0; i < n; i++) /* none equals another: their samples are not known */
        snprintf(all.sights[i].hash, sizeof all.sights[i].hash, "%zu", i);
    memcpy(all.sights + n, survey->sights, survey->n * sizeof *all.sights);
    memcpy(all.grey + n, survey->grey, survey->n * sizeof *all.grey);
    free(survey->sights);
    free(survey->grey);
    *survey = all;
    return 0;
}

int thaw_copies_known(const uint8_t (*looks)[THAW_LIKENESS_POINTS], size_t n,
                      const struct thaw_dataset *data, int frame, bool *met, size_t *count,
                      struct thaw_error *err)
{
    struct thaw_survey survey;
    struct thaw_pairs pairs = {0};
    size_t *reach = NULL;
    int rc = -1;
    *count = 0;
    if (thaw_copies_look(&survey, &data, 1,
                         (struct thaw_survey_options){.quick = true, .frame = frame},
                         "looking for copies", err))
        return -1;
    if (put_in_front(&survey, looks, n, err) ||
        thaw_pairs_find(&pairs, &survey, THAW_PAIRS_ALIKE, err) ||
        !(reach = thaw_new(pairs.n, sizeof *reach, err)))
        goto done;
    find_reach(&pairs, n, reach);
    for (size_t i = 0; i < data->n; i++) {
        met[i] = reach[n + i] < n;
        *count += met[i];
    }
    rc = 0;
done:
    free(reach);
    thaw_pairs_release(&pairs);
    thaw_survey_release(&survey);
    return rc;
}

int thaw_copies_group(struct thaw_dataset *data, int frame, char **found, struct thaw_error *err)
{
    struct thaw_pairs pairs;
    size_t alike = 0, largest = 0;
    int rc = -1;
    *found = NULL;
    if (find(data, NULL, frame, &pairs, err))
        return -1;
    size_t *cluster = thaw_new(data->n, sizeof *cluster, err);
    size_t *sizes = thaw_new(data->n, sizeof *sizes, err);
    const char **groups = thaw_new(data->n, sizeof *groups, err);
    if (!cluster || !sizes || !groups || thaw_pairs_cluster(&pairs, NULL, cluster, err))
        goto done;
    for (size_t i = 0; i < data->n; i++) {
        groups[i] = data->images[i].group;
        sizes[cluster[i]]++;
    }
    for (size_t i = 0; i < data->n; i++) {
        alike += sizes[cluster[i]] > 1;
        largest = sizes[i] > largest ? sizes[i] : largest;
    }
    rc = 0;
    if (!alike)
        goto done;
    rc = -1;
    if (thaw_pairs_cluster(&pairs, groups, cluster, err) ||
        thaw_groups_by_cluster(data, cluster, err) ||
        !(*found =
              thaw_format(err,
                          "%zu of %zu images look like another one (up to %zu together): those "
                          "stay on one side of the split",
                          alike, data->n, largest)))
        goto done;
    rc = 0;
done:
    free(cluster);
    free(sizes);
    free(groups);
    thaw_pairs_release(&pairs);
    return rc;
}
