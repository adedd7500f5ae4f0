/* What alone gives the class away. */
#include <stdlib.h>
#include <string.h>

#include "apps/check.h"
#include "io/base/mem.h"
#include "nn/metrics.h"
#include "vision/codec.h"

enum { WIDTH_STEP = 65536 };

static double kind_number(const struct thaw_sight *s)
{
    int k = 0;
    while (thaw_codecs[k] && strcmp(thaw_codecs[k]->name, s->kind) != 0)
        k++;
    return k;
}

static double value_of(enum thaw_check_property p, const struct thaw_sight *s)
{
    switch (p) {
    case THAW_CHECK_SIZE:
        return (double)s->width * WIDTH_STEP + s->height;
    case THAW_CHECK_KIND:
        return kind_number(s);
    case THAW_CHECK_DEPTH:
        return s->depth;
    case THAW_CHECK_COLOUR:
        return s->colour;
    case THAW_CHECK_BYTES:
        return (double)s->bytes / ((double)s->width * s->height);
    case THAW_CHECK_BORDER:
        return (double)s->marks.border;
    default:
        return (double)s->marks.text;
    }
}

const char *thaw_check_property_name(enum thaw_check_property p)
{
    static const char *const names[] = {
        [THAW_CHECK_SIZE] = "size",          [THAW_CHECK_KIND] = "file kind",
        [THAW_CHECK_DEPTH] = "depth",        [THAW_CHECK_COLOUR] = "colour",
        [THAW_CHECK_BYTES] = "compression",  [THAW_CHECK_BORDER] = "border",
        [THAW_CHECK_TEXT] = "burned-in text"};
    return names[p];
}

void thaw_check_property_text(enum thaw_check_property p, double value, char *text, size_t size)
{
    static const char *const colours[] = {[THAW_COLOUR_GREY] = "grey",
                                          [THAW_COLOUR_GREY_AS_RGB] = "grey in 3 channels",
                                          [THAW_COLOUR_RGB] = "colour"};
    switch (p) {
    case THAW_CHECK_SIZE:
        snprintf(text, size, "%d x %d", (int)value / WIDTH_STEP, (int)value % WIDTH_STEP);
        break;
    case THAW_CHECK_KIND:
        snprintf(text, size, "%s", thaw_codecs[(int)value]->name);
        break;
    case THAW_CHECK_DEPTH:
        if ((int)value == 32)
            snprintf(text, size, "float");
        else
            snprintf(text, size, "%d bits", (int)value);
        break;
    case THAW_CHECK_COLOUR:
        snprintf(text, size, "%s", colours[(int)value]);
        break;
    case THAW_CHECK_BYTES:
        snprintf(text, size, "%.2f bytes a pixel", value);
        break;
    default:
        snprintf(text, size, "%.1f %% of the area", 100 * value);
    }
}

/* Better than by chance, and a fifth of what guessing gets wrong is right. */
static bool is_telling(const struct thaw_giveaway *g)
{
    double lo, hi, guessed = g->n ? (double)g->guessed / (double)g->n : 0;
    double right = g->n ? (double)g->right / (double)g->n : 0;
    thaw_wilson(g->right, g->n, &lo, &hi);
    return g->n && lo > guessed && right - guessed >= 0.2 * (1 - guessed);
}

static int by_value(const void *a, const void *b)
{
    double x = ((const struct thaw_check_value *)a)->value;
    double y = ((const struct thaw_check_value *)b)->value;
    return (x > y) - (x < y);
}

static int by_count(const void *a, const void *b)
{
    const struct thaw_check_value *x = a, *y = b;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return by_value(a, b);
}

static int count_values(struct thaw_check_giveaway *g, const double *values, size_t n,
                        struct thaw_error *err)
{
    if (!(g->values = thaw_new(n, sizeof *g->values, err)))
        return -1;
    for (size_t i = 0; i < n; i++)
        g->values[i] = (struct thaw_check_value){values[i], 1};
    if (n)
        qsort(g->values, n, sizeof *g->values, by_value);
    for (size_t i = 0; i < n; i++) {
        struct thaw_check_value *last = g->n_values ? &g->values[g->n_values - 1] : NULL;
        if (last && by_value(last, &g->values[i]) == 0)
            last->n++;
        else
            g->values[g->n_values++] = g->values[i];
    }
    if (n)
        qsort(g->values, g->n_values, sizeof *g->values, by_count);
    return 0;
}

int thaw_check_giveaways(struct thaw_check *c, const size_t *cluster, struct thaw_error *err)
{
    size_t n = 0;
    int rc = -1;
    double *values = thaw_new(c->n, sizeof *values, err);
    int *labels = thaw_new(c->n, sizeof *labels, err);
    size_t *together = thaw_new(c->n, sizeof *together, err);
    if (!values || !labels || !together)
        goto done;
    for (int p = 0; p < THAW_CHECK_PROPERTIES; p++) {
        struct thaw_check_giveaway *g = &c->giveaways[p];
        n = 0;
        for (size_t i = 0; i < c->n; i++) {
            const struct thaw_sight *sight = &c->survey.sights[i];
            if (sight->reason)
                continue;
            values[n] = value_of((enum thaw_check_property)p, sight);
            labels[n] = c->images[i].image->label;
            together[n++] = cluster[i];
        }
        if (count_values(g, values, n, err) ||
            thaw_giveaway_find(&g->rule, values, labels, together, n, c->sets[0].n_classes, err))
            goto done;
        g->telling = is_telling(&g->rule);
    }
    rc = 0;
done:
    free(values);
    free(labels);
    free(together);
    return rc;
}
