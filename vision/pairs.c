#include "vision/pairs.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "vision/forest.h"

/* Keys less alike than this belong to different pictures. */
static const float least_key = 0.8F;

/* Two pictures that may be copies. */
struct candidate {
    uint32_t a, b;             /* a < b: places in the list of pictures */
    struct thaw_neighbour how; /* as a sees b */
    float alike;
};

struct search {
    const struct thaw_survey *survey;
    float least;
    uint32_t *pictures; /* [n]: images that are the first of their kind and not blank */
    size_t n;
    struct thaw_forest_keys *keys; /* [n] */
    struct thaw_neighbour (*nearest)[THAW_FOREST_NEAREST];
    struct candidate *candidates;
    size_t n_candidates;
};

/* --- equal samples --- */

struct hashed {
    const char *hash;
    size_t image;
};

static int by_hash(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;
    int order = memcmp(x->hash, y->hash, THAW_SIGHT_HASH);
    return order ? order : (x->image > y->image) - (x->image < y->image);
}

static int find_equal(struct thaw_pairs *pairs, const struct thaw_survey *survey,
                      struct thaw_error *err)
{
    size_t n = 0;
    struct hashed *all = thaw_new(survey->n, sizeof *all, err);
    if (!all)
        return -1;
    for (size_t i = 0; i < survey->n; i++) {
        pairs->first[i] = i;
        if (!survey->sights[i].reason && !survey->sights[i].blank)
            all[n++] = (struct hashed){survey->sights[i].hash, i};
    }
    if (n)
        qsort(all, n, sizeof *all, by_hash);
    for (size_t i = 1; i < n; i++)
        if (memcmp(all[i].hash, all[i - 1].hash, THAW_SIGHT_HASH) == 0)
            pairs->first[all[i].image] = pairs->first[all[i - 1].image];
    free(all);
    return 0;
}

/* --- candidates --- */

static void make_keys(void *ctx, size_t first, size_t last)
{
    struct search *s = ctx;
    for (size_t i = first; i < last; i++)
        for (int part = 0; part < THAW_LIKENESS_PARTS; part++)
            thaw_likeness_key(s->survey->grey[s->pictures[i]], (enum thaw_likeness_part)part,
                              s->keys[i].part[part]);
}

static int by_pictures(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    if (x->b != y->b)
        return x->b < y->b ? -1 : 1;
    /* The likelier view of the pair first. */
    if (x->how.alike != y->how.alike)
        return x->how.alike > y->how.alike ? -1 : 1;
    int u = x->how.mirrored * 4 + x->how.part * 2 + x->how.other_part;
    int v = y->how.mirrored * 4 + y->how.part * 2 + y->how.other_part;
    return u - v;
}

static struct candidate as_seen(uint32_t i, const struct thaw_neighbour *other)
{
    struct candidate c = {.a = i, .b = other->other, .how = *other};
    if (c.a > c.b) {
        c = (struct candidate){.a = other->other, .b = i, .how = *other};
        c.how.part = other->other_part;
        c.how.other_part = other->part;
    }
    return c;
}

static int collect(struct search *s, struct thaw_error *err)
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < s->n; i++)
        for (int k = 0; k < THAW_FOREST_NEAREST && s->nearest[i][k].other != UINT32_MAX; k++)
            n++;
    if (!(s->candidates = thaw_new(n, sizeof *s->candidates, err)))
        return -1;
    n = 0;
    for (size_t i = 0; i < s->n; i++)
        for (int k = 0; k < THAW_FOREST_NEAREST && s->nearest[i][k].other != UINT32_MAX; k++)
            s->candidates[n++] = as_seen((uint32_t)i, &s->nearest[i][k]);
    if (n)
        qsort(s->candidates, n, sizeof *s->candidates, by_pictures);
    for (size_t i = 0; i < n; i++) {
        const struct candidate *c = &s->candidates[i];
        if (!kept || c->a != s->candidates[kept - 1].a || c->b != s->candidates[kept - 1].b)
            s->candidates[kept++] = *c;
    }
    s->n_candidates = kept;
    return 0;
}

/* --- comparing --- */

/* From the parts that were found alike; near misses also from the others. */
static float compare(const struct thaw_likeness_view *a, const struct thaw_likeness_view *b,
                     const struct thaw_neighbour *how, float least)
{
    static const enum thaw_likeness_part parts[3][2] = {
        {THAW_LIKENESS_WHOLE, THAW_LIKENESS_WHOLE},
        {THAW_LIKENESS_WHOLE, THAW_LIKENESS_INNER},
        {THAW_LIKENESS_INNER, THAW_LIKENESS_WHOLE},
    };
    const float near_miss = 0.1F;
    float best = thaw_likeness_correlate(a, b, how->part, how->other_part);
    for (int k = 0; k < 3 && best < least && best > least - near_miss; k++) {
        if (parts[k][0] == how->part && parts[k][1] == how->other_part)
            continue;
        float alike = thaw_likeness_correlate(a, b, parts[k][0], parts[k][1]);
        best = alike > best ? alike : best;
    }
    return best;
}

