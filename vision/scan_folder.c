#include "vision/scan_folder.h"

#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/file.h"
#include "io/base/mem.h"
#include "vision/codec.h"

bool thaw_scan_is_image(const char *name)
{
    size_t length = strlen(name);
    for (const struct thaw_codec *const *c = thaw_codecs; *c; c++) {
        const char *s = (*c)->suffixes;
        while (*(s += strspn(s, " "))) {
            size_t n = strcspn(s, " ");
            if (n < length && strncasecmp(name + length - n, s, n) == 0)
                return true;
            s += n;
        }
    }
    return false;
}

/* Scanners and archives call files IM000001 or 1.2.840.10008.5: no suffix, or one of digits. Beside
 * them stands their list, which is no picture. */
static bool may_be_unnamed(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (strcasecmp(name, "DICOMDIR") == 0)
        return false;
    return !dot || dot[1 + strspn(dot + 1, "0123456789")] == 0;
}

/* Does the file begin as those of a codec do? */
static bool begins_as_image(const char *path)
{
    unsigned char head[1024];
    struct stat st;
    /* A pipe or a device would block whoever opens it. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    ssize_t n = regular ? read(fd, head, sizeof head) : 0;
    bool found = false;
    for (const struct thaw_codec *const *c = thaw_codecs; !found && n > 0 && *c; c++)
        found = (*c)->sniff(head, (size_t)n);
    if (fd >= 0)
        close(fd);
    return found;
}

/* A folder that has been entered; a tree of these (tsearch) ends loops of links, and keeps folders
 * that link to each other from being walked once for every way that leads there. */
struct visited {
    dev_t device;
    ino_t inode;
};

static int by_folder(const void *a, const void *b)
{
    const struct visited *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

/* 1 when the folder is new, 0 when it has been entered, -1 on an error. */
static int enter(void **seen, const struct stat *st, struct thaw_error *err)
{
    struct visited *v = thaw_new(1, sizeof *v, err);
    if (!v)
        return -1;
    *v = (struct visited){st->st_dev, st->st_ino};
    struct visited **node = tsearch(v, seen, by_folder);
    if (node && *node == v)
        return 1;
    free(v);
    return node ? 0 : thaw_fail(err, THAW_EMEMORY, "out of memory");
}

static int add_file(struct thaw_scan *scan, const char *path, const char *relative, int label,
                    struct thaw_error *err)
{
    struct stat st;
    bool known = stat(path, &st) == 0;
    /* A pipe or a device would block whoever opens it. */
    if (known && !S_ISREG(st.st_mode)) {
        scan->other++;
        return 0;
    }
    if (thaw_grow(&scan->files, &scan->cap, scan->n + 1, sizeof *scan->files, err))
        return -1;
    struct thaw_scan_file *f = &scan->files[scan->n];
    *f = (struct thaw_scan_file){.label = label, .known = known};
    if (known) {
        f->device = st.st_dev;
        f->inode = st.st_ino;
    }
    if (!(f->relative = thaw_strdup(relative, err)))
        return -1;
    scan->n++;
    return 0;
}

static int walk(struct thaw_scan *scan, void **seen, const char *root, const char *folder,
                int label, struct thaw_error *err)
{
    struct thaw_dir_entry *entries = NULL;
    size_t n = 0;
    struct stat st;
    int rc = -1;
    char *path = thaw_format(err, "%s/%s", root, folder);
    if (!path)
        return -1;
    if (stat(path, &st)) {
        thaw_fail_errno(err, "%s", path);
        goto done;
    }
    int fresh = enter(seen, &st, err);
    if (fresh <= 0) {
        rc = fresh;
        goto done;
    }
    if (thaw_dir_list(path, &entries, &n, err))
        goto done;
    rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const char *name = entries[i].name;
        char *below = NULL, *full = NULL;
        if (name[0] == '.') {
            scan->hidden++;
            continue;
        }
        if (!(below = thaw_format(err, "%s/%s", folder, name)) ||
            !(full = thaw_format(err, "%s/%s", path, name)))
            rc = -1;
        else if (entries[i].is_dir)
            rc = walk(scan, seen, root, below, label, err);
        else if (thaw_scan_is_image(name) || (may_be_unnamed(name) && begins_as_image(full)))
            rc = add_file(scan, full, below, label, err);
        else
            scan->other++;
        free(below);
        free(full);
    }
done:
    thaw_dir_free(entries, n);
    free(path);
    return rc;
}

int thaw_scan_folder(struct thaw_scan *scan, const char *root, const char *folder, int label,
                     struct thaw_error *err)
{
    void *seen = NULL;
    int rc = walk(scan, &seen, root, folder, label, err);
    tdestroy(seen, free);
    return rc;
}

static int by_relative(const void *a, const void *b)
{
    return strcmp(((const struct thaw_scan_file *)a)->relative,
                  ((const struct thaw_scan_file *)b)->relative);
}

static int by_identity(const void *a, const void *b)
{
    const struct thaw_scan_file *x = *(const struct thaw_scan_file *const *)a,
                                *y = *(const struct thaw_scan_file *const *)b;
    struct visited v = {x->device, x->inode}, w = {y->device, y->inode};
    int order = by_folder(&v, &w);
    /* Among equals the earlier one in the sorted list comes first. */
    return order ? order : x < y ? -1 : x > y;
}

/* The names below the two class folders. */
static bool same_name(const struct thaw_scan_file *a, const struct thaw_scan_file *b)
{
    const char *x = strchr(a->relative, '/'), *y = strchr(b->relative, '/');
    return x && y && strcmp(x, y) == 0;
}

int thaw_scan_settle(struct thaw_scan *scan, bool by_label, size_t *repeated,
                     struct thaw_error *err)
{
    size_t n = 0, kept = 0;
    int rc = 0;
    struct thaw_scan_file **order = thaw_new(scan->n, sizeof *order, err);
    *repeated = 0;
    if (!order)
        return -1;
    if (scan->n)
        qsort(scan->files, scan->n, sizeof *scan->files, by_relative);
    for (size_t i = 0; i < scan->n; i++)
        if (scan->files[i].known)
            order[n++] = &scan->files[i];
    if (n)
        qsort(order, n, sizeof *order, by_identity);
    for (size_t i = 1, first = 0; i < n; i++) {
        struct thaw_scan_file *a = order[first], *b = order[i];
        if (a->device != b->device || a->inode != b->inode) {
            first = i;
        } else if (a->label != b->label && by_label && same_name(a, b)) {
            first = i;
        } else if (a->label != b->label) {
            rc = thaw_fail(err, THAW_EINPUT,
                           "%s and %s are links to one file, which cannot belong to two classes%s",
                           a->relative, b->relative, by_label ? " under two names" : "");
            goto done;
        } else {
            free(b->relative);
            b->relative = NULL;
            ++*repeated;
        }
    }
    for (size_t i = 0; i < scan->n; i++)
        if (scan->files[i].relative)
            scan->files[kept++] = scan->files[i];
    scan->n = kept;
done:
    free(order);
    return rc;
}

void thaw_scan_release(struct thaw_scan *scan)
{
    for (size_t i = 0; i < scan->n; i++)
        free(scan->files[i].relative);
    free(scan->files);
    *scan = (struct thaw_scan){0};
}
