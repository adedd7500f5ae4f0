/* From the rows of a table to a data set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "vision/manifest.h"

bool thaw_manifest_has(const struct thaw_manifest *m, enum thaw_part part)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->rows[i].part == part)
            return true;
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The labels of the rows, each once, in order. */
static int take_classes(struct thaw_dataset *data, const struct thaw_manifest *m,
                        const struct thaw_manifest_row *const *rows, size_t n,
                        struct thaw_error *err)
{
    const char **labels = thaw_new(n, sizeof *labels, err);
    int rc = labels && (data->classes = thaw_new(n, sizeof *data->classes, err)) ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < n; i++)
        labels[i] = rows[i]->label;
    if (rc == 0 && n)
        qsort(labels, n, sizeof *labels, by_text);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if ((i == 0 || strcmp(labels[i], labels[i - 1]) != 0) &&
            !(data->classes[data->n_classes++] = thaw_strdup(labels[i], err)))
            rc = -1;
    if (rc == 0 && data->n_classes < 2 && !m->by_label)
        rc = thaw_fail(err, THAW_EINPUT,
                       "%s: column %s has the one value '%s'; wanted are at least two classes",
                       data->root, m->columns[THAW_COLUMN_LABEL], labels[0]);
    free(labels);
    return rc;
}

static int pin_classes(struct thaw_dataset *data, const char *const *pinned, int n,
                       struct thaw_error *err)
{
    if (!(data->classes = thaw_new((size_t)n, sizeof *data->classes, err)))
        return -1;
    for (int c = 0; c < n; c++)
        if (!(data->classes[data->n_classes++] = thaw_strdup(pinned[c], err)))
            return -1;
    return 0;
}

static int fail_unknown(const struct thaw_dataset *data, const struct thaw_manifest *m,
                        const struct thaw_manifest_row *row, struct thaw_error *err)
{
    char known[300] = "";
    for (int c = 0; c < data->n_classes; c++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", c ? ", " : "", data->classes[c]);
    }
    return thaw_fail(err, THAW_EINPUT, "%s:%zu: %s is '%.200s'; known are %s", m->csv.name,
                     row->line, m->columns[THAW_COLUMN_LABEL], row->label, known);
}

static int take_image(struct thaw_dataset *data, const struct thaw_manifest *m,
                      const struct thaw_manifest_row *row, struct thaw_error *err)
{
    int label = 0;
    while (label < data->n_classes && strcmp(data->classes[label], row->label) != 0)
        label++;
    if (label == data->n_classes)
        return fail_unknown(data, m, row, err);
    struct thaw_dataset_image *image = &data->images[data->n++];
    image->label = label;
    image->path = thaw_strdup(row->file, err);
    image->relative = thaw_strdup(row->path, err);
    image->group = row->group ? thaw_strdup(row->group, err) : NULL;
    return image->path && image->relative && (image->group || !row->group) ? 0 : -1;
}

static int take_lost(struct thaw_dataset *data, const struct thaw_manifest *m, enum thaw_part part,
                     struct thaw_error *err)
{
    size_t cap = 0;
    for (size_t i = 0; i < m->n; i++) {
        const struct thaw_manifest_row *row = &m->rows[i];
        if (row->part != part || row->file)
            continue;
        if (thaw_grow(&data->lost, &cap, data->n_lost + 1, sizeof *data->lost, err))
            return -1;
        struct thaw_lost *lost = &data->lost[data->n_lost++];
        lost->place = thaw_format(err, "%s:%zu", m->csv.name, row->line);
        lost->reason = thaw_strdup(row->reason, err);
        if (!lost->place || !lost->reason)
            return -1;
    }
    return 0;
}

static int by_path(const void *a, const void *b)
{
    const struct thaw_manifest_row *x = *(const struct thaw_manifest_row *const *)a,
                                   *y = *(const struct thaw_manifest_row *const *)b;
    return strcmp(x->path, y->path);
}

static int report_columns(struct thaw_dataset *data, const struct thaw_manifest *m,
                          struct thaw_error *err)
{
    const char *group = m->columns[THAW_COLUMN_GROUP];
    if (group && !(data->grouped_by = thaw_strdup(group, err)))
        return -1;
    if (!m->unused)
        return 0;
    return thaw_dataset_warn(data, err, "%s: columns not used: %s%s", m->csv.name, m->unused,
                             group ? ""
                                   : "; if one of them says which patient it is, --columns "
                                     "group=NAME keeps patients on one side");
}

static int fill(struct thaw_dataset *data, const struct thaw_manifest *m, enum thaw_part part,
                const struct thaw_manifest_row **rows, const char *const *pinned, int n_pinned,
                struct thaw_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (m->rows[i].part == part && m->rows[i].file)
            rows[n++] = &m->rows[i];
    if (take_lost(data, m, part, err) || !(data->images = thaw_new(n, sizeof *data->images, err)))
        return -1;
    if (n == 0 && data->n_lost)
        return thaw_fail(err, THAW_EINPUT, "%s: none of %zu rows can be used; the first is %s: %s",
                         data->root, data->n_lost, data->lost[0].place, data->lost[0].reason);
    if (n == 0)
        return thaw_fail(err, THAW_EINPUT, "%s: no row", data->root);
    qsort(rows, n, sizeof *rows, by_path);
    if (pinned ? pin_classes(data, pinned, n_pinned, err) : take_classes(data, m, rows, n, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (take_image(data, m, rows[i], err))
            return -1;
    if (report_columns(data, m, err))
        return -1;
    return pinned ? thaw_dataset_report_missing(data, err) : 0;
}

int thaw_manifest_list(const struct thaw_manifest *m, enum thaw_part part, const char *name,
                       const char *const *pinned, int n_pinned, struct thaw_dataset *data,
                       struct thaw_error *err)
{
    *data = (struct thaw_dataset){0};
    const struct thaw_manifest_row **rows = thaw_new(m->n, sizeof *rows, err);
    data->root = thaw_strdup(name, err);
    int rc = rows && data->root ? fill(data, m, part, rows, pinned, n_pinned, err) : -1;
    free(rows);
    if (rc)
        thaw_dataset_release(data);
    return rc;
}
