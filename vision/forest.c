#include "vision/forest.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "io/base/rng.h"

/* Every picture stands in a tree four times: as it is and mirrored, whole and its inner part. */
enum {
    TREES = 24,
    LEAF = 96, /* points at most */
    VIEWS = 2 * THAW_LIKENESS_PARTS,
    UNIT = 127 * 127 /* inner product of a key with itself, but for rounding */
};

struct point {
    int64_t height; /* along the line between two points */
    uint32_t id;    /* picture * VIEWS + 2 * part + mirrored */
};

struct tree {
    uint32_t *order; /* [points]: ids, leaf by leaf */
    uint32_t *place; /* [points]: where in `order` an id stands */
};

struct forest {
    const struct thaw_forest_keys *keys;
    size_t n, points;
    int least; /* inner product */
    struct tree trees[TREES];
    struct thaw_neighbour (*nearest)[THAW_FOREST_NEAREST];
};

static void find_key(const struct forest *f, uint32_t id, int8_t key[THAW_LIKENESS_KEY])
{
    const int8_t *own = f->keys[id / VIEWS].part[id % VIEWS / 2];
    if (id % 2)
        thaw_likeness_mirror(own, key);
    else
        memcpy(key, own, THAW_LIKENESS_KEY);
}

static int inner_product(const int8_t *restrict a, const int8_t *restrict b)
{
    int sum = 0;
    for (int k = 0; k < THAW_LIKENESS_KEY; k++)
        sum += a[k] * b[k];
    return sum;
}

/* --- building --- */

static bool stands_before(const struct point *a, const struct point *b)
{
    return a->height != b->height ? a->height < b->height : a->id < b->id;
}

/* Puts the `middle` lowest points in front (Hoare's selection). No two are equal. */
static void select_lowest(struct point *p, size_t n, size_t middle)
{
    size_t first = 0, last = n - 1;
    while (first < last) {
        struct point pivot = p[first + (last - first) / 2];
        size_t i = first, j = last;
        for (;; i++, j--) {
            while (stands_before(&p[i], &pivot))
                i++;
            while (stands_before(&pivot, &p[j]))
                j--;
            if (i >= j)
                break;
            struct point swapped = p[i];
            p[i] = p[j];
            p[j] = swapped;
        }
        if (middle <= j)
            last = j;
        else
            first = j + 1;
    }
}

/* Half of n points goes to the left, so that every tree has its leaves in the same places. */
static void cut(const struct forest *f, struct point *p, size_t n, struct thaw_rng *rng)
{
    int8_t a[THAW_LIKENESS_KEY], b[THAW_LIKENESS_KEY], key[THAW_LIKENESS_KEY];
    if (n <= LEAF)
        return;
    uint32_t i = thaw_rng_below(rng, (uint32_t)n), j = thaw_rng_below(rng, (uint32_t)n - 1);
    find_key(f, p[i].id, a);
    find_key(f, p[j + (j >= i)].id, b);
    for (size_t k = 0; k < n; k++) {
        find_key(f, p[k].id, key);
        p[k].height = inner_product(key, a) - inner_product(key, b);
    }
    select_lowest(p, n, n / 2);
    cut(f, p, n / 2, rng);
    cut(f, p + n / 2, n - n / 2, rng);
}

static int grow(void *ctx, size_t t, struct thaw_error *err)
{
    struct forest *f = ctx;
    struct tree *tree = &f->trees[t];
    struct thaw_rng rng = thaw_rng_at(0, 0, (uint32_t)t, THAW_RNG_FOREST);
    struct point *p = thaw_new(f->points, sizeof *p, err);
    tree->order = thaw_new(f->points, sizeof *tree->order, err);
    tree->place = thaw_new(f->points, sizeof *tree->place, err);
    if (!p || !tree->order || !tree->place) {
        free(p);
        return -1;
    }
    for (size_t k = 0; k < f->points; k++)
        p[k].id = (uint32_t)k;
    cut(f, p, f->points, &rng);
    for (size_t k = 0; k < f->points; k++) {
        tree->order[k] = p[k].id;
        tree->place[p[k].id] = (uint32_t)k;
    }
    free(p);
    return 0;
}

