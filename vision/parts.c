#include "vision/parts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "io/base/mem.h"
#include "vision/labels.h"
#include "vision/manifest.h"

const char *const thaw_part_names[THAW_PARTS] = {"train", "val", "test"};

static const char *const other_names[THAW_PARTS][3] = {
    [THAW_PART_TRAIN] = {"training"},
    [THAW_PART_VAL] = {"valid", "validation"},
    [THAW_PART_TEST] = {"testing"},
};

enum thaw_part thaw_part_find(const char *name)
{
    for (int p = 0; p < THAW_PARTS; p++) {
        if (strcasecmp(name, thaw_part_names[p]) == 0)
            return (enum thaw_part)p;
        for (const char *const *known = other_names[p]; *known; known++)
            if (strcasecmp(name, *known) == 0)
                return (enum thaw_part)p;
    }
    return THAW_PARTS;
}

/* A folder called train is a part only when classes stand in it; else it may be a class of that
 * name. */
static int has_subfolder(const char *path, bool *has, struct thaw_error *err)
{
    struct thaw_dir_entry *entries;
    size_t n;
    *has = false;
    if (thaw_dir_list(path, &entries, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (entries[i].is_dir && entries[i].name[0] != '.')
            *has = true;
    thaw_dir_free(entries, n);
    return 0;
}

static int add_extra(struct thaw_parts *parts, const char *name, struct thaw_error *err)
{
    char *longer =
        parts->extra ? thaw_format(err, "%s, %s", parts->extra, name) : thaw_strdup(name, err);
    if (!longer)
        return -1;
    free(parts->extra);
    parts->extra = longer;
    return 0;
}

static int take_parts(struct thaw_parts *parts, const char *root,
                      const struct thaw_dir_entry *entries, size_t n, struct thaw_error *err)
{
    char **place[THAW_PARTS] = {&parts->train, &parts->val, &parts->test};
    for (size_t i = 0; i < n; i++) {
        const char *name = entries[i].name;
        if (!entries[i].is_dir || name[0] == '.')
            continue;
        enum thaw_part p = thaw_part_find(name);
        if (p == THAW_PARTS) {
            if (add_extra(parts, name, err))
                return -1;
            continue;
        }
        if (*place[p])
            return thaw_fail(err, THAW_EINPUT, "%s and %s/%s both look like the %s part: keep one",
                             *place[p], root, name, thaw_part_names[p]);
        if (!(*place[p] = thaw_format(err, "%s/%s", root, name)))
            return -1;
    }
    if (parts->train)
        return has_subfolder(parts->train, &parts->split, err);
    return 0;
}

static int find_folders(struct thaw_parts *parts, const char *root, struct thaw_error *err)
{
    struct thaw_dir_entry *entries;
    size_t n;
    if (thaw_dir_list(root, &entries, &n, err))
        return -1;
    int rc = take_parts(parts, root, entries, n, err);
    thaw_dir_free(entries, n);
    if (rc == 0 && !parts->split) {
        thaw_parts_release(parts);
        rc = (parts->train = thaw_strdup(root, err)) ? 0 : -1;
    }
    return rc;
}

/* --- tables --- */

static int find_rows(struct thaw_parts *parts, const char *path, const char *columns,
                     const char *roots, bool by_label, struct thaw_error *err)
{
    char **place[THAW_PARTS] = {&parts->train, &parts->val, &parts->test};
    struct thaw_manifest *m = thaw_new(1, sizeof *m, err);
    if (!m || thaw_manifest_load(m, path, columns, roots, by_label, err)) {
        free(m);
        return -1;
    }
    parts->manifest = m;
    parts->split = m->columns[THAW_COLUMN_SPLIT] != NULL;
    if (!parts->split)
        return (parts->train = thaw_strdup(path, err)) ? 0 : -1;
    for (int p = 0; p < THAW_PARTS; p++)
        if (thaw_manifest_has(m, (enum thaw_part)p) &&
            !(*place[p] = thaw_format(err, "%s (%s)", path, thaw_part_names[p])))
            return -1;
    return 0;
}

/* --- both --- */

int thaw_parts_find(struct thaw_parts *parts, const char *root, const char *columns,
                    const char *roots, bool by_label, struct thaw_error *err)
{
    struct stat st;
    int rc;
    *parts = (struct thaw_parts){0};
    if (stat(root, &st) == 0 && S_ISREG(st.st_mode))
        rc = find_rows(parts, root, columns, roots, by_label, err);
    else if (columns || roots)
        rc = thaw_fail(err, THAW_EUSAGE, "%s is for a table of images (CSV), and %s is none",
                       columns ? "--columns" : "--root", root);
    else
        rc = find_folders(parts, root, err);
    if (rc)
        thaw_parts_release(parts);
    return rc;
}

static const char *place_of(const struct thaw_parts *parts, enum thaw_part part,
                            struct thaw_error *err)
{
    const char *const places[THAW_PARTS] = {parts->train, parts->val, parts->test};
    if (!places[part])
        thaw_fail(err, THAW_EINPUT, "%s: no row of the part %s",
                  parts->manifest ? parts->manifest->csv.name : parts->train,
                  thaw_part_names[part]);
    return places[part];
}

int thaw_parts_list(const struct thaw_parts *parts, enum thaw_part part, const char *const *pinned,
                    int n_pinned, struct thaw_dataset *data, struct thaw_error *err)
{
    const char *place = place_of(parts, part, err);
    if (!place)
        return -1;
    return parts->manifest
               ? thaw_manifest_list(parts->manifest, part, place, pinned, n_pinned, data, err)
               : thaw_dataset_from_dir(data, place, pinned, n_pinned, err);
}

int thaw_parts_list_labels(const struct thaw_parts *parts, enum thaw_part part,
                           const char *const *pinned, int n_pinned, const char *none,
                           struct thaw_dataset *data, struct thaw_error *err)
{
    const char *place = place_of(parts, part, err);
    if (!place ||
        (parts->manifest ? thaw_manifest_list(parts->manifest, part, place, NULL, 0, data, err)
                         : thaw_dataset_from_dir_by_label(data, place, err)))
        return -1;
    enum thaw_same same = parts->manifest ? THAW_SAME_PATH : THAW_SAME_NAME;
    if (thaw_labels_make(data, same, pinned, n_pinned, none, err) == 0)
        return 0;
    thaw_dataset_release(data);
    return -1;
}

void thaw_parts_release(struct thaw_parts *parts)
{
    if (parts->manifest)
        thaw_manifest_release(parts->manifest);
    free(parts->manifest);
    free(parts->train);
    free(parts->val);
    free(parts->test);
    free(parts->extra);
    *parts = (struct thaw_parts){0};
}
