#include "vision/labels.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

static const char separators[] = ";|", spaces[] = " \t";

/* --- names --- */

struct names {
    char **list;
    size_t n, cap;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int find(const struct names *names, const char *name, size_t length)
{
    for (size_t i = 0; i < names->n; i++)
        if (strlen(names->list[i]) == length && strncmp(names->list[i], name, length) == 0)
            return (int)i;
    return -1;
}

static int add(struct names *names, const char *name, size_t length, struct thaw_error *err)
{
    if (thaw_grow(&names->list, &names->cap, names->n + 1, sizeof *names->list, err) ||
        !(names->list[names->n] = thaw_format(err, "%.*s", (int)length, name)))
        return -1;
    names->n++;
    return 0;
}

static void free_names(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->list[i]);
    free(names->list);
}

/* The next name of a class "a; b", without the spaces around it; NULL at the end. */
static const char *next_name(const char **rest, size_t *length)
{
    for (;;) {
        const char *name = *rest + strspn(*rest, spaces);
        if (!*name)
            return NULL;
        size_t n = strcspn(name, separators);
        *rest = name + n + (name[n] != 0);
        while (n && strchr(spaces, name[n - 1]))
            n--;
        *length = n;
        if (n)
            return name;
    }
}

static bool is(const char *name, size_t length, const char *what)
{
    return what && strlen(what) == length && strncmp(name, what, length) == 0;
}

/* Every label of a class that has an image. */
static int collect(const struct thaw_dataset *data, const char *none, struct names *names,
                   bool *none_found, struct thaw_error *err)
{
    *none_found = false;
    for (int c = 0; c < data->n_classes; c++) {
        const char *rest = data->classes[c], *name;
        size_t n;
        while ((name = next_name(&rest, &n))) {
            if (is(name, n, none))
                *none_found = true;
            else if (find(names, name, n) < 0 && add(names, name, n, err))
                return -1;
        }
    }
    if (names->n)
        qsort(names->list, names->n, sizeof *names->list, by_text);
    return 0;
}

static char *join(const struct names *names, struct thaw_error *err)
{
    char *text = thaw_strdup("", err);
    for (size_t i = 0; text && i < names->n; i++) {
        char *longer = thaw_format(err, "%s%s%s", text, i ? ", " : "", names->list[i]);
        free(text);
        text = longer;
    }
    return text;
}

static int check_found(const struct thaw_dataset *data, const struct names *found,
                       const struct names *known, const char *none, bool none_found, bool pinned,
                       struct thaw_error *err)
{
    int rc = 0;
    char *here = join(found, err), *wanted = join(known, err);
    if (!here || !wanted)
        rc = -1;
    else if (!pinned && found->n < 2)
        rc =
            thaw_fail(err, THAW_EINPUT,
                      "%s: %zu label%s%s%s; at least two are wanted where several can hold at once "
                      "(for one finding, two classes serve: with it and without)",
                      data->root, found->n, found->n == 1 ? ", " : "s", found->n ? here : "",
                      none_found ? ", and none" : "");
    else if (!pinned && none && !none_found)
        rc = thaw_fail(err, THAW_EINPUT, "%s: no image is called %s; the labels are %s", data->root,
                       none, here);
    for (size_t i = 0; rc == 0 && pinned && i < found->n; i++)
        if (find(known, found->list[i], strlen(found->list[i])) < 0)
            rc = thaw_fail(err, THAW_EINPUT,
                           "%s: label %s is not among those of the model: %s. Labels here: %s",
                           data->root, found->list[i], wanted, here);
    free(here);
    free(wanted);
    return rc;
}

/* --- images --- */

static int mark(struct thaw_dataset_image *image, const char *class, const struct names *labels,
                const char *none, struct thaw_error *err)
{
    const char *name;
    size_t n, held = 0, absent = 0;
    if (!(image->has = thaw_new(labels->n, sizeof *image->has, err)))
        return -1;
    while ((name = next_name(&class, &n)))
        if (is(name, n, none)) {
            absent++;
        } else {
            image->has[find(labels, name, n)] = true;
            held++;
        }
    image->label = 0;
    image->none = absent > 0;
    return absent && held
               ? thaw_fail(err, THAW_EINPUT, "%s: both %s and a label", image->path, none)
               : 0;
}

