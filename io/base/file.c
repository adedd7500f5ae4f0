#include "io/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/mem.h"

int thaw_file_read(const char *path, size_t limit, unsigned char **data, size_t *size,
                   struct thaw_error *err)
{
    struct stat st;
    int rc = -1;
    *data = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return thaw_fail_errno(err, "%s", path);
    if (fstat(fd, &st) < 0) {
        thaw_fail_errno(err, "%s", path);
        goto done;
    }
    if (!S_ISREG(st.st_mode)) {
        thaw_fail(err, THAW_EINPUT, "%s: not a regular file", path);
        goto done;
    }
    if ((uintmax_t)st.st_size > limit) {
        thaw_fail(err, THAW_EINPUT, "%s: %jd bytes; the limit here is %zu", path,
                  (intmax_t)st.st_size, limit);
        goto done;
    }
    size_t want = (size_t)st.st_size, got = 0;
    if (!(*data = thaw_new(want + 1, 1, err)))
        goto done;
    while (got < want) {
        ssize_t n = read(fd, *data + got, want - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            thaw_fail_errno(err, "%s", path);
            goto done;
        }
        if (n == 0)
            break;
        got += (size_t)n;
    }
    (*data)[got] = 0;
    *size = got;
    rc = 0;
done:
    close(fd);
    if (rc) {
        free(*data);
        *data = NULL;
    }
    return rc;
}

int thaw_place_read(const struct thaw_place *place, void *to, size_t size, struct thaw_error *err)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(place->fd, (char *)to + done, size - done, (off_t)(place->at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return thaw_fail_errno(err, "reading %zu bytes", size);
        if (n == 0)
            return thaw_fail(err, THAW_EINPUT, "the file has become shorter");
        done += (size_t)n;
    }
    return 0;
}

static int sync_path(const char *path, int flags, struct thaw_error *err)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        return thaw_fail_errno(err, "%s", path);
    int rc = fsync(fd);
    /* Some file systems cannot sync a folder; the rename itself has happened by then. */
    if (rc && (flags & O_DIRECTORY) && (errno == EINVAL || errno == ENOTSUP))
        rc = 0;
    if (rc)
        thaw_fail_errno(err, "%s: sync", path);
    close(fd);
    return rc;
}

int thaw_replace_begin(struct thaw_replace *r, const char *path, struct thaw_error *err)
{
    struct stat st;
    *r = (struct thaw_replace){0};
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return thaw_fail(err, THAW_EUSAGE, "%s: exists and is not a regular file", path);
    r->path = thaw_strdup(path, err);
    r->temporary = thaw_format(err, "%s.part-%ld", path, (long)getpid());
    if (!r->path || !r->temporary)
        goto fail;
    int fd = open(r->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        thaw_fail_errno(err, "%s: cannot be written", path);
        goto fail;
    }
    close(fd);
    return 0;
fail:
    free(r->path);
    free(r->temporary);
    *r = (struct thaw_replace){0};
    return -1;
}

int thaw_replace_commit(struct thaw_replace *r, struct thaw_error *err)
{
    int rc = -1;
    char *folder = thaw_strdup(r->path, err);
    if (!folder || sync_path(r->temporary, O_RDONLY, err))
        goto done;
    if (rename(r->temporary, r->path)) {
        thaw_fail_errno(err, "%s: cannot be renamed to %s", r->temporary, r->path);
        goto done;
    }
    free(r->temporary);
    r->temporary = NULL;
    rc = sync_path(dirname(folder), O_RDONLY | O_DIRECTORY, err);
done:
    free(folder);
    thaw_replace_abort(r);
    return rc;
}

void thaw_replace_abort(struct thaw_replace *r)
{
    if (r->temporary)
        unlink(r->temporary);
    free(r->temporary);
    free(r->path);
    *r = (struct thaw_replace){0};
}

FILE *thaw_replace_open(struct thaw_replace *r, const char *path, struct thaw_error *err)
{
    if (thaw_replace_begin(r, path, err))
        return NULL;
    FILE *f = fopen(r->temporary, "wbe");
    if (!f) {
        thaw_fail_errno(err, "%s: cannot be written", path);
        thaw_replace_abort(r);
    }
    return f;
}

int thaw_replace_close(struct thaw_replace *r, FILE *file, int rc, struct thaw_error *err)
{
    bool bad = fflush(file) != 0 || ferror(file);
    if (bad && rc == 0)
        rc = thaw_fail_errno(err, "%s: cannot be written", r->path);
    fclose(file);
    if (rc == 0)
        return thaw_replace_commit(r, err);
    thaw_replace_abort(r);
    return -1;
}

int thaw_file_write(const char *path, const void *data, size_t size, struct thaw_error *err)
{
    struct thaw_replace r;
    FILE *f = thaw_replace_open(&r, path, err);
    if (!f)
        return -1;
    fwrite(data, 1, size, f);
    return thaw_replace_close(&r, f, 0, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct thaw_dir_entry *)a)->name,
                  ((const struct thaw_dir_entry *)b)->name);
}

static int add_entry(int folder, const char *name, struct thaw_dir_entry **entries, size_t *n,
                     size_t *cap, struct thaw_error *err)
{
    struct stat st;
    if (thaw_grow(entries, cap, *n + 1, sizeof **entries, err))
        return -1;
    struct thaw_dir_entry *e = *entries + *n;
    if (!(e->name = thaw_strdup(name, err)))
        return -1;
    bool known = fstatat(folder, name, &st, 0) == 0; /* a dangling link counts as an odd file */
    e->is_dir = known && S_ISDIR(st.st_mode);
    e->size = known && S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
    ++*n;
    return 0;
}

int thaw_dir_list(const char *path, struct thaw_dir_entry **entries, size_t *n,
                  struct thaw_error *err)
{
    size_t cap = 0;
    *entries = NULL;
    *n = 0;
    DIR *dir = opendir(path);
    if (!dir)
        return thaw_fail_errno(err, "%s", path);
    int rc = 0;
    for (struct dirent *d; rc == 0 && (d = readdir(dir));)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            rc = add_entry(dirfd(dir), d->d_name, entries, n, &cap, err);
    closedir(dir);
    if (rc) {
        thaw_dir_free(*entries, *n);
        *entries = NULL;
        *n = 0;
        return -1;
    }
    if (*n)
        qsort(*entries, *n, sizeof **entries, by_name);
    return 0;
}

void thaw_dir_free(struct thaw_dir_entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(entries[i].name);
    free(entries);
}

int thaw_dir_make(const char *path, struct thaw_error *err)
{
    char *part = thaw_strdup(path, err);
    if (!part)
        return -1;
    int rc = 0;
    for (char *p = part + 1; rc == 0; p++) {
        if (*p != '/' && *p != 0)
            continue;
        char kept = *p;
        *p = 0;
        struct stat st;
        if (mkdir(part, 0777) && !(errno == EEXIST && stat(part, &st) == 0 && S_ISDIR(st.st_mode)))
            rc = thaw_fail_errno(err, "%s: cannot make the folder", part);
        *p = kept;
        if (!kept)
            break;
    }
    free(part);
    return rc;
}