static void compare_all(void *ctx, size_t first, size_t last)
{
    struct search *s = ctx;
    struct thaw_likeness_view a, b;
    for (size_t i = first; i < last; i++) {
        struct candidate *c = &s->candidates[i];
        if (i == first || c->a != c[-1].a)
            thaw_likeness_prepare(s->survey->grey[s->pictures[c->a]], false, &a);
        thaw_likeness_prepare(s->survey->grey[s->pictures[c->b]], c->how.mirrored, &b);
        c->alike = compare(&a, &b, &c->how, s->least);
    }
}

static int keep_alike(struct thaw_pairs *pairs, const struct search *s, struct thaw_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_candidates; i++)
        n += s->candidates[i].alike >= s->least;
    if (!(pairs->near = thaw_new(n, sizeof *pairs->near, err)))
        return -1;
    for (size_t i = 0; i < s->n_candidates; i++) {
        const struct candidate *c = &s->candidates[i];
        if (c->alike >= s->least)
            pairs->near[pairs->n_near++] =
                (struct thaw_pair){s->pictures[c->a], s->pictures[c->b], c->alike, c->how.mirrored};
    }
    return 0;
}

/* --- the whole --- */

static int find_near(struct thaw_pairs *pairs, struct search *s, struct thaw_error *err)
{
    size_t n = s->survey->n;
    if (n >= UINT32_MAX)
        return thaw_fail(err, THAW_EUSAGE, "%zu images: too many to compare at once", n);
    if (!(s->pictures = thaw_new(n, sizeof *s->pictures, err)))
        return -1;
    for (size_t i = 0; i < n; i++) {
        const struct thaw_sight *sight = &s->survey->sights[i];
        if (!sight->reason && !sight->blank && pairs->first[i] == i)
            s->pictures[s->n++] = (uint32_t)i;
    }
    if (!(s->keys = thaw_new(s->n, sizeof *s->keys, err)) ||
        !(s->nearest = thaw_new(s->n, sizeof *s->nearest, err)))
        return -1;
    thaw_par_range(s->n, make_keys, s);
    if (thaw_forest_search(s->keys, s->n, least_key, s->nearest, err) || collect(s, err))
        return -1;
    thaw_par_range(s->n_candidates, compare_all, s);
    return keep_alike(pairs, s, err);
}

int thaw_pairs_find(struct thaw_pairs *pairs, const struct thaw_survey *survey, float least,
                    struct thaw_error *err)
{
    struct search s = {.survey = survey, .least = least};
    *pairs = (struct thaw_pairs){.n = survey->n};
    pairs->first = thaw_new(survey->n, sizeof *pairs->first, err);
    int rc = pairs->first && find_equal(pairs, survey, err) == 0 ? find_near(pairs, &s, err) : -1;
    free(s.pictures);
    free(s.keys);
    free(s.nearest);
    free(s.candidates);
    if (rc)
        thaw_pairs_release(pairs);
    return rc;
}

void thaw_pairs_release(struct thaw_pairs *pairs)
{
    free(pairs->first);
    free(pairs->near);
    *pairs = (struct thaw_pairs){0};
}

/* --- clusters --- */

static size_t find_root(size_t *cluster, size_t i)
{
    while (cluster[i] != i)
        i = cluster[i] = cluster[cluster[i]];
    return i;
}

static void join(size_t *cluster, size_t a, size_t b)
{
    a = find_root(cluster, a);
    b = find_root(cluster, b);
    if (a < b)
        cluster[b] = a;
    else
        cluster[a] = b;
}

struct grouped {
    const char *group;
    size_t image;
};

static int by_group(const void *a, const void *b)
{
    return strcmp(((const struct grouped *)a)->group, ((const struct grouped *)b)->group);
}

static int join_groups(const char *const *groups, size_t *cluster, size_t n, struct thaw_error *err)
{
    size_t n_grouped = 0;
    struct grouped *all = thaw_new(n, sizeof *all, err);
    if (!all)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (groups[i])
            all[n_grouped++] = (struct grouped){groups[i], i};
    if (n_grouped)
        qsort(all, n_grouped, sizeof *all, by_group);
    for (size_t i = 1; i < n_grouped; i++)
        if (by_group(&all[i - 1], &all[i]) == 0)
            join(cluster, all[i - 1].image, all[i].image);
    free(all);
    return 0;
}

int thaw_pairs_cluster(const struct thaw_pairs *pairs, const char *const *groups, size_t *cluster,
                       struct thaw_error *err)
{
    for (size_t i = 0; i < pairs->n; i++)
        cluster[i] = pairs->first[i];
    for (size_t i = 0; i < pairs->n_near; i++)
        join(cluster, pairs->near[i].a, pairs->near[i].b);
    if (groups && join_groups(groups, cluster, pairs->n, err))
        return -1;
    for (size_t i = 0; i < pairs->n; i++)
        cluster[i] = find_root(cluster, i);
    return 0;
}
