/* What was found, for people. */
#include <math.h>
#include <stdint.h>
#include <string.h>

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

static size_t count_class(const struct thaw_dataset *data, int class)
{
    size_t n = 0;
    for (size_t i = 0; i < data->n; i++)
        n += thaw_dataset_has(data, i, class);
    return n;
}

static void print_balance(FILE *to, const struct thaw_dataset *train)
{
    size_t least = SIZE_MAX, most = 0;
    for (int k = 0; k < train->n_classes; k++) {
        size_t n = count_class(train, k);
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    if (least * 3 < most)
        fprintf(to,
                "The largest class has %.1f times the images of the smallest: judge a model by the "
                "recall of each\nclass and by balanced accuracy; accuracy alone is won by ignoring "
                "the small class.\n",
                (double)most / (double)(least ? least : 1));
}

/* How many labels an image has, and whether any of them is rare or nearly always there. */
static void print_label_balance(FILE *to, const struct thaw_check *c)
{
    const struct thaw_dataset *train = &c->sets[0];
    size_t all = 0, uneven = 0;
    fprintf(to, "%-24s", "(no label)");
    for (int p = 0; p < THAW_CHECK_PARTS; p++) {
        size_t none = 0;
        for (size_t i = 0; i < c->sets[p].n; i++) {
            int labels = 0;
            for (int k = 0; k < train->n_classes; k++)
                labels += thaw_dataset_has(&c->sets[p], i, k);
            none += labels == 0;
            all += (size_t)labels;
        }
        if (c->sets[p].n)
            fprintf(to, " %8zu", none);
    }
    for (int k = 0; k < train->n_classes; k++) {
        size_t n = count_class(train, k);
        uneven += 4 * n < train->n || 4 * n > 3 * train->n;
    }
    fprintf(to, "\n%.2f labels an image, %d different sets of them\n",
            c->n ? (double)all / (double)c->n : 0, c->n_kinds);
    if (uneven)
        fprintf(to,
                "%zu of %d labels hold of less than a quarter of the images, or of more than three "
                "quarters: judge\nthem by recall, AUC and average precision; the share of right "
                "answers is won by always saying the same.\n",
                uneven, train->n_classes);
}

static void print_classes(FILE *to, const struct thaw_check *c)
{
    const struct thaw_dataset *train = &c->sets[0];
    fprintf(to, "\n%-24s", c->by_label ? "label" : "class");
    for (int p = 0; p < THAW_CHECK_PARTS; p++)
        if (c->sets[p].n)
            fprintf(to, " %8s", c->divided ? thaw_part_names[p] : "images");
    fprintf(to, "%s\n", !c->by_label ? "" : c->divided ? "   of train" : "     of all");
    for (int k = 0; k < train->n_classes; k++) {
        fprintf(to, "%-24s", train->classes[k]);
        for (int p = 0; p < THAW_CHECK_PARTS; p++)
            if (c->sets[p].n)
                fprintf(to, " %8zu", count_class(&c->sets[p], k));
        if (c->by_label && train->n)
            fprintf(to, " %8.1f %%", 100.0 * (double)count_class(train, k) / (double)train->n);
        fprintf(to, "\n");
    }
    if (c->by_label)
        print_label_balance(to, c);
    else
        print_balance(to, train);
}

static void print_values(FILE *to, const struct thaw_check *c)
{
    char text[64];
    fprintf(to, "\n");
    for (int p = 0; p <= THAW_CHECK_COLOUR; p++) {
        const struct thaw_check_values *v = &c->values[p];
        fprintf(to, "%-15s", thaw_check_property_name((enum thaw_check_property)p));
        for (size_t k = 0; k < v->n && k < MOST_VALUES; k++) {
            thaw_check_property_text((enum thaw_check_property)p, v->list[k].value, text,
                                     sizeof text);
            fprintf(to, "%s%zu of %s", k ? ", " : "", v->list[k].n, text);
        }
        if (v->n > MOST_VALUES)
            fprintf(to, ", %zu more", v->n - MOST_VALUES);
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

static const char *labels_of(const struct thaw_check *c, size_t i)
{
    const char *labels = thaw_check_kind(c, i);
    return *labels ? labels : "no label";
}

static void print_pair(FILE *to, const struct thaw_check *c, const struct thaw_check_pair *p)
{
    fprintf(to, "   %s = %s   ", path_of(c, p->b), path_of(c, p->a));
    if (p->equal)
        fprintf(to, "the same pixels");
    else
        fprintf(to, "%.3f%s", (double)p->alike, p->mirrored ? " mirrored" : "");
    if (c->by_label && p->conflict) /* of classes, the path tells */
        fprintf(to, "   (%s | %s)", labels_of(c, p->b), labels_of(c, p->a));
    fprintf(to, "\n");
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
    headline(to, c->by_label ? "copies with different labels" : "copies in two classes",
             c->conflicts, "images");
    if (!c->conflicts)
        return;
    print_pairs(to, c, CONFLICT);
    fprintf(to,
            "   One of the two labels is wrong%s, or the two are neighbouring slices of one scan "
            "that was labelled\n   slice by slice: look at them.\n",
            c->by_label ? " or lacks a finding" : "");
}

static void print_others(FILE *to, const struct thaw_check *c)
{
    size_t others = 0;
    for (size_t i = 0; i < c->n_pairs; i++)
        others += is_sort(&c->pairs[i], OTHER);
    fprintf(to, "\n-- pairs within one %s and %s: %zu\n", c->divided ? "part" : "folder",
            c->by_label ? "with the same labels" : "class", others);
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

static void print_rule(FILE *to, const struct thaw_check *c, enum thaw_check_property p,
                       const struct thaw_giveaway *g)
{
    for (size_t k = 0; k < g->n_cells && k < MOST_VALUES; k++) {
        const struct thaw_giveaway_cell *cell = &g->cells[k];
        char lo[64], hi[64];
        thaw_check_property_text(p, cell->lo, lo, sizeof lo);
        thaw_check_property_text(p, cell->hi, hi, sizeof hi);
        fprintf(to, "      %s%s%s: %s, %zu of %zu\n", lo, cell->lo < cell->hi ? " to " : "",
                cell->lo < cell->hi ? hi : "",
                !c->by_label  ? c->sets[0].classes[cell->label]
                : cell->label ? "with it"
                              : "without it",
                cell->right, cell->n);
    }
    if (g->n_cells > MOST_VALUES)
        fprintf(to, "      and %zu ranges more\n", g->n_cells - MOST_VALUES);
}

/* Which properties tell the class, or label `asked`; does one? */
static bool print_properties(FILE *to, const struct thaw_check *c, int asked)
{
    bool any = false;
    for (int p = 0; p < THAW_CHECK_PROPERTIES; p++) {
        const struct thaw_check_giveaway *g = &c->giveaways[asked][p];
        any |= g->telling;
        if (c->by_label && !g->telling)
            continue;
        fprintf(to, "   %-15s %.3f%s\n", thaw_check_property_name((enum thaw_check_property)p),
                (double)g->rule.right / (double)g->rule.n, g->telling ? "  <- tells" : "");
        if (g->telling)
            print_rule(to, c, (enum thaw_check_property)p, &g->rule);
    }
    return any;
}

static void print_giveaways(FILE *to, const struct thaw_check *c)
{
    const struct thaw_giveaway *first = &c->giveaways[0][0].rule;
    bool any = false;
    if (!first->n)
        return;
    if (c->by_label)
        fprintf(to, "\n-- what alone gives a label away: share of images of which a simple rule "
                    "tells from that alone whether\n   the label holds (judged on images the rule "
                    "was not made from; in brackets: always saying the same)\n");
    else
        fprintf(to,
                "\n-- what alone gives the class away: share of images whose class a simple rule "
                "tells from that alone\n   (judged on images the rule was not made from; always "
                "saying the largest class: %.3f)\n",
                (double)first->guessed / (double)first->n);
    for (int q = 0; q < c->n_asked; q++) {
        const struct thaw_giveaway *g = &c->giveaways[q][0].rule;
        if (c->by_label)
            fprintf(to, "   %s (%.3f):\n", c->sets[0].classes[q],
                    (double)g->guessed / (double)g->n);
        bool here = print_properties(to, c, q);
        if (c->by_label && !here)
            fprintf(to, "   nothing does\n");
        any |= here;
    }
    if (any)
        fprintf(to,
                "   The %s come from different sources. A network will learn the source first, and "
                "fail on scans\n   from elsewhere however good its figures here are: bring %s to "
                "one size, kind and crop.\n",
                c->by_label ? "images with and without it" : "classes",
                c->by_label ? "all" : "the classes");
}

/* Classes that look like several labels in one cell of a table. */
static void print_doubts(FILE *to, const struct thaw_check *c)
{
    const struct thaw_dataset *train = &c->sets[0];
    for (int k = 0; !c->by_label && k < train->n_classes; k++)
        if (strpbrk(train->classes[k], ";|")) {
            fprintf(to,
                    "note: '%s' is taken as one class; --multi-label takes it as several labels of "
                    "an image\n",
                    train->classes[k]);
            return;
        }
}

void thaw_check_text(FILE *to, const struct thaw_check *c)
{
    fprintf(to, "%s: %zu images, %d %s\n", c->root, c->n, c->sets[0].n_classes,
            c->by_label ? "labels" : "classes");
    print_doubts(to, c);
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
