#include "vision/split.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/rng.h"

/* How many images of one class a group has. */
struct share {
    size_t group;
    int label;
    size_t count;
};

struct class_state {
    double images, want; /* of the class; to validate */
    size_t groups;       /* that hold the class */
    double val;          /* images that validate so far */
    size_t val_groups;
};

struct work {
    size_t n_groups;
    size_t *group_of;     /* [n] */
    struct share *shares; /* sorted by group */
    size_t *first;        /* [n_groups + 1], into shares */
    struct class_state *classes;
    bool *in_val; /* [n_groups] */
};

struct named {
    const char *name;
    size_t image;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->image > y->image) - (x->image < y->image);
}

/* Numbers the groups by their first image, so that their texts do not matter. */
static int number_groups(struct work *w, const char *const *groups, size_t n,
                         struct thaw_error *err)
{
    size_t n_named = 0;
    struct named *named = thaw_new(n, sizeof *named, err);
    size_t *leader = thaw_new(n, sizeof *leader, err); /* first image of the image's group */
    int rc = named && leader ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        leader[i] = i;
        if (groups && groups[i])
            named[n_named++] = (struct named){groups[i], i};
    }
    if (rc == 0 && n_named)
        qsort(named, n_named, sizeof *named, by_name);
    for (size_t i = 1; rc == 0 && i < n_named; i++)
        if (strcmp(named[i].name, named[i - 1].name) == 0)
            leader[named[i].image] = leader[named[i - 1].image];
    for (size_t i = 0; rc == 0 && i < n; i++)
        w->group_of[i] = leader[i] == i ? w->n_groups++ : w->group_of[leader[i]];
    free(named);
    free(leader);
    return rc;
}

static int by_group(const void *a, const void *b)
{
    const struct share *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->label > y->label) - (x->label < y->label);
}

static void count_shares(struct work *w, const int *labels, size_t n, double fraction)
{
    size_t kept = 0, group = 0;
    for (size_t i = 0; i < n; i++)
        w->shares[i] = (struct share){w->group_of[i], labels[i], 1};
    if (n)
        qsort(w->shares, n, sizeof *w->shares, by_group);
    for (size_t i = 0; i < n; i++) {
        if (kept && by_group(&w->shares[kept - 1], &w->shares[i]) == 0)
            w->shares[kept - 1].count++;
        else
            w->shares[kept++] = w->shares[i];
    }
    for (size_t i = 0; i < kept; i++) {
        struct class_state *c = &w->classes[w->shares[i].label];
        c->images += (double)w->shares[i].count;
        c->want = c->images * fraction;
        c->groups++;
        while (group <= w->shares[i].group)
            w->first[group++] = i;
    }
    w->first[w->n_groups] = kept;
}

/* What is wrong with a class: distance from its share, and far above that empty sides. */
static double class_cost(const struct class_state *c, double val, size_t val_groups)
{
    const double empty_val = 1e12, empty_train = 4e12;
    double off = val - c->want, cost = off * off / c->images;
    if (val_groups == c->groups)
        cost += empty_train;
    else if (val_groups == 0 && c->groups > 1)
        cost += empty_val;
    return cost;
}

/* Moves the group to the other side if that lowers the cost. */
static bool try_move(struct work *w, size_t group)
{
    double gain = 0, sign = w->in_val[group] ? -1 : 1;
    size_t step = w->in_val[group] ? (size_t)-1 : 1;
    for (size_t i = w->first[group]; i < w->first[group + 1]; i++) {
        const struct class_state *c = &w->classes[w->shares[i].label];
        gain += class_cost(c, c->val, c->val_groups) -
                class_cost(c, c->val + sign * (double)w->shares[i].count, c->val_groups + step);
    }
    if (gain <= 1e-9) /* rounding must not make two moves undo each other for ever */
        return false;
    for (size_t i = w->first[group]; i < w->first[group + 1]; i++) {
        struct class_state *c = &w->classes[w->shares[i].label];
        c->val += sign * (double)w->shares[i].count;
        c->val_groups += step;
    }
    w->in_val[group] = !w->in_val[group];
    return true;
}

