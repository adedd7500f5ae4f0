/* What was found, for people. */
#include <math.h>
#include <stdint.h>

#include "apps/check.h"

enum { MOST_LINES = 10, MOST_VALUES = 5 };

static const char *path_of(const struct thaw_check *c, size_t i)
{
    return c->images[i].image->path;
}

/* "!!" marks what must not be. */
static void headline(FILE *to, const char *what, size_t found, const char *unit)
{
    if (found)
        fprintf(to, "\n!! %s: %zu %s\n", what, found, unit);
    else
        fprintf(to, "\nok %s: none\n", what);
}

/* --- what there is --- */

static size_t count_class(const struct thaw_dataset *data, int label)
{
    size_t n = 0;
    for (size_t i = 0; i < data->n; i++)
        n += data->images[i].label == label;
    return n;
}

static void print_classes(FILE *to, const struct thaw_check *c)
{
    const struct thaw_dataset *train = &c->sets[0];
    size_t least = SIZE_MAX, most = 0;
    fprintf(to, "\n%-24s", "class");
    for (int p = 0; p < THAW_CHECK_PARTS; p++)
        if (c->sets[p].n)
            fprintf(to, " %8s", c->divided ? thaw_part_names[p] : "images");
    fprintf(to, "\n");
    for (int k = 0; k < train->n_classes; k++) {
        size_t n = count_class(train, k);
        least = n < least ? n : least;
        most = n > most ? n : most;
        fprintf(to, "%-24s", train->classes[k]);
        for (int p = 0; p < THAW_CHECK_PARTS; p++)
            if (c->sets[p].n)
                fprintf(to, " %8zu", count_class(&c->sets[p], k));
        fprintf(to, "\n");
    }
    if (least * 3 < most)
        fprintf(to,
                "The largest class has %.1f times the images of the smallest: judge a model by the "
                "recall of each\nclass and by balanced accuracy; accuracy alone is won by ignoring "
                "the small class.\n",
                (double)most / (double)(least ? least : 1));
}

static void print_values(FILE *to, const struct thaw_check *c)
{
    char text[64];
    fprintf(to, "\n");
    for (int p = 0; p <= THAW_CHECK_COLOUR; p++) {
        const struct thaw_check_giveaway *g = &c->giveaways[p];
        fprintf(to, "%-15s", thaw_check_property_name((enum thaw_check_property)p));
        for (size_t k = 0; k < g->n_values && k < MOST_VALUES; k++) {
            thaw_check_property_text((enum thaw_check_property)p, g->values[k].value, text,
                                     sizeof text);
            fprintf(to, "%s%zu of %s", k ? ", " : "", g->values[k].n, text);
        }
        if (g->n_values > MOST_VALUES)
            fprintf(to, ", %zu more", g->n_values - MOST_VALUES);
        fprintf(to, "\n");
    }
}

static void print_unreadable(FILE *to, const struct thaw_check *c)
{
    size_t said = 0;
    headline(to, "unreadable", c->unreadable, "files");
    for (int p = 0; p < THAW_CHECK_PARTS; p++)
        for (size_t i = 0; i < c->sets[p].n_lost && said < MOST_LINES; i++, said++)
            fprintf(to, "   %s: %s\n", c->sets[p].lost[i].place, c->sets[p].lost[i].reason);
    for (size_t i = 0; i < c->n && said < MOST_LINES; i++)
        if (c->survey.sights[i].reason) {
            fprintf(to, "   %s: %s\n", path_of(c, i), c->survey.sights[i].reason);
            said++;
        }
    if (c->unreadable > said)
        fprintf(to, "   and %zu more; --json lists them all\n", c->unreadable - said);
}

static void print_blank(FILE *to, const struct thaw_check *c)
{
    size_t said = 0;
    if (!c->blank)
        return;
    fprintf(to, "\n-- blank: %zu images show nothing, all their samples are equal\n", c->blank);
    for (size_t i = 0; i < c->n && said < MOST_VALUES; i++)
        if (c->survey.sights[i].blank) {
            fprintf(to, "   %s\n", path_of(c, i));
            said++;
        }
    if (c->blank > said)
        fprintf(to, "   and %zu more\n", c->blank - said);
}

/* --- copies --- */

static void print_pair(FILE *to, const struct thaw_check *c, const struct thaw_check_pair *p)
{
    fprintf(to, "   %s = %s   ", path_of(c, p->b), path_of(c, p->a));
    if (p->equal)
        fprintf(to, "the same pixels\n");
    else
        fprintf(to, "%.3f%s\n", (double)p->alike, p->mirrored ? " mirrored" : "");
}

enum sort { LEAK, CONFLICT, OTHER };

static bool is_sort(const struct thaw_check_pair *p, enum sort sort)
{
    return sort == LEAK ? p->leak : sort == CONFLICT ? p->conflict : !p->leak && !p->conflict;
}

static void print_pairs(FILE *to, const struct thaw_check *c, enum sort sort)
{
    size_t said = 0, all = 0;
    for (size_t i = 0; i < c->n_pairs; i++) {
        if (!is_sort(&c->pairs[i], sort))
            continue;
        if (all++ < MOST_LINES) {
            print_pair(to, c, &c->pairs[i]);
            said++;
        }
    }
    if (all > said)
        fprintf(to, "   and %zu more pairs; --csv writes them all, --sheet draws them\n",
                all - said);
}

