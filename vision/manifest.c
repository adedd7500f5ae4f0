#include "vision/manifest.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "io/base/mem.h"

static const char *const column_names[THAW_COLUMNS] = {"path", "label", "group", "split"};

/* Without blanks around it; in place. */
static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        text[--n] = 0;
    return text;
}

/* --- the header --- */

/* One "path=file" of the option. */
static int read_name(struct thaw_manifest *m, char *item, struct thaw_error *err)
{
    char *equals = strchr(item, '=');
    int k = 0;
    if (equals)
        *equals = 0;
    const char *key = trim(item), *name = equals ? trim(equals + 1) : "";
    while (k < THAW_COLUMNS && strcasecmp(key, column_names[k]) != 0)
        k++;
    if (k == THAW_COLUMNS || !*name)
        return thaw_fail(err, THAW_EUSAGE,
                         "--columns %s%s%s: needs path=NAME, label=NAME, group=NAME or split=NAME, "
                         "with ',' between several",
                         key, equals ? "=" : "", name);
    if (m->columns[k])
        return thaw_fail(err, THAW_EUSAGE, "--columns: %s is given twice", column_names[k]);
    return (m->columns[k] = thaw_strdup(name, err)) ? 0 : -1;
}

static int read_names(struct thaw_manifest *m, const char *columns, struct thaw_error *err)
{
    char *copy = thaw_strdup(columns, err), *rest = copy;
    int rc = copy ? 0 : -1;
    for (char *item; rc == 0 && (item = strsep(&rest, ","));)
        rc = read_name(m, item, err);
    free(copy);
    return rc;
}

/* All names of the header, for errors; the caller frees. */
static char *list_header(const struct thaw_csv *csv, struct thaw_error *err)
{
    char *text = thaw_strdup("", err);
    for (size_t i = 0; text && i < csv->n_fields; i++) {
        char *longer = thaw_format(err, "%s%s%s", text, i ? ", " : "", csv->fields[i]);
        free(text);
        text = longer;
    }
    return text;
}

static int fail_missing(const struct thaw_manifest *m, int k, struct thaw_error *err)
{
    char *all = list_header(&m->csv, err);
    if (all)
        thaw_fail(err, THAW_EINPUT,
                  "%s:%zu: no column '%s'; there are: %.300s; --columns %s=NAME chooses one",
                  m->csv.name, m->csv.line, m->columns[k] ? m->columns[k] : column_names[k], all,
                  column_names[k]);
    free(all);
    return -1;
}

/* places[THAW_COLUMNS]: where each column stands, or n_fields. */
static int find_column(struct thaw_manifest *m, int k, size_t *place, struct thaw_error *err)
{
    const struct thaw_csv *csv = &m->csv;
    const char *wanted = m->columns[k] ? m->columns[k] : column_names[k];
    *place = csv->n_fields;
    for (size_t i = 0; i < csv->n_fields; i++) {
        if (strcasecmp(csv->fields[i], wanted) != 0)
            continue;
        if (*place < csv->n_fields)
            return thaw_fail(
                err, THAW_EINPUT,
                "%s:%zu: columns %zu and %zu are both called %s; give one another name", csv->name,
                csv->line, *place + 1, i + 1, wanted);
        *place = i;
    }
    bool needed = m->columns[k] || k == THAW_COLUMN_PATH || k == THAW_COLUMN_LABEL;
    if (*place == csv->n_fields)
        return needed ? fail_missing(m, k, err) : 0;
    free(m->columns[k]);
    return (m->columns[k] = thaw_strdup(csv->fields[*place], err)) ? 0 : -1;
}

static int note_unused(struct thaw_manifest *m, const size_t *places, struct thaw_error *err)
{
    for (size_t i = 0; i < m->csv.n_fields; i++) {
        bool used = !*m->csv.fields[i];
        for (int k = 0; k < THAW_COLUMNS; k++)
            used |= places[k] == i;
        if (used)
            continue;
        char *longer = thaw_format(err, "%s%s%s", m->unused ? m->unused : "", m->unused ? ", " : "",
                                   m->csv.fields[i]);
        if (!longer)
            return -1;
        free(m->unused);
        m->unused = longer;
    }
    return 0;
}

