#include "vision/dataset.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "vision/pixels.h"
#include "vision/scan_folder.h"

int thaw_dataset_warn(struct thaw_dataset *data, struct thaw_error *err, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    char *copy = thaw_strdup(text, err);
    char **grown =
        copy ? realloc(data->warnings, (data->n_warnings + 1) * sizeof *data->warnings) : NULL;
    if (!grown) {
        free(copy);
        return thaw_fail(err, THAW_EMEMORY, "out of memory");
    }
    data->warnings = grown;
    data->warnings[data->n_warnings++] = copy;
    return 0;
}

/* The names as "a, b, c", short enough for an error text. */
static void list_names(char *text, size_t size, const char *const *names, int n)
{
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < n; i++) {
        int wrote = snprintf(text + used, size - used, "%s%s", i ? ", " : "", names[i]);
        if (wrote < 0 || (size_t)wrote >= size - used - 16) {
            snprintf(text + used, size - used, "%s%d more", i ? ", " : "", n - i);
            return;
        }
        used += (size_t)wrote;
    }
}

static int find_name(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

/* The state of one reading. */
struct reading {
    struct thaw_dataset *data;
    const char *const *pinned;
    int n_pinned;
    bool by_label;
    struct thaw_scan scan;
    const char **unknown; /* folders with images that are not pinned; borrowed from `entries` */
    int n_unknown;
    const char **folders; /* all folders with images */
    int n_folders;
};

static int read_class(struct reading *r, const char *name, struct thaw_error *err)
{
    struct thaw_dataset *data = r->data;
    size_t before = r->scan.n;
    int label = r->pinned ? find_name(r->pinned, r->n_pinned, name) : data->n_classes;
    if (thaw_scan_folder(&r->scan, data->root, name, label, err))
        return -1;
    if (r->scan.n == before) {
        if (r->pinned && label >= 0)
            return 0; /* reported with the missing classes */
        return thaw_dataset_warn(data, err, "%s/%s holds no image: not a class", data->root, name);
    }
    r->folders[r->n_folders++] = name;
    if (label < 0)
        r->unknown[r->n_unknown++] = name;
    if (!r->pinned && !(data->classes[data->n_classes++] = thaw_strdup(name, err)))
        return -1;
    return 0;
}

static int check_sides(const struct reading *r, struct thaw_error *err)
{
    char known[360], found[360], first[120];
    if (r->n_unknown == 0)
        return 0;
    list_names(known, sizeof known, r->pinned, r->n_pinned);
    list_names(found, sizeof found, r->folders, r->n_folders);
    list_names(first, sizeof first, r->unknown, r->n_unknown);
    return thaw_fail(err, THAW_EINPUT,
                     "%.120s: class folder not among the known classes: %s. Known: %s. Folders "
                     "here: %s",
                     r->data->root, first, known, found);
}

int thaw_dataset_report_missing(struct thaw_dataset *data, struct thaw_error *err)
{
    size_t *counts = thaw_new((size_t)data->n_classes, sizeof *counts, err);
    int rc = counts ? 0 : -1;
    if (counts)
        thaw_dataset_counts(data, counts);
    for (int c = 0; rc == 0 && c < data->n_classes; c++)
        if (counts[c] == 0) {
            data->n_missing++;
            rc = thaw_dataset_warn(data, err, "%s: class %s has no image here", data->root,
                                   data->classes[c]);
        }
    free(counts);
    return rc;
}

static int fill_images(struct thaw_dataset *data, const struct thaw_scan *scan,
                       struct thaw_error *err)
{
    if (!(data->images = thaw_new(scan->n, sizeof *data->images, err)))
        return -1;
    for (size_t i = 0; i < scan->n; i++) {
        struct thaw_dataset_image *image = &data->images[data->n++];
        image->label = scan->files[i].label;
        image->relative = thaw_strdup(scan->files[i].relative, err);
        image->path = thaw_format(err, "%s/%s", data->root, scan->files[i].relative);
        if (!image->relative || !image->path)
            return -1;
    }
    data->hidden += scan->hidden;
    data->other += scan->other;
    return 0;
}

static int report_ignored(struct thaw_dataset *data, struct thaw_error *err)
{
    if (data->loose &&
        thaw_dataset_warn(data, err, "%s: images outside the class folders, ignored: %zu",
                          data->root, data->loose))
        return -1;
    if (data->repeated &&
        thaw_dataset_warn(data, err, "%s: images that are links to others, used once: %zu",
                          data->root, data->repeated))
        return -1;
    return 0;
}

static int fail_few(const struct thaw_dataset *data, struct thaw_error *err)
{
    char formats[THAW_FORMATS_TEXT] = "";
    thaw_pixels_formats(formats, sizeof formats);
    return thaw_fail(err, THAW_EINPUT,
                     "%s: %d class folder%s with images found; wanted are at least two subfolders, "
                     "one a class, named as the classes (or train/ and val/ with such subfolders), "
                     "with images in them: %s",
                     data->root, data->n_classes, data->n_classes == 1 ? "" : "s", formats);
}

static int read_folders(struct reading *r, const struct thaw_dir_entry *entries, size_t n,
                        struct thaw_error *err)
{
    struct thaw_dataset *data = r->data;
    for (size_t i = 0; i < n; i++) {
        if (entries[i].name[0] == '.')
            data->hidden++;
        else if (entries[i].is_dir ? read_class(r, entries[i].name, err) : 0)
            return -1;
        else if (!entries[i].is_dir)
            ++*(thaw_scan_is_image(entries[i].name) ? &data->loose : &data->other);
    }
    if (check_sides(r, err))
        return -1;
    if (!r->pinned && data->n_classes < (r->by_label ? 1 : 2))
        return fail_few(data, err);
    if (thaw_scan_settle(&r->scan, r->by_label, &data->repeated, err))
        return thaw_error_prefix(err, "%s", data->root);
    if (fill_images(data, &r->scan, err) || report_ignored(data, err))
        return -1;
    return r->pinned ? thaw_dataset_report_missing(data, err) : 0;
}

static int read_dir(struct thaw_dataset *data, const char *root, const char *const *pinned,
                    int n_pinned, bool by_label, struct thaw_error *err)
{
    struct thaw_dir_entry *entries = NULL;
    struct reading r = {.data = data, .pinned = pinned, .n_pinned = n_pinned, .by_label = by_label};
    size_t n = 0, length = strlen(root);
    int rc = -1;
    *data = (struct thaw_dataset){0};
    if (!(data->root = thaw_strdup(root, err)))
        goto done;
    while (length > 1 && data->root[length - 1] == '/') /* data/ and data give the same names */
        data->root[--length] = 0;
    if (thaw_dir_list(data->root, &entries, &n, err))
        goto done;
    size_t room = pinned && (size_t)n_pinned > n ? (size_t)n_pinned : n;
    if (!(data->classes = thaw_new(room, sizeof *data->classes, err)) ||
        !(r.unknown = thaw_new(n, sizeof *r.unknown, err)) ||
        !(r.folders = thaw_new(n, sizeof *r.folders, err)))
        goto done;
    for (int c = 0; pinned && c < n_pinned; c++)
        if (!(data->classes[data->n_classes++] = thaw_strdup(pinned[c], err)))
            goto done;
    rc = read_folders(&r, entries, n, err);
done:
    thaw_scan_release(&r.scan);
    free(r.unknown);
    free(r.folders);
    thaw_dir_free(entries, n);
    if (rc)
        thaw_dataset_release(data);
    return rc;
}

int thaw_dataset_from_dir(struct thaw_dataset *data, const char *root, const char *const *pinned,
                          int n_pinned, struct thaw_error *err)
{
    return read_dir(data, root, pinned, n_pinned, false, err);
}

int thaw_dataset_from_dir_by_label(struct thaw_dataset *data, const char *root,
                                   struct thaw_error *err)
{
    return read_dir(data, root, NULL, 0, true, err);
}

int thaw_dataset_from_files(struct thaw_dataset *data, const char *const *paths, size_t n,
                            struct thaw_error *err)
{
    *data = (struct thaw_dataset){0};
    data->root = thaw_strdup("the files given", err);
    data->images = thaw_new(n, sizeof *data->images, err);
    bool done = data->root && data->images;
    for (size_t i = 0; done && i < n; i++) {
        struct thaw_dataset_image *image = &data->images[data->n++];
        image->label = -1;
        image->path = thaw_strdup(paths[i], err);
        image->relative = thaw_strdup(paths[i], err);
        done = image->path && image->relative;
    }
    if (!done)
        thaw_dataset_release(data);
    return done ? 0 : -1;
}

static void release_image(struct thaw_dataset_image *image)
{
    free(image->path);
    free(image->relative);
    free(image->group);
    free(image->has);
    free(image->look);
}

void thaw_dataset_release(struct thaw_dataset *data)
{
    for (size_t i = 0; i < data->n; i++)
        release_image(&data->images[i]);
    for (int c = 0; c < data->n_classes; c++)
        free(data->classes[c]);
    for (size_t i = 0; i < data->n_warnings; i++)
        free(data->warnings[i]);
    for (size_t i = 0; i < data->n_lost; i++) {
        free(data->lost[i].place);
        free(data->lost[i].reason);
    }
    free(data->lost);
    free(data->grouped_by);
    free(data->images);
    free(data->classes);
    free(data->warnings);
    free(data->root);
    *data = (struct thaw_dataset){0};
}

void thaw_dataset_drop(struct thaw_dataset *data, const bool *drop)
{
    size_t kept = 0;
    for (size_t i = 0; i < data->n; i++)
        if (drop[i])
            release_image(&data->images[i]);
        else
            data->images[kept++] = data->images[i];
    data->n = kept;
}

bool thaw_dataset_has(const struct thaw_dataset *data, size_t i, int class)
{
    const struct thaw_dataset_image *image = &data->images[i];
    return data->by_label ? image->has[class] : image->label == class;
}

void thaw_dataset_counts(const struct thaw_dataset *data, size_t *counts)
{
    for (int c = 0; c < data->n_classes; c++) {
        counts[c] = 0;
        for (size_t i = 0; i < data->n; i++)
            counts[c] += thaw_dataset_has(data, i, c);
    }
}

struct hashing {
    const struct thaw_dataset *data;
    char (*texts)[THAW_HASH_TEXT];
};

static int hash_one(void *ctx, size_t i, struct thaw_error *err)
{
    struct hashing *h = ctx;
    return thaw_hash_file(h->data->images[i].path, h->texts[i], err);
}

int thaw_dataset_hash(const struct thaw_dataset *data, char text[THAW_HASH_TEXT],
                      char (*each)[THAW_HASH_TEXT], struct thaw_error *err)
{
    struct hashing h = {data, thaw_new(data->n, sizeof *h.texts, err)};
    char *lines = NULL;
    size_t size = 0, used = 0;
    int rc = -1;
    if (!h.texts || thaw_par_each(data->n, hash_one, &h, err))
        goto done;
    for (size_t i = 0; i < data->n; i++)
        size += THAW_HASH_TEXT - 1 + 2 + strlen(data->images[i].relative) + 1;
    if (!(lines = thaw_new(size + 1, 1, err)))
        goto done;
    for (size_t i = 0; i < data->n; i++)
        used += (size_t)snprintf(lines + used, size + 1 - used, "%s  %s\n", h.texts[i],
                                 data->images[i].relative);
    thaw_hash_bytes(lines, used, text);
    if (each)
        memcpy(each, h.texts, data->n * sizeof *each);
    rc = 0;
done:
    free(h.texts);
    free(lines);
    return rc;
}
