#include "vision/dataset.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/base/mem.h"

enum part { PART_TRAIN, PART_VAL, PART_TEST, PART_COUNT };

static const char *const part_names[PART_COUNT][4] = {
    [PART_TRAIN] = {"train", "training"},
    [PART_VAL] = {"val", "valid", "validation"},
    [PART_TEST] = {"test", "testing"},
};

static int find_part(const char *name)
{
    for (int p = 0; p < PART_COUNT; p++)
        for (const char *const *known = part_names[p]; *known; known++)
            if (strcasecmp(name, *known) == 0)
                return p;
    return -1;
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
    char **place[PART_COUNT] = {&parts->train, &parts->val, &parts->test};
    for (size_t i = 0; i < n; i++) {
        const char *name = entries[i].name;
        if (!entries[i].is_dir || name[0] == '.')
            continue;
        int p = find_part(name);
        if (p < 0) {
            if (add_extra(parts, name, err))
                return -1;
            continue;
        }
        if (*place[p])
            return thaw_fail(err, THAW_EINPUT, "%s and %s/%s both look like the %s part: keep one",
                             *place[p], root, name, part_names[p][0]);
        if (!(*place[p] = thaw_format(err, "%s/%s", root, name)))
            return -1;
    }
    if (parts->train)
        return has_subfolder(parts->train, &parts->split, err);
    return 0;
}

int thaw_parts_find(struct thaw_parts *parts, const char *root, struct thaw_error *err)
{
    struct thaw_dir_entry *entries;
    size_t n;
    *parts = (struct thaw_parts){0};
    if (thaw_dir_list(root, &entries, &n, err))
        return -1;
    int rc = take_parts(parts, root, entries, n, err);
    thaw_dir_free(entries, n);
    if (rc == 0 && !parts->split) {
        thaw_parts_release(parts);
        rc = (parts->train = thaw_strdup(root, err)) ? 0 : -1;
    }
    if (rc)
        thaw_parts_release(parts);
    return rc;
}

void thaw_parts_release(struct thaw_parts *parts)
{
    free(parts->train);
    free(parts->val);
    free(parts->test);
    free(parts->extra);
    *parts = (struct thaw_parts){0};
}