static int read_header(struct thaw_manifest *m, size_t *places, size_t *width,
                       struct thaw_error *err)
{
    int rc = thaw_csv_next(&m->csv, err);
    if (rc == 0)
        return thaw_fail(err, THAW_EINPUT,
                         "%s: is empty; wanted is a table with the columns path and label",
                         m->csv.name);
    for (size_t i = 0; rc > 0 && i < m->csv.n_fields; i++)
        m->csv.fields[i] = trim(m->csv.fields[i]);
    for (int k = 0; rc >= 0 && k < THAW_COLUMNS; k++)
        rc = find_column(m, k, &places[k], err);
    *width = m->csv.n_fields;
    for (int k = 0; rc >= 0 && k < THAW_COLUMNS; k++)
        for (int j = 0; j < k; j++)
            if (places[k] < *width && places[k] == places[j])
                return thaw_fail(err, THAW_EUSAGE, "--columns: %s and %s are both %s",
                                 column_names[j], column_names[k], m->columns[k]);
    return rc < 0 ? -1 : note_unused(m, places, err);
}

/* --- files --- */

/* 1: found, -1: out of memory. */
static int try_file(struct thaw_manifest_row *row, const char *root, size_t length,
                    const char *path, struct thaw_error *err)
{
    struct stat st;
    bool plain = !length || (length == 1 && *root == '.');
    char *file =
        plain ? thaw_strdup(path, err) : thaw_format(err, "%.*s/%s", (int)length, root, path);
    if (!file)
        return -1;
    if (stat(file, &st) || !S_ISREG(st.st_mode)) {
        free(file);
        return 0;
    }
    row->device = st.st_dev;
    row->inode = st.st_ino;
    row->file = file;
    return 1;
}

static int try_roots(struct thaw_manifest_row *row, const char *roots, const char *path,
                     struct thaw_error *err)
{
    int rc = 0;
    if (*path == '/')
        return try_file(row, "", 0, path, err);
    for (const char *root = roots; rc == 0; root++) {
        size_t length = strcspn(root, ":");
        rc = try_file(row, length ? root : ".", length ? length : 1, path, err);
        root += length;
        if (!*root)
            break;
    }
    return rc;
}

static int find_file(struct thaw_manifest_row *row, const char *roots, struct thaw_error *err)
{
    int rc = try_roots(row, roots, row->path, err);
    if (rc == 0 && strchr(row->path, '\\')) {
        char *turned = thaw_strdup(row->path, err);
        for (char *c = turned; c && *c; c++)
            if (*c == '\\')
                *c = '/';
        rc = turned ? try_roots(row, roots, turned, err) : -1;
        free(turned);
    }
    if (rc == 0)
        row->reason = *row->path == '/'
                          ? thaw_format(err, "there is no file %s", row->path)
                          : thaw_format(err, "there is no file %s in %s", row->path, roots);
    return row->file || row->reason ? 0 : -1;
}

/* The folder of the table; the caller frees. */
static char *own_folder(const char *path, struct thaw_error *err)
{
    const char *slash = strrchr(path, '/');
    return slash ? thaw_format(err, "%.*s", (int)(slash > path ? slash - path : 1), path)
                 : thaw_strdup(".", err);
}

/* --- rows --- */

static int check_width(const struct thaw_manifest *m, size_t width, struct thaw_error *err)
{
    size_t n = m->csv.n_fields;
    while (n > width && !*trim(m->csv.fields[n - 1]))
        n--;
    if (n == width)
        return 0;
    return thaw_fail(err, THAW_EINPUT,
                     "%s:%zu: %zu cells, but the header has %zu; a cell that holds '%c' or a line "
                     "end stands in quotes",
                     m->csv.name, m->csv.line, n, width, m->csv.separator);
}

static const char *cell(const struct thaw_manifest *m, size_t place)
{
    return trim(m->csv.fields[place]);
}