static void print_leaks(FILE *to, const struct thaw_check *c)
{
    for (int p = 1; p < THAW_CHECK_PARTS; p++) {
        char what[64], unit[64];
        if (!c->sets[p].n)
            continue;
        snprintf(what, sizeof what, "copies in %s of images from %s", thaw_part_names[p],
                 p == 1 ? "train" : "train or val");
        snprintf(unit, sizeof unit, "of %zu images", c->sets[p].n);
        headline(to, what, c->leaks[p], unit);
    }
    if (!c->leaks[1] && !c->leaks[2])
        return;
    print_pairs(to, c, LEAK);
    fprintf(to, "   A network remembers what it was trained on: with these images its figures are "
                "better than\n   new scans will give. Take them out of val and test, or put each "
                "pair on one side.\n");
}

static void print_conflicts(FILE *to, const struct thaw_check *c)
{
    headline(to, "copies in two classes", c->conflicts, "images");
    if (!c->conflicts)
        return;
    print_pairs(to, c, CONFLICT);
    fprintf(to, "   One of the two labels is wrong, or the two are neighbouring slices of one scan "
                "that was labelled\n   slice by slice: look at them.\n");
}

static void print_others(FILE *to, const struct thaw_check *c)
{
    size_t others = 0;
    for (size_t i = 0; i < c->n_pairs; i++)
        others += is_sort(&c->pairs[i], OTHER);
    fprintf(to, "\n-- pairs within one %s and class: %zu\n", c->divided ? "part" : "folder",
            others);
    if (!others)
        return;
    print_pairs(to, c, OTHER);
    fprintf(to, "   The set is smaller than it looks.%s\n",
            c->divided ? "" : " `thaw train` keeps each pair on one side of its split.");
    fprintf(to,
            "   --alike 0.9 also finds slices that are further apart, and pairs that are none.\n");
}

static void print_patients(FILE *to, const struct thaw_check *c)
{
    if (!c->groups) {
        fprintf(to, "\n-- patients: not recognised in the file names; --group-by REGEX tells them "
                    "apart\n");
        return;
    }
    if (!c->divided) {
        fprintf(to, "\n-- %s\n", c->groups);
        return;
    }
    for (int p = 1; p < THAW_CHECK_PARTS; p++) {
        char what[64], unit[64];
        if (!c->sets[p].n)
            continue;
        snprintf(what, sizeof what, "patients of %s who are in %s too", thaw_part_names[p],
                 p == 1 ? "train" : "train or val");
        snprintf(unit, sizeof unit, "of %zu images", c->sets[p].n);
        headline(to, what, c->patients[p], unit);
    }
    fprintf(to, "   %s\n", c->groups);
}

/* --- what gives the class away --- */

static void print_rule(FILE *to, const struct thaw_check *c, enum thaw_check_property p)
{
    const struct thaw_giveaway *g = &c->giveaways[p].rule;
    for (size_t k = 0; k < g->n_cells && k < MOST_VALUES; k++) {
        char lo[64], hi[64];
        thaw_check_property_text(p, g->cells[k].lo, lo, sizeof lo);
        thaw_check_property_text(p, g->cells[k].hi, hi, sizeof hi);
        fprintf(to, "      %s%s%s: %s, %zu of %zu\n", lo,
                g->cells[k].lo < g->cells[k].hi ? " to " : "",
                g->cells[k].lo < g->cells[k].hi ? hi : "", c->sets[0].classes[g->cells[k].label],
                g->cells[k].right, g->cells[k].n);
    }
    if (g->n_cells > MOST_VALUES)
        fprintf(to, "      and %zu ranges more\n", g->n_cells - MOST_VALUES);
}

static void print_giveaways(FILE *to, const struct thaw_check *c)
{
    const struct thaw_giveaway *first = &c->giveaways[0].rule;
    bool any = false;
    if (!first->n)
        return;
    fprintf(to,
            "\n-- what alone gives the class away: share of images whose class a simple rule "
            "tells from that alone\n   (judged on images the rule was not made from; always "
            "saying the largest class: %.3f)\n",
            (double)first->guessed / (double)first->n);
    for (int p = 0; p < THAW_CHECK_PROPERTIES; p++) {
        const struct thaw_check_giveaway *g = &c->giveaways[p];
        fprintf(to, "   %-15s %.3f%s\n", thaw_check_property_name((enum thaw_check_property)p),
                (double)g->rule.right / (double)g->rule.n, g->telling ? "  <- tells" : "");
        if (g->telling)
            print_rule(to, c, (enum thaw_check_property)p);
        any |= g->telling;
    }
    if (any)
        fprintf(to, "   The classes come from different sources. A network will learn the source "
                    "first, and fail on scans\n   from elsewhere however good its figures here "
                    "are: bring the classes to one size, kind and crop.\n");
}

void thaw_check_text(FILE *to, const struct thaw_check *c)
{
    fprintf(to, "%s: %zu images, %d classes\n", c->root, c->n, c->sets[0].n_classes);
    for (int p = 0; p < THAW_CHECK_PARTS; p++)
        for (size_t i = 0; i < c->sets[p].n_warnings; i++)
            fprintf(to, "note: %s\n", c->sets[p].warnings[i]);
    if (c->left_out)
        fprintf(to, "note: left out, beside train: %s\n", c->left_out);
    print_classes(to, c);
    print_values(to, c);
    print_unreadable(to, c);
    print_blank(to, c);
    if (c->divided)
        print_leaks(to, c);
    print_patients(to, c);
    print_conflicts(to, c);
    print_others(to, c);
    print_giveaways(to, c);
}
