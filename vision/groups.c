#include "vision/groups.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

static const char *file_name(const struct thaw_dataset_image *image)
{
    const char *slash = strrchr(image->relative, '/');
    return slash ? slash + 1 : image->relative;
}

static char *copy_part(const char *text, size_t length, struct thaw_error *err)
{
    return thaw_format(err, "%.*s", (int)length, text);
}

/* One image's group under a rule. */
struct member {
    char *key;
    int label;
    size_t image;
};

static int by_key(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    if (order == 0)
        order = (x->label > y->label) - (x->label < y->label);
    return order ? order : (x->image > y->image) - (x->image < y->image);
}

/* Number of groups among sorted members, those of two or more, and the size of the largest. */
static size_t count_groups(const struct member *m, size_t n, size_t *several, size_t *largest)
{
    size_t groups = 0;
    *several = *largest = 0;
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && strcmp(m[j].key, m[i].key) == 0;)
            j++;
        groups++;
        *several += j - i > 1;
        if (j - i > *largest)
            *largest = j - i;
    }
    return groups;
}

/* Moves the keys into the data set. */
static void give_groups(struct thaw_dataset *data, struct member *m, size_t n)
{
    for (size_t i = 0; i < data->n; i++) {
        free(data->images[i].group);
        data->images[i].group = NULL;
    }
    for (size_t i = 0; i < n; i++) {
        data->images[m[i].image].group = m[i].key;
        m[i].key = NULL;
    }
}

static void free_members(struct member *m, size_t n)
{
    for (size_t i = 0; m && i < n; i++)
        free(m[i].key);
    free(m);
}

static int match_all(const struct thaw_dataset *data, const regex_t *regex, const char *pattern,
                     struct member *m, struct thaw_error *err)
{
    size_t missed = 0, first = 0;
    for (size_t i = 0; i < data->n; i++) {
        regmatch_t at[2];
        const char *name = file_name(&data->images[i]);
        if (regexec(regex, name, 2, at, 0) != 0)
            at[0].rm_so = at[0].rm_eo = at[1].rm_so = -1;
        int k = regex->re_nsub > 0 && at[1].rm_so >= 0;
        if (at[k].rm_eo <= at[k].rm_so) {
            if (missed++ == 0)
                first = i;
            continue;
        }
        m[i].image = i;
        m[i].label = data->images[i].label;
        m[i].key = copy_part(name + at[k].rm_so, (size_t)(at[k].rm_eo - at[k].rm_so), err);
        if (!m[i].key)
            return -1;
    }
    if (missed)
        return thaw_fail(
            err, THAW_EINPUT,
            "group pattern '%s': %zu of %zu file names give no group, the first is %s; "
            "the pattern must match every name",
            pattern, missed, data->n, data->images[first].relative);
    return 0;
}

int thaw_groups_by_regex(struct thaw_dataset *data, const char *pattern, char **found,
                         struct thaw_error *err)
{
    regex_t regex;
    size_t several, largest;
    int rc = -1, code = regcomp(&regex, pattern, REG_EXTENDED);
    *found = NULL;
    if (code) {
        char why[200];
        regerror(code, &regex, why, sizeof why);
        return thaw_fail(err, THAW_EUSAGE,
                         "group pattern '%s': %s; wanted is a POSIX extended regular expression",
                         pattern, why);
    }
    struct member *m = thaw_new(data->n, sizeof *m, err);
    if (!m || match_all(data, &regex, pattern, m, err))
        goto done;
    if (data->n)
        qsort(m, data->n, sizeof *m, by_key);
    size_t groups = count_groups(m, data->n, &several, &largest);
    *found = thaw_format(err,
                         "group pattern '%s': %zu groups in %zu images (%zu of two or more, the "
                         "largest of %zu), each kept on one side of a split",
                         pattern, groups, data->n, several, largest);
    if (!*found)
        goto done;
    give_groups(data, m, data->n);
    rc = 0;
done:
    free_members(m, data->n);
    regfree(&regex);
    return rc;
}

/* --- recognition --- */

struct rule {
    const char *what;
    /* The part of the image's path that names the patient; length 0: none. */
    size_t (*find)(const struct thaw_dataset_image *image, const char **start);
};

static size_t find_prefix(const struct thaw_dataset_image *image, const char **start)
{
    const char *name = *start = file_name(image);
    const char *dot = strrchr(name, '.'), *bar = NULL;
    const char *end = dot ? dot : name + strlen(name);
    for (const char *p = name; p < end; p++)
        if (*p == '_')
            bar = p;
    return bar && bar + 1 < end ? (size_t)(bar - name) : 0;
}

/* Of folders a class each, this gives one group a class and is refused. */
static size_t find_first_folder(const struct thaw_dataset_image *image, const char **start)
{
    *start = image->relative;
    const char *end = strchr(*start, '/');
    return end ? (size_t)(end - *start) : 0;
}

static size_t find_folder(const struct thaw_dataset_image *image, const char **start)
{
    const char *below = strchr(image->relative, '/');
    *start = below ? below + 1 : image->relative;
    const char *end = strchr(*start, '/');
    return end ? (size_t)(end - *start) : 0;
}

static const struct rule rules[] = {
    {"file names PATIENT_SEQUENCE", find_prefix},
    {"a folder a patient", find_first_folder},
    {"a folder a patient", find_folder},
};

static int by_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

enum verdict { REFUSED, FEW, HOLDS };