/* What tells one picture from another. */
static const char *name_of(const struct thaw_dataset_image *image, enum thaw_same same)
{
    const char *slash = same == THAW_SAME_NAME ? strchr(image->relative, '/') : NULL;
    return same == THAW_SAME_PATH ? image->path : slash ? slash + 1 : image->relative;
}

struct entry {
    const char *name;
    size_t image;
};

static int by_name(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->image > y->image) - (x->image < y->image);
}

static int check_equal(const struct thaw_dataset_image *a, const struct thaw_dataset_image *b,
                       struct thaw_error *err)
{
    char x[THAW_HASH_TEXT], y[THAW_HASH_TEXT];
    if (strcmp(a->path, b->path) == 0)
        return 0;
    if (thaw_hash_file(a->path, x, err) || thaw_hash_file(b->path, y, err))
        return -1;
    return strcmp(x, y) == 0
               ? 0
               : thaw_fail(err, THAW_EINPUT,
                           "%s and %s are different pictures; where several labels can hold at "
                           "once, one name in two class folders is one picture",
                           a->path, b->path);
}

/* `b` becomes part of `a`. */
static int unite(struct thaw_dataset_image *a, const struct thaw_dataset_image *b, int labels,
                 const char *none, struct thaw_error *err)
{
    bool held = false;
    if (check_equal(a, b, err))
        return -1;
    a->none |= b->none;
    for (int c = 0; c < labels; c++)
        held |= a->has[c] |= b->has[c];
    return a->none && held
               ? thaw_fail(err, THAW_EINPUT, "%s and %s are one picture: both %s and a label",
                           a->path, b->path, none)
               : 0;
}

static int unite_all(struct thaw_dataset *data, enum thaw_same same, const char *none,
                     struct thaw_error *err)
{
    struct entry *order = thaw_new(data->n, sizeof *order, err);
    bool *drop = thaw_new(data->n, sizeof *drop, err);
    int rc = order && drop ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < data->n; i++)
        order[i] = (struct entry){name_of(&data->images[i], same), i};
    if (rc == 0 && data->n)
        qsort(order, data->n, sizeof *order, by_name);
    for (size_t i = 1, first = 0; rc == 0 && i < data->n; i++) {
        if (strcmp(order[i].name, order[first].name) != 0) {
            first = i;
            continue;
        }
        rc = unite(&data->images[order[first].image], &data->images[order[i].image],
                   data->n_classes, none, err);
        drop[order[i].image] = true;
    }
    if (rc == 0)
        thaw_dataset_drop(data, drop);
    free(order);
    free(drop);
    return rc;
}

int thaw_labels_make(struct thaw_dataset *data, enum thaw_same same, const char *const *pinned,
                     int n_pinned, const char *none, struct thaw_error *err)
{
    struct names found = {0}, known = {0};
    bool none_found;
    int rc = collect(data, none, &found, &none_found, err);
    for (int c = 0; rc == 0 && pinned && c < n_pinned; c++)
        rc = add(&known, pinned[c], strlen(pinned[c]), err);
    if (rc == 0)
        rc = check_found(data, &found, &known, none, none_found, pinned != NULL, err);
    if (rc)
        goto done;
    const struct names *labels = pinned ? &known : &found;
    for (size_t i = 0; rc == 0 && i < data->n; i++)
        rc = mark(&data->images[i], data->classes[data->images[i].label], labels, none, err);
    if (rc)
        goto done;
    struct names before = {data->classes, (size_t)data->n_classes, 0};
    free_names(&before);
    data->classes = labels->list;
    data->n_classes = (int)labels->n;
    data->by_label = true;
    *(pinned ? &known : &found) = (struct names){0};
    rc = unite_all(data, same, none, err);
done:
    free_names(&found);
    free_names(&known);
    return rc;
}

/* --- use --- */

void thaw_labels_targets(const struct thaw_dataset *data, const size_t *ids, size_t n,
                         float *targets)
{
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < data->n_classes; c++)
            *targets++ = thaw_dataset_has(data, ids[i], c) ? 1 : 0;
}

char *thaw_labels_text(const struct thaw_dataset *data, size_t i, struct thaw_error *err)
{
    char *text = thaw_strdup("", err);
    for (int c = 0; text && c < data->n_classes; c++) {
        if (!thaw_dataset_has(data, i, c))
            continue;
        char *longer = thaw_format(err, "%s%s%s", text, *text ? ";" : "", data->classes[c]);
        free(text);
        text = longer;
    }
    return text;
}
