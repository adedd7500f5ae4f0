#include "vision/giveaway.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

enum { OWN_CELL = 5, QUANTILES = 16 };

struct item {
    double value;
    size_t cluster, image;
    int label, fold;
};

struct work {
    struct item *items; /* [n], by value */
    size_t n;
    size_t *counts; /* [n_classes], scratch */
    int n_classes;
    struct thaw_giveaway_cell *cells; /* [n], scratch */
    size_t n_cells;
};

static int by_label_and_cluster(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->cluster != y->cluster)
        return x->cluster < y->cluster ? -1 : 1;
    return (x->image > y->image) - (x->image < y->image);
}

static int by_cluster(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->cluster != y->cluster)
        return x->cluster < y->cluster ? -1 : 1;
    return (x->image > y->image) - (x->image < y->image);
}

static int by_value(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->image > y->image) - (x->image < y->image);
}

/* Clusters take the folds in turn, class by class; one with several classes goes where its first
 * image goes. */
static void choose_folds(struct work *w)
{
    int turn = 0;
    qsort(w->items, w->n, sizeof *w->items, by_label_and_cluster);
    for (size_t i = 0; i < w->n; i++) {
        if (i && (w->items[i].cluster != w->items[i - 1].cluster ||
                  w->items[i].label != w->items[i - 1].label))
            turn++;
        w->items[i].fold = turn % THAW_GIVEAWAY_FOLDS;
    }
    qsort(w->items, w->n, sizeof *w->items, by_cluster);
    for (size_t i = 1; i < w->n; i++)
        if (w->items[i].cluster == w->items[i - 1].cluster)
            w->items[i].fold = w->items[i - 1].fold;
}

/* --- the rule --- */

static int commonest(const struct work *w, size_t *count)
{
    int best = 0;
    for (int c = 1; c < w->n_classes; c++)
        if (w->counts[c] > w->counts[best])
            best = c;
    *count = w->counts[best];
    return best;
}

/* The cell of the labels counted since the last one; neighbours of one class become one cell. */
static void close_cell(struct work *w, double lo, double hi, size_t n)
{
    struct thaw_giveaway_cell cell = {.lo = lo, .hi = hi, .n = n};
    if (!n)
        return;
    cell.label = commonest(w, &cell.right);
    memset(w->counts, 0, (size_t)w->n_classes * sizeof *w->counts);
    struct thaw_giveaway_cell *last = w->n_cells ? &w->cells[w->n_cells - 1] : NULL;
    if (last && last->label == cell.label) {
        last->hi = hi;
        last->n += n;
        last->right += cell.right;
    } else {
        w->cells[w->n_cells++] = cell;
    }
}

static bool is_used(const struct item *item, int without)
{
    return item->fold != without;
}

/* From all items but those of one fold (-1: from all). */
static void make_rule(struct work *w, int without)
{
    size_t open = 0, used = 0, most;
    double lo = 0, hi = 0;
    w->n_cells = 0;
    memset(w->counts, 0, (size_t)w->n_classes * sizeof *w->counts);
    for (size_t i = 0; i < w->n; i++)
        used += is_used(&w->items[i], without);
    most = used / QUANTILES > OWN_CELL ? used / QUANTILES : OWN_CELL;
    for (size_t i = 0, j; i < w->n; i = j) {
        size_t equal = 0;
        for (j = i; j < w->n && w->items[j].value == w->items[i].value; j++)
            equal += is_used(&w->items[j], without);
        if (!equal)
            continue;
        if (equal >= OWN_CELL || open >= most) {
            close_cell(w, lo, hi, open);
            open = 0;
        }
        lo = open ? lo : w->items[i].value;
        hi = w->items[i].value;
        open += equal;
        for (size_t k = i; k < j; k++)
            w->counts[w->items[k].label] += is_used(&w->items[k], without);
        if (equal >= OWN_CELL) {
            close_cell(w, lo, hi, open);
            open = 0;
        }
    }
    close_cell(w, lo, hi, open);
}

/* The last cell that begins at or below the value, else the first. */
static int apply(const struct work *w, double value)
{
    size_t first = 0, n = w->n_cells;
    while (n > 1) {
        if (w->cells[first + n / 2].lo <= value) {
            first += n / 2;
            n -= n / 2;
        } else {
            n /= 2;
        }
    }
    return w->n_cells ? w->cells[first].label : -1;
}

static int largest_class(struct work *w, int without)
{
    size_t count;
    memset(w->counts, 0, (size_t)w->n_classes * sizeof *w->counts);
    for (size_t i = 0; i < w->n; i++)
        w->counts[w->items[i].label] += is_used(&w->items[i], without);
    return commonest(w, &count);
}

int thaw_giveaway_find(struct thaw_giveaway *g, const double *values, const int *labels,
                       const size_t *cluster, size_t n, int n_classes, struct thaw_error *err)
{
    struct work w = {.n = n, .n_classes = n_classes};
    *g = (struct thaw_giveaway){.n = n};
    w.items = thaw_new(n, sizeof *w.items, err);
    w.counts = thaw_new((size_t)n_classes, sizeof *w.counts, err);
    w.cells = thaw_new(n, sizeof *w.cells, err);
    int rc = w.items && w.counts && w.cells ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < n; i++)
        w.items[i] = (struct item){values[i], cluster ? cluster[i] : i, i, labels[i], 0};
    if (rc == 0 && n) {
        choose_folds(&w);
        qsort(w.items, n, sizeof *w.items, by_value);
    }
    for (int fold = 0; rc == 0 && fold < THAW_GIVEAWAY_FOLDS; fold++) {
        int guess = largest_class(&w, fold);
        make_rule(&w, fold);
        for (size_t i = 0; i < n; i++) {
            if (w.items[i].fold != fold)
                continue;
            g->guessed += w.items[i].label == guess;
            g->right += w.items[i].label == apply(&w, w.items[i].value);
        }
    }
    if (rc == 0) {
        make_rule(&w, -1);
        g->n_cells = w.n_cells;
        g->cells = w.cells;
        w.cells = NULL;
    }
    free(w.items);
    free(w.counts);
    free(w.cells);
    return rc;
}

void thaw_giveaway_release(struct thaw_giveaway *g)
{
    free(g->cells);
    *g = (struct thaw_giveaway){0};
}