/* The rule in one class folder; `sizes` is scratch for n numbers. */
static enum verdict judge(const struct member *m, size_t n, int label, size_t *sizes)
{
    size_t groups = 0;
    const char *last = NULL;
    for (size_t i = 0; i < n; i++) {
        if (m[i].label != label)
            continue;
        if (!last || strcmp(last, m[i].key) != 0)
            sizes[groups++] = 0;
        sizes[groups - 1]++;
        last = m[i].key;
    }
    if (groups < 2)
        return REFUSED;
    qsort(sizes, groups, sizeof *sizes, by_size);
    size_t below = sizes[(groups - 1) / 2], above = sizes[groups / 2];
    if (groups >= THAW_GROUPS_LEAST)
        return below + above <= 2 * THAW_GROUPS_MEDIAN ? HOLDS : REFUSED;
    /* Of few groups half must be small: one patient beside tumor_000, tumor_001, ... proves
     * nothing. */
    return above <= THAW_GROUPS_MEDIAN ? FEW : REFUSED;
}

/* Keeps the members whose group stands in an accepted class folder; the others lose their key. */
static size_t keep_accepted(struct member *m, size_t n, const enum verdict *verdicts)
{
    size_t kept = 0;
    for (size_t i = 0, j; i < n; i = j) {
        bool accepted = false;
        for (j = i; j < n && strcmp(m[j].key, m[i].key) == 0; j++)
            accepted = accepted || verdicts[m[j].label] != REFUSED;
        for (size_t k = i; accepted && k < j; k++) {
            struct member moved = m[k];
            m[k].key = NULL;
            m[kept++] = moved;
        }
        /* The key of the run that was refused is still needed for no comparison: j stands behind
         * it. */
        for (size_t k = i; !accepted && k < j; k++) {
            free(m[k].key);
            m[k].key = NULL;
        }
    }
    return kept;
}

/* *found stays NULL when the rule does not hold. */
static int try_rule(struct thaw_dataset *data, const struct rule *rule, char **found,
                    struct thaw_error *err)
{
    size_t n = 0, several, largest, classes = (size_t)data->n_classes;
    int rc = -1, holding = 0;
    struct member *m = thaw_new(data->n, sizeof *m, err);
    size_t *sizes = thaw_new(data->n, sizeof *sizes, err);
    enum verdict *verdicts = thaw_new(classes, sizeof *verdicts, err);
    if (!m || !sizes || !verdicts)
        goto done;
    for (size_t i = 0; i < data->n; i++) {
        const char *start;
        size_t length = rule->find(&data->images[i], &start);
        if (length == 0)
            continue;
        m[n] = (struct member){copy_part(start, length, err), data->images[i].label, i};
        if (!m[n++].key)
            goto done;
    }
    rc = 0;
    if (n == 0)
        goto done;
    qsort(m, n, sizeof *m, by_key);
    for (int c = 0; c < data->n_classes; c++)
        holding += (verdicts[c] = judge(m, n, c, sizes)) == HOLDS;
    if (holding == 0)
        goto done;
    n = keep_accepted(m, n, verdicts);
    size_t groups;
    count_groups(m, n, &several, &largest);
    if (several == 0)
        goto done;
    give_groups(data, m, n);
    char what[80];
    snprintf(what, sizeof what, "patients recognised (%s)", rule->what);
    rc = (*found = thaw_groups_tell(data, what, &groups, err)) ? 0 : -1;
done:
    free_members(m, data->n);
    free(sizes);
    free(verdicts);
    return rc;
}

int thaw_groups_recognise(struct thaw_dataset *data, char **found, struct thaw_error *err)
{
    int rc = 0;
    *found = NULL;
    for (size_t i = 0; rc == 0 && !*found && i < sizeof rules / sizeof *rules; i++)
        rc = try_rule(data, &rules[i], found, err);
    return rc;
}

char *thaw_groups_tell(const struct thaw_dataset *data, const char *what, size_t *groups,
                       struct thaw_error *err)
{
    size_t n = 0, several, largest;
    struct member *m = thaw_new(data->n, sizeof *m, err);
    if (!m)
        return NULL;
    for (size_t i = 0; i < data->n; i++)
        if (data->images[i].group)
            m[n++] = (struct member){data->images[i].group, data->images[i].label, i};
    if (n)
        qsort(m, n, sizeof *m, by_key);
    *groups = count_groups(m, n, &several, &largest);
    free(m); /* the keys are the images' */
    return thaw_format(err,
                       "%s: %zu in %zu of %zu images (%zu with two or more, the largest with "
                       "%zu), each kept on one side of a split",
                       what, *groups, n, data->n, several, largest);
}

/* --- clusters --- */

int thaw_groups_by_cluster(struct thaw_dataset *data, const size_t *cluster, struct thaw_error *err)
{
    int rc = 0;
    char **names = thaw_new(data->n, sizeof *names, err); /* of the clusters, by first image */
    if (!names)
        return -1;
    for (size_t i = 0; rc == 0 && i < data->n; i++) {
        size_t c = cluster[i];
        if (data->images[i].group && !names[c] &&
            !(names[c] = thaw_strdup(data->images[i].group, err)))
            rc = -1;
    }
    for (size_t i = 0; rc == 0 && i < data->n; i++) {
        size_t c = cluster[i];
        if (c != i && !names[c] &&
            !(names[c] = thaw_format(err, "like %s", data->images[c].relative)))
            rc = -1;
    }
    for (size_t i = 0; rc == 0 && i < data->n; i++) {
        char *name = names[cluster[i]] ? thaw_strdup(names[cluster[i]], err) : NULL;
        if (names[cluster[i]] && !name)
            rc = -1;
        free(data->images[i].group);
        data->images[i].group = name;
    }
    for (size_t i = 0; i < data->n; i++)
        free(names[i]);
    free(names);
    return rc;
}
