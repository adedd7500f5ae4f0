#include "nn/planner.h"

#include <stdlib.h>

#include "io/base/mem.h"

enum { ALIGNMENT = 64 };

struct ranked {
    struct thaw_buffer *buffer;
    size_t number, bytes;
};

static int largest_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static int by_offset(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->buffer->offset != y->buffer->offset)
        return x->buffer->offset < y->buffer->offset ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Smallest gap among the `n` placed neighbours (sorted by offset) that takes `bytes`; else their
 * end. */
static size_t best_gap(const struct ranked *placed, size_t n, size_t bytes)
{
    size_t end = 0, best = 0, best_size = 0;
    for (size_t i = 0; i < n; i++) {
        size_t offset = placed[i].buffer->offset;
        if (offset > end && offset - end >= bytes && (!best_size || offset - end < best_size)) {
            best = end;
            best_size = offset - end;
        }
        if (offset + placed[i].bytes > end)
            end = offset + placed[i].bytes;
    }
    return best_size ? best : end;
}

int thaw_planner_place(struct thaw_buffer *buffers, size_t n, size_t *total, struct thaw_error *err)
{
    *total = 0;
    struct ranked *order = thaw_new(2 * n, sizeof *order, err);
    if (!order)
        return -1;
    struct ranked *near = order + n;
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        buffers[i].offset = 0;
        if (buffers[i].bytes)
            order[used++] = (struct ranked){
                &buffers[i], i, (buffers[i].bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT};
    }
    if (used)
        qsort(order, used, sizeof *order, largest_first);
    for (size_t i = 0; i < used; i++) {
        size_t met = 0;
        for (size_t j = 0; j < i; j++)
            if (order[j].buffer->first <= order[i].buffer->last &&
                order[i].buffer->first <= order[j].buffer->last)
                near[met++] = order[j];
        if (met)
            qsort(near, met, sizeof *near, by_offset);
        order[i].buffer->offset = best_gap(near, met, order[i].bytes);
        if (order[i].buffer->offset + order[i].bytes > *total)
            *total = order[i].buffer->offset + order[i].bytes;
    }
    free(order);
    return 0;
}
