#include "vision/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/rng.h"

void thaw_sampler_shuffle(const size_t *items, size_t n, uint64_t seed, uint32_t epoch,
                          size_t *order)
{
    struct thaw_rng rng = thaw_rng_at(seed, epoch, 0, THAW_RNG_ORDER);
    for (size_t i = 0; i < n; i++)
        order[i] = items[i];
    thaw_rng_shuffle(&rng, order, n);
}

/* Class n_classes: none of the labels holds. */
static bool belongs(const struct thaw_dataset *data, size_t i, int class)
{
    if (class < data->n_classes)
        return thaw_dataset_has(data, i, class);
    for (int c = 0; c < data->n_classes; c++)
        if (thaw_dataset_has(data, i, c))
            return false;
    return true;
}

int thaw_strata_init(struct thaw_strata *s, const struct thaw_dataset *data, struct thaw_error *err)
{
    int classes = data->n_classes + data->by_label;
    size_t total = 0, at = 0;
    *s = (struct thaw_strata){0};
    for (int c = 0; c < classes; c++)
        for (size_t i = 0; i < data->n; i++)
            total += belongs(data, i, c);
    if (!(s->first = thaw_new((size_t)classes + 1, sizeof *s->first, err)) ||
        !(s->items = thaw_new(total, sizeof *s->items, err)) ||
        !(s->deck = thaw_new(total, sizeof *s->deck, err)))
        return -1;
    for (int c = 0; c < classes; c++) {
        for (size_t i = 0; i < data->n; i++)
            if (belongs(data, i, c))
                s->items[at++] = i;
        if (at > s->first[s->n])
            s->first[++s->n] = at;
    }
    return 0;
}

void thaw_strata_release(struct thaw_strata *s)
{
    free(s->first);
    free(s->items);
    free(s->deck);
    *s = (struct thaw_strata){0};
}

void thaw_sampler_balance(const struct thaw_strata *s, size_t n, uint64_t seed, uint32_t epoch,
                          size_t *order)
{
    struct thaw_rng rng = thaw_rng_at(seed, epoch, 0, THAW_RNG_ORDER);
    size_t at = 0;
    for (size_t k = 0; k < s->n; k++) {
        size_t left = n / s->n + ((k + epoch) % s->n < n % s->n),
               size = s->first[k + 1] - s->first[k];
        while (left) {
            size_t round = left < size ? left : size;
            memcpy(s->deck, s->items + s->first[k], size * sizeof *s->deck);
            thaw_rng_shuffle(&rng, s->deck, size);
            memcpy(order + at, s->deck, round * sizeof *order);
            at += round;
            left -= round;
        }
    }
    thaw_rng_shuffle(&rng, order, n);
}

void thaw_sampler_turns(const size_t *order, size_t n, size_t items, uint32_t *counts,
                        uint32_t *turns)
{
    memset(counts, 0, items * sizeof *counts);
    for (size_t i = 0; i < n; i++)
        turns[i] = counts[order[i]]++;
}