static void choose(struct work *w, size_t *order, uint64_t seed)
{
    enum { SWEEPS = 50 };
    struct thaw_rng rng = thaw_rng_at(seed, 0, 0, THAW_RNG_SPLIT);
    for (size_t i = 0; i < w->n_groups; i++)
        order[i] = i;
    thaw_rng_shuffle(&rng, order, w->n_groups);
    /* The first sweep fills, the next ones mend. */
    bool moved = true;
    for (int sweep = 0; moved && sweep < SWEEPS; sweep++) {
        moved = false;
        for (size_t i = 0; i < w->n_groups; i++)
            moved = try_move(w, order[i]) || moved;
    }
}

int thaw_split(const int *labels, const char *const *groups, size_t n, int n_classes,
               double fraction, uint64_t seed, unsigned char *side, struct thaw_error *err)
{
    struct work w = {0};
    size_t *order = NULL;
    int rc = -1;
    if (!(fraction > 0 && fraction < 1))
        return thaw_fail(err, THAW_EUSAGE,
                         "validation fraction %g; it must lie between 0 and 1, exclusive",
                         fraction);
    if (!(w.group_of = thaw_new(n, sizeof *w.group_of, err)) ||
        !(w.shares = thaw_new(n, sizeof *w.shares, err)) ||
        !(w.classes = thaw_new((size_t)n_classes, sizeof *w.classes, err)) ||
        number_groups(&w, groups, n, err))
        goto done;
    if (!(w.first = thaw_new(w.n_groups + 1, sizeof *w.first, err)) ||
        !(w.in_val = thaw_new(w.n_groups, sizeof *w.in_val, err)) ||
        !(order = thaw_new(w.n_groups, sizeof *order, err)))
        goto done;
    count_shares(&w, labels, n, fraction);
    choose(&w, order, seed);
    for (size_t i = 0; i < n; i++)
        side[i] = w.in_val[w.group_of[i]] ? THAW_SIDE_VAL : THAW_SIDE_TRAIN;
    rc = 0;
done:
    free(w.group_of);
    free(w.shares);
    free(w.classes);
    free(w.first);
    free(w.in_val);
    free(order);
    return rc;
}

static int stratum(const struct thaw_dataset *data, const size_t *counts, size_t i)
{
    int rarest = data->n_classes;
    if (!data->by_label)
        return data->images[i].label;
    for (int c = 0; c < data->n_classes; c++)
        if (data->images[i].has[c] && (rarest == data->n_classes || counts[c] < counts[rarest]))
            rarest = c;
    return rarest;
}

int thaw_split_strata(const struct thaw_dataset *data, int *strata, struct thaw_error *err)
{
    size_t *counts = thaw_new((size_t)data->n_classes, sizeof *counts, err);
    if (!counts)
        return -1;
    thaw_dataset_counts(data, counts);
    for (size_t i = 0; i < data->n; i++)
        strata[i] = stratum(data, counts, i);
    free(counts);
    return 0;
}

int thaw_split_dataset(const struct thaw_dataset *data, double fraction, uint64_t seed,
                       struct thaw_split_lists *lists, struct thaw_error *err)
{
    int rc = -1;
    int *labels = thaw_new(data->n, sizeof *labels, err);
    const char **groups = thaw_new(data->n, sizeof *groups, err);
    unsigned char *side = thaw_new(data->n, 1, err);
    *lists = (struct thaw_split_lists){0};
    if (!labels || !groups || !side || !(lists->train = thaw_split_all(data->n, err)) ||
        !(lists->val = thaw_split_all(data->n, err)) || thaw_split_strata(data, labels, err))
        goto done;
    for (size_t i = 0; i < data->n; i++)
        groups[i] = data->images[i].group;
    if (thaw_split(labels, groups, data->n, data->n_classes + data->by_label, fraction, seed, side,
                   err))
        goto done;
    for (size_t i = 0; i < data->n; i++)
        if (side[i] == THAW_SIDE_VAL)
            lists->val[lists->n_val++] = i;
        else
            lists->train[lists->n_train++] = i;
    rc = 0;
done:
    free(labels);
    free(groups);
    free(side);
    if (rc)
        thaw_split_release(lists);
    return rc;
}

void thaw_split_release(struct thaw_split_lists *lists)
{
    free(lists->train);
    free(lists->val);
    *lists = (struct thaw_split_lists){0};
}

size_t *thaw_split_all(size_t n, struct thaw_error *err)
{
    size_t *all = thaw_new(n, sizeof *all, err);
    for (size_t i = 0; all && i < n; i++)
        all[i] = i;
    return all;
}