static int read_row(struct thaw_manifest *m, const size_t *places, size_t width, const char *roots,
                    struct thaw_error *err)
{
    if (check_width(m, width, err) || thaw_grow(&m->rows, &m->cap, m->n + 1, sizeof *m->rows, err))
        return -1;
    struct thaw_manifest_row *row = &m->rows[m->n++];
    row->line = m->csv.line;
    row->path = cell(m, places[THAW_COLUMN_PATH]);
    row->label = cell(m, places[THAW_COLUMN_LABEL]);
    row->group = m->columns[THAW_COLUMN_GROUP] ? cell(m, places[THAW_COLUMN_GROUP]) : "";
    if (!*row->group)
        row->group = NULL;
    if (m->columns[THAW_COLUMN_SPLIT]) {
        const char *word = cell(m, places[THAW_COLUMN_SPLIT]);
        if ((row->part = thaw_part_find(word)) == THAW_PARTS)
            return thaw_fail(err, THAW_EINPUT, "%s:%zu: %s is '%s'; wanted is train, val or test",
                             m->csv.name, row->line, m->columns[THAW_COLUMN_SPLIT], word);
    }
    if (!*row->path || (!*row->label && !m->by_label)) {
        row->reason = thaw_format(err, "%s is empty",
                                  m->columns[*row->path ? THAW_COLUMN_LABEL : THAW_COLUMN_PATH]);
        return row->reason ? 0 : -1;
    }
    return find_file(row, roots, err);
}

static int by_file(const void *a, const void *b)
{
    const struct thaw_manifest_row *x = *(struct thaw_manifest_row *const *)a,
                                   *y = *(struct thaw_manifest_row *const *)b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    if (x->inode != y->inode)
        return x->inode < y->inode ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

/* Two rows of one file. */
static int compare(const struct thaw_manifest *m, const struct thaw_manifest_row *first,
                   struct thaw_manifest_row *row, struct thaw_error *err)
{
    const char *was[] = {first->label, first->group ? first->group : "",
                         thaw_part_names[first->part]},
               *is[] = {row->label, row->group ? row->group : "", thaw_part_names[row->part]};
    for (int k = m->by_label ? 1 : 0; k < 3; k++)
        if (strcmp(was[k], is[k]) != 0)
            return thaw_fail(err, THAW_EINPUT,
                             "%s:%zu: %s is %s '%s', but '%s' in line %zu; one of the two is wrong",
                             m->csv.name, row->line, row->path, m->columns[THAW_COLUMN_LABEL + k],
                             is[k], was[k], first->line);
    free(row->file);
    row->file = NULL;
    if (m->by_label && strcmp(was[0], is[0]) != 0) /* one label more */
        return (row->file = thaw_strdup(first->file, err)) ? 0 : -1;
    row->reason = thaw_format(err, "%s stands in line %zu already", row->path, first->line);
    return row->reason ? 0 : -1;
}

static int find_repeated(struct thaw_manifest *m, struct thaw_error *err)
{
    size_t n = 0;
    struct thaw_manifest_row **order = thaw_new(m->n, sizeof *order, err);
    int rc = order ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < m->n; i++)
        if (m->rows[i].file)
            order[n++] = &m->rows[i];
    if (n)
        qsort(order, n, sizeof *order, by_file);
    for (size_t i = 1, first = 0; rc == 0 && i < n; i++)
        if (order[i]->device != order[first]->device || order[i]->inode != order[first]->inode)
            first = i;
        else
            rc = compare(m, order[first], order[i], err);
    free(order);
    return rc;
}

int thaw_manifest_load(struct thaw_manifest *m, const char *path, const char *columns,
                       const char *roots, bool by_label, struct thaw_error *err)
{
    size_t places[THAW_COLUMNS], width = 0;
    int rc = -1;
    *m = (struct thaw_manifest){.by_label = by_label};
    char *folders = roots ? thaw_strdup(roots, err) : own_folder(path, err);
    if (!folders || (columns && read_names(m, columns, err)) || thaw_csv_load(&m->csv, path, err) ||
        read_header(m, places, &width, err))
        goto done;
    while ((rc = thaw_csv_next(&m->csv, err)) > 0)
        if (read_row(m, places, width, folders, err)) {
            rc = -1;
            break;
        }
    if (rc == 0)
        rc = find_repeated(m, err);
done:
    free(folders);
    if (rc)
        thaw_manifest_release(m);
    return rc;
}

void thaw_manifest_release(struct thaw_manifest *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->rows[i].file);
        free(m->rows[i].reason);
    }
    for (int k = 0; k < THAW_COLUMNS; k++)
        free(m->columns[k]);
    free(m->rows);
    free(m->unused);
    thaw_csv_release(&m->csv);
    *m = (struct thaw_manifest){0};
}
