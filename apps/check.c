#include "apps/check.h"

#include <stdlib.h>
#include <string.h>

#include "apps/copies.h"
#include "io/base/mem.h"
#include "vision/patients.h"

/* --- listing --- */

static int find_groups(struct thaw_check *c, int part, const char *group_by, struct thaw_error *err)
{
    char *found = NULL;
    if (thaw_patients_find(&c->sets[part], group_by, &found, err))
        return group_by ? thaw_error_prefix(err, "--group-by") : -1;
    if (!c->groups)
        c->groups = found;
    else
        free(found);
    return 0;
}

static int list(struct thaw_check *c, const struct thaw_check_options *o, struct thaw_error *err)
{
    struct thaw_parts parts;
    const struct thaw_dataset *train = &c->sets[0];
    int rc = 0;
    if (thaw_parts_find(&parts, c->root, o->columns, o->roots, o->multi_label, err))
        return -1;
    const char *const folders[THAW_CHECK_PARTS] = {parts.train, parts.val, parts.test};
    c->divided = parts.split;
    for (int p = 0; rc == 0 && p < THAW_CHECK_PARTS; p++) {
        if (p && !folders[p])
            continue;
        const char *const *names = p ? (const char *const *)train->classes : NULL;
        int n = p ? train->n_classes : 0;
        rc = o->multi_label
                 ? thaw_parts_list_labels(&parts, (enum thaw_part)p, names, n, o->no_finding,
                                          &c->sets[p], err)
                 : thaw_parts_list(&parts, (enum thaw_part)p, names, n, &c->sets[p], err);
        if (rc == 0)
            rc = find_groups(c, p, o->group_by, err);
        c->n += c->sets[p].n;
    }
    c->left_out = parts.extra;
    parts.extra = NULL;
    thaw_parts_release(&parts);
    if (rc || !(c->images = thaw_new(c->n, sizeof *c->images, err)))
        return -1;
    for (size_t i = 0, p = 0; p < THAW_CHECK_PARTS; p++)
        for (size_t k = 0; k < c->sets[p].n; k++)
            c->images[i++] =
                (struct thaw_check_image){.image = &c->sets[p].images[k], .part = (int)p};
    return thaw_check_kinds(c, err);
}

/* --- copies --- */

static int by_weight(const void *a, const void *b)
{
    const struct thaw_check_pair *x = a, *y = b;
    if (x->leak != y->leak)
        return x->leak ? -1 : 1;
    if (x->conflict != y->conflict)
        return x->conflict ? -1 : 1;
    if (x->equal != y->equal)
        return x->equal ? -1 : 1;
    if (x->alike != y->alike)
        return x->alike > y->alike ? -1 : 1;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

static void add_pair(struct thaw_check *c, struct thaw_check_pair pair)
{
    const struct thaw_check_image *a = &c->images[pair.a], *b = &c->images[pair.b];
    pair.leak = a->part != b->part;
    pair.conflict = a->kind != b->kind;
    c->pairs[c->n_pairs++] = pair;
}

static int take_pairs(struct thaw_check *c, const struct thaw_pairs *found, struct thaw_error *err)
{
    for (size_t i = 0; i < c->n; i++)
        c->repeated += found->first[i] != i;
    if (!(c->pairs = thaw_new(c->repeated + found->n_near, sizeof *c->pairs, err)))
        return -1;
    for (size_t i = 0; i < c->n; i++)
        if (found->first[i] != i)
            add_pair(c, (struct thaw_check_pair){
                            .a = found->first[i], .b = i, .alike = 1, .equal = true});
    for (size_t i = 0; i < found->n_near; i++) {
        const struct thaw_pair *p = &found->near[i];
        add_pair(c, (struct thaw_check_pair){
                        .a = p->a, .b = p->b, .alike = p->alike, .mirrored = p->mirrored});
    }
    if (c->n_pairs)
        qsort(c->pairs, c->n_pairs, sizeof *c->pairs, by_weight);
    return 0;
}

/* What stands behind a picture: the parts and the kinds of all images equal to it. */
struct holders {
    unsigned parts;
    int kind;   /* of the first */
    bool kinds; /* there are several */
};

/* Which images have copies in which parts, and which of another kind. Of a picture and its equals
 * only the first is in pairs that look alike, and it speaks for all of them. */
static int count_copies(struct thaw_check *c, const struct thaw_pairs *found,
                        struct thaw_error *err)
{
    struct holders *own = thaw_new(c->n, sizeof *own, err), *near = NULL;
    if (!own || !(near = thaw_new(c->n, sizeof *near, err))) {
        free(own);
        return -1;
    }
    for (size_t i = 0; i < c->n; i++) {
        struct holders *h = &own[found->first[i]];
        int kind = c->images[i].kind;
        h->kinds |= h->parts && h->kind != kind;
        h->kind = h->parts ? h->kind : kind;
        h->parts |= 1U << c->images[i].part;
    }
    memcpy(near, own, c->n * sizeof *near);
    for (size_t i = 0; i < found->n_near; i++) {
        size_t a = found->near[i].a, b = found->near[i].b;
        bool differ = own[a].kind != own[b].kind;
        near[a].parts |= own[b].parts;
        near[b].parts |= own[a].parts;
        near[a].kinds |= own[b].kinds || differ;
        near[b].kinds |= own[a].kinds || differ;
    }
    for (size_t i = 0; i < c->n; i++) {
        c->images[i].copies_in = near[found->first[i]].parts;
        c->conflicts += near[found->first[i]].kinds;
    }
    free(own);
    free(near);
    return 0;
}

/* --- patients --- */

static int by_group(const void *a, const void *b)
{
    const struct thaw_check_image *x = *(struct thaw_check_image *const *)a,
                                  *y = *(struct thaw_check_image *const *)b;
    return strcmp(x->image->group, y->image->group);
}

static int spread_patients(struct thaw_check *c, struct thaw_error *err)
{
    struct thaw_check_image **grouped = thaw_new(c->n, sizeof *grouped, err);
    size_t n = 0;
    if (!grouped)
        return -1;
    for (size_t i = 0; i < c->n; i++) {
        c->images[i].patient_in = 1U << c->images[i].part;
        if (c->images[i].image->group)
            grouped[n++] = &c->images[i];
    }
    if (n)
        qsort(grouped, n, sizeof *grouped, by_group);
    for (size_t i = 0, j; i < n; i = j) {
        unsigned parts = 0;
        for (j = i; j < n && by_group(&grouped[i], &grouped[j]) == 0; j++)
            parts |= 1U << grouped[j]->part;
        for (size_t k = i; k < j; k++)
            grouped[k]->patient_in = parts;
    }
    free(grouped);
    return 0;
}

/* --- the whole --- */

static void count(struct thaw_check *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct thaw_check_image *image = &c->images[i];
        unsigned earlier = (1U << image->part) - 1;
        c->unreadable += c->survey.sights[i].reason != NULL;
        c->blank += c->survey.sights[i].blank;
        c->leaks[image->part] += (image->copies_in & earlier) != 0;
        c->patients[image->part] += (image->patient_in & earlier) != 0;
    }
    for (int p = 0; p < THAW_CHECK_PARTS; p++)
        c->unreadable += c->sets[p].n_lost;
    c->severe = c->unreadable + c->conflicts;
    for (int p = 0; p < THAW_CHECK_PARTS; p++)
        c->severe += c->leaks[p] + c->patients[p];
}

