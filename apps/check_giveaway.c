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

static int count_values(struct thaw_check_values *v, const double *values, size_t n,
                        struct thaw_error *err)
{
    if (!(v->list = thaw_new(n, sizeof *v->list, err)))
        return -1;
    for (size_t i = 0; i < n; i++)
        v->list[i] = (struct thaw_check_value){values[i], 1};
    if (n)
        qsort(v->list, n, sizeof *v->list, by_value);
    for (size_t i = 0; i < n; i++) {
        struct thaw_check_value *last = v->n ? &v->list[v->n - 1] : NULL;
        if (last && by_value(last, &v->list[i]) == 0)
            last->n++;
        else
            v->list[v->n++] = v->list[i];
    }
    if (n)
        qsort(v->list, v->n, sizeof *v->list, by_count);
    return 0;
}

/* What the rules are about: the class, or whether label `asked` holds. */
static int answer_of(const struct thaw_check *c, size_t i, int asked)
{
    const struct thaw_dataset_image *image = c->images[i].image;
    return c->by_label ? image->has[asked] : image->label;
}

/* Rules from one property, whose values are those of the images ids[n]. */
static int find_rules(struct thaw_check *c, int property, const double *values, const size_t *ids,
                      const size_t *together, size_t n, struct thaw_error *err)
{
    int *answers = thaw_new(n, sizeof *answers, err), rc = answers ? 0 : -1;
    for (int q = 0; rc == 0 && q < c->n_asked; q++) {
        struct thaw_check_giveaway *g = &c->giveaways[q][property];
        for (size_t i = 0; i < n; i++)
            answers[i] = answer_of(c, ids[i], q);
        rc = thaw_giveaway_find(&g->rule, values, answers, together, n,
                                c->by_label ? 2 : c->sets[0].n_classes, err);
        g->telling = rc == 0 && is_telling(&g->rule);
    }
    free(answers);
    return rc;
}

int thaw_check_giveaways(struct thaw_check *c, const size_t *cluster, struct thaw_error *err)
{
    size_t n = 0;
    int rc = -1;
    double *values = thaw_new(c->n, sizeof *values, err);
    size_t *ids = thaw_new(c->n, sizeof *ids, err);
    size_t *together = thaw_new(c->n, sizeof *together, err);
    c->n_asked = c->by_label ? c->sets[0].n_classes : 1;
    c->giveaways = thaw_new((size_t)c->n_asked, sizeof *c->giveaways, err);
    if (!values || !ids || !together || !c->giveaways)
        goto done;
    for (size_t i = 0; i < c->n; i++)
        if (!c->survey.sights[i].reason) {
            ids[n] = i;
            together[n++] = cluster[i];
        }
    for (int p = 0; p < THAW_CHECK_PROPERTIES; p++) {
        for (size_t i = 0; i < n; i++)
            values[i] = value_of((enum thaw_check_property)p, &c->survey.sights[ids[i]]);
        if (count_values(&c->values[p], values, n, err) ||
            find_rules(c, p, values, ids, together, n, err))
            goto done;
    }
    rc = 0;
done:
    free(values);
    free(ids);
    free(together);
    return rc;
}