/* --- searching --- */

/* first .. end-1: the leaf that holds this place; the same halving as in cut(). */
static void find_leaf(size_t points, size_t place, size_t *first, size_t *end)
{
    size_t n = points;
    *first = 0;
    while (n > LEAF) {
        if (place < *first + n / 2) {
            n /= 2;
        } else {
            *first += n / 2;
            n -= n / 2;
        }
    }
    *end = *first + n;
}

static bool is_nearer(const struct thaw_neighbour *a, const struct thaw_neighbour *b)
{
    return a->alike != b->alike ? a->alike > b->alike : a->other < b->other;
}

/* Keeps the list sorted, each picture in it once. What stays does not depend on the order of the
 * offers: of equal views of one picture the first by part and mirroring. */
static void offer(struct thaw_neighbour *list, const struct thaw_neighbour *new)
{
    int at = THAW_FOREST_NEAREST - 1;
    for (int k = 0; k < THAW_FOREST_NEAREST && list[k].other != UINT32_MAX; k++)
        if (list[k].other == new->other) {
            struct thaw_neighbour *old = &list[k];
            int a = old->mirrored * 4 + old->part * 2 + old->other_part;
            int b = new->mirrored * 4 + new->part * 2 + new->other_part;
            if (new->alike < old->alike || (new->alike == old->alike &&b >= a))
                return;
            at = k;
        }
    if (list[at].other != UINT32_MAX && !is_nearer(new, &list[at]) && list[at].other != new->other)
        return;
    for (; at > 0 && (list[at - 1].other == UINT32_MAX || is_nearer(new, &list[at - 1])); at--)
        list[at] = list[at - 1];
    list[at] = *new;
}

static void search_leaf(const struct forest *f, const struct tree *tree, uint32_t id)
{
    size_t first, end;
    uint32_t picture = id / VIEWS, part = id % VIEWS / 2;
    const int8_t *key = f->keys[picture].part[part];
    find_leaf(f->points, tree->place[id], &first, &end);
    for (size_t k = first; k < end; k++) {
        uint32_t other = tree->order[k], other_part = other % VIEWS / 2;
        int8_t theirs[THAW_LIKENESS_KEY];
        if (other / VIEWS == picture || (part && other_part))
            continue;
        find_key(f, other, theirs);
        int product = inner_product(key, theirs);
        if (product < f->least)
            continue;
        struct thaw_neighbour found = {.other = other / VIEWS,
                                       .alike = (int16_t)(product * 1000 / UNIT),
                                       .part = (uint8_t)part,
                                       .other_part = (uint8_t)other_part,
                                       .mirrored = other % 2};
        offer(f->nearest[picture], &found);
    }
}

static void search(void *ctx, size_t first, size_t last)
{
    const struct forest *f = ctx;
    for (size_t i = first; i < last; i++) {
        for (int k = 0; k < THAW_FOREST_NEAREST; k++)
            f->nearest[i][k] = (struct thaw_neighbour){.other = UINT32_MAX};
        for (int t = 0; t < TREES; t++)
            for (uint32_t part = 0; part < THAW_LIKENESS_PARTS; part++)
                search_leaf(f, &f->trees[t], (uint32_t)i * VIEWS + 2 * part);
    }
}

int thaw_forest_search(const struct thaw_forest_keys *keys, size_t n, float least,
                       struct thaw_neighbour (*nearest)[THAW_FOREST_NEAREST],
                       struct thaw_error *err)
{
    struct forest f = {.keys = keys,
                       .n = n,
                       .points = n * VIEWS,
                       .least = (int)(least * UNIT),
                       .nearest = nearest};
    if (n >= UINT32_MAX / VIEWS)
        return thaw_fail(err, THAW_EUSAGE, "%zu pictures: too many to compare at once", n);
    int rc = thaw_par_each(TREES, grow, &f, err);
    if (rc == 0)
        thaw_par_range(n, search, &f);
    for (int t = 0; t < TREES; t++) {
        free(f.trees[t].order);
        free(f.trees[t].place);
    }
    return rc;
}