static int compare(struct thaw_check *c, float alike, struct thaw_error *err)
{
    struct thaw_pairs found;
    if (thaw_pairs_find(&found, &c->survey, alike, err))
        return -1;
    size_t *cluster = thaw_new(c->n, sizeof *cluster, err);
    const char **groups = thaw_new(c->n, sizeof *groups, err);
    int rc = cluster && groups ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < c->n; i++)
        groups[i] = c->images[i].image->group;
    if (rc == 0 &&
        (take_pairs(c, &found, err) || count_copies(c, &found, err) ||
         thaw_pairs_cluster(&found, groups, cluster, err) || thaw_check_giveaways(c, cluster, err)))
        rc = -1;
    free(cluster);
    free(groups);
    thaw_pairs_release(&found);
    return rc;
}

int thaw_check_find(struct thaw_check *c, const char *root, const struct thaw_check_options *o,
                    struct thaw_error *err)
{
    *c = (struct thaw_check){.root = root, .frame = o->frame, .by_label = o->multi_label};
    const struct thaw_dataset *const sets[THAW_CHECK_PARTS] = {&c->sets[0], &c->sets[1],
                                                               &c->sets[2]};
    if (list(c, o, err) ||
        thaw_copies_look(&c->survey, sets, THAW_CHECK_PARTS,
                         (struct thaw_survey_options){.frame = o->frame}, "reading", err) ||
        compare(c, o->alike, err) || spread_patients(c, err))
        return -1;
    count(c);
    return 0;
}

void thaw_check_release(struct thaw_check *c)
{
    for (int p = 0; p < THAW_CHECK_PARTS; p++)
        thaw_dataset_release(&c->sets[p]);
    for (int p = 0; p < THAW_CHECK_PROPERTIES; p++) {
        for (int q = 0; c->giveaways && q < c->n_asked; q++)
            thaw_giveaway_release(&c->giveaways[q][p].rule);
        free(c->values[p].list);
    }
    for (int k = 0; k < c->n_kinds; k++)
        free(c->kinds[k]);
    free(c->kinds);
    free(c->giveaways);
    thaw_survey_release(&c->survey);
    free(c->images);
    free(c->pairs);
    free(c->groups);
    free(c->left_out);
    *c = (struct thaw_check){0};
}
