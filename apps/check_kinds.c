/* What an image is said to be: its class, or by label the whole set of its labels. */
#include <stdlib.h>
#include <string.h>

#include "apps/check.h"
#include "io/base/mem.h"
#include "vision/labels.h"

struct entry {
    const bool *has;
    size_t width, image;
};

static int by_labels(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return memcmp(x->has, y->has, x->width * sizeof *x->has);
}

/* The labels of image i of all parts, as text. */
static char *text_of(const struct thaw_check *c, size_t i, struct thaw_error *err)
{
    const struct thaw_dataset *set = &c->sets[c->images[i].part];
    return thaw_labels_text(set, (size_t)(c->images[i].image - set->images), err);
}

/* Numbers the sets of labels that there are. */
static int number_sets(struct thaw_check *c, struct thaw_error *err)
{
    struct entry *order = thaw_new(c->n, sizeof *order, err);
    int rc = -1;
    if (!order || !(c->kinds = thaw_new(c->n, sizeof *c->kinds, err)))
        goto done;
    for (size_t i = 0; i < c->n; i++)
        order[i] = (struct entry){c->images[i].image->has, (size_t)c->sets[0].n_classes, i};
    if (c->n)
        qsort(order, c->n, sizeof *order, by_labels);
    for (size_t i = 0; i < c->n; i++) {
        if (i == 0 || by_labels(&order[i], &order[i - 1]) != 0) {
            if (!(c->kinds[c->n_kinds] = text_of(c, order[i].image, err)))
                goto done;
            c->n_kinds++;
        }
        c->images[order[i].image].kind = c->n_kinds - 1;
    }
    rc = 0;
done:
    free(order);
    return rc;
}

int thaw_check_kinds(struct thaw_check *c, struct thaw_error *err)
{
    const struct thaw_dataset *train = &c->sets[0];
    if (c->by_label)
        return number_sets(c, err);
    if (!(c->kinds = thaw_new((size_t)train->n_classes, sizeof *c->kinds, err)))
        return -1;
    for (; c->n_kinds < train->n_classes; c->n_kinds++)
        if (!(c->kinds[c->n_kinds] = thaw_strdup(train->classes[c->n_kinds], err)))
            return -1;
    for (size_t i = 0; i < c->n; i++)
        c->images[i].kind = c->images[i].image->label;
    return 0;
}

const char *thaw_check_kind(const struct thaw_check *c, size_t i)
{
    return c->kinds[c->images[i].kind];
}
