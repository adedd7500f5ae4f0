#include "nn/features_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/mem.h"

enum { NAME = THAW_HASH_TEXT - 1, VERSION = 1, ALIGNMENT = 64 };

/* In the byte order of the machine; another one's VERSION differs. */
struct header {
    char magic[8];
    uint64_t version, rows, row_bytes;
    char key[NAME], names[NAME]; /* hashes of the key's text and of the names */
};
static const char magic[8] = "features";

struct thaw_features_file {
    int fd;
    char *path;
    struct thaw_replace replace; /* of a new file until it is finished */
    struct header header;
    char *names;    /* of a new file: [rows][NAME] */
    size_t *row_of; /* of an old file: where the form's rows stand in it */
    size_t begin;   /* of the rows */
};

static bool find_begin(size_t rows, size_t *begin)
{
    if (!thaw_mul(rows, NAME, begin) || *begin > SIZE_MAX - sizeof(struct header) - ALIGNMENT)
        return false;
    *begin = (*begin + sizeof(struct header) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return true;
}

size_t thaw_features_file_bytes(size_t rows, size_t row_bytes)
{
    size_t begin, data;
    if (!find_begin(rows, &begin) || !thaw_mul(rows, row_bytes, &data) || data > SIZE_MAX - begin)
        return SIZE_MAX;
    return begin + data;
}

/* --- whole blocks --- */

static bool read_at(int fd, void *to, size_t size, size_t offset)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(fd, (char *)to + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENODATA; /* it was longer when it was opened */
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static bool write_at(int fd, const void *from, size_t size, size_t offset)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(fd, (const char *)from + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* --- an older file --- */

static void hash_name(const void *data, size_t size, char name[NAME])
{
    char text[THAW_HASH_TEXT];
    thaw_hash_bytes(data, size, text);
    memcpy(name, text, NAME);
}

static int by_name(const void *a, const void *b)
{
    return memcmp(*(const char *const *)a, *(const char *const *)b, NAME);
}

/* The file's names are sorted by pointers into them, which also tell the row. */
static bool find_rows(struct thaw_features_file *f, const struct thaw_features_form *form,
                      const char *names, bool *has)
{
    size_t rows = (size_t)f->header.rows;
    const char **sorted = thaw_new(rows, sizeof *sorted, NULL);
    f->row_of = thaw_new(form->rows, sizeof *f->row_of, NULL);
    for (size_t i = 0; sorted && i < rows; i++)
        sorted[i] = names + i * NAME;
    if (sorted && rows)
        qsort(sorted, rows, sizeof *sorted, by_name);
    for (size_t i = 0; sorted && f->row_of && i < form->rows; i++) {
        const char *name = form->names[i];
        const char *const *found = bsearch(&name, sorted, rows, sizeof *sorted, by_name);
        has[i] = found != NULL;
        f->row_of[i] = found ? (size_t)(*found - names) / NAME : 0;
    }
    free(sorted);
    return sorted && f->row_of;
}

static bool take(struct thaw_features_file *f, const struct thaw_features_form *form, bool *has)
{
    char key[NAME], table[NAME];
    struct stat st;
    struct header *h = &f->header;
    hash_name(form->key, strlen(form->key), key);
    if (fstat(f->fd, &st) || !S_ISREG(st.st_mode) || !read_at(f->fd, h, sizeof *h, 0) ||
        memcmp(h->magic, magic, sizeof magic) != 0 || h->version != VERSION ||
        h->row_bytes != form->row_bytes || memcmp(h->key, key, NAME) != 0 ||
        (uint64_t)st.st_size != thaw_features_file_bytes((size_t)h->rows, form->row_bytes) ||
        !find_begin((size_t)h->rows, &f->begin))
        return false;
    size_t size = (size_t)h->rows * NAME;
    char *names = thaw_new(size, 1, NULL);
    bool good = names && read_at(f->fd, names, size, sizeof *h);
    if (good)
        hash_name(names, size, table);
    good = good && memcmp(h->names, table, NAME) == 0 && find_rows(f, form, names, has);
    free(names);
    return good;
}

struct thaw_features_file *thaw_features_file_open(const struct thaw_features_form *form, bool *has)
{
    struct thaw_features_file *f = thaw_new(1, sizeof *f, NULL);
    if (!f)
        return NULL;
    f->fd = open(form->path, O_RDONLY | O_CLOEXEC);
    f->path = thaw_strdup(form->path, NULL);
    if (f->fd >= 0 && f->path && take(f, form, has)) {
        /* The time says when it was last of use: folders that are full lose the oldest. */
        futimens(f->fd, NULL);
        return f;
    }
    memset(has, 0, form->rows * sizeof *has);
    thaw_features_file_close(f);
    return NULL;
}

/* --- a new file --- */

static int make_room(struct thaw_features_file *f, size_t size, struct thaw_error *err)
{
    /* Where the file system cannot reserve room, a full disk shows when rows are written. */
    if (fallocate(f->fd, 0, 0, (off_t)size) == 0 ||
        (errno == EOPNOTSUPP && ftruncate(f->fd, (off_t)size) == 0))
        return 0;
    return thaw_fail_errno(err, "%s: %zu bytes", f->path, size);
}

struct thaw_features_file *thaw_features_file_create(const struct thaw_features_form *form,
                                                     struct thaw_error *err)
{
    struct thaw_features_file *f = thaw_new(1, sizeof *f, err);
    size_t size = thaw_features_file_bytes(form->rows, form->row_bytes);
    if (!f)
        return NULL;
    f->fd = -1;
    f->header =
        (struct header){.version = VERSION, .rows = form->rows, .row_bytes = form->row_bytes};
    memcpy(f->header.magic, magic, sizeof magic);
    hash_name(form->key, strlen(form->key), f->header.key);
    if (size > INT64_MAX || !find_begin(form->rows, &f->begin)) {
        thaw_fail(err, THAW_EMEMORY, "%s: %zu rows are too many", form->path, form->rows);
        goto fail;
    }
    f->names = thaw_new(form->rows, NAME, err);
    f->path = thaw_strdup(form->path, err);
    if (!f->names || !f->path || thaw_replace_begin(&f->replace, form->path, err))
        goto fail;
    for (size_t i = 0; i < form->rows; i++)
        memcpy(f->names + i * NAME, form->names[i], NAME);
    hash_name(f->names, form->rows * NAME, f->header.names);
    if ((f->fd = open(f->replace.temporary, O_RDWR | O_CLOEXEC)) < 0) {
        thaw_fail_errno(err, "%s", form->path);
        goto fail;
    }
    if (make_room(f, size, err))
        goto fail;
    return f;
fail:
    thaw_features_file_close(f);
    return NULL;
}

void thaw_features_file_close(struct thaw_features_file *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    thaw_replace_abort(&f->replace);
    free(f->path);
    free(f->names);
    free(f->row_of);
    free(f);
}

static size_t offset_of(const struct thaw_features_file *f, size_t i)
{
    return f->begin + (f->row_of ? f->row_of[i] : i) * (size_t)f->header.row_bytes;
}

int thaw_features_file_read(const struct thaw_features_file *f, size_t i, void *row,
                            struct thaw_error *err)
{
    return read_at(f->fd, row, (size_t)f->header.row_bytes, offset_of(f, i))
               ? 0
               : thaw_fail_errno(err, "%s: reading features", f->path);
}

int thaw_features_file_write(struct thaw_features_file *f, size_t i, const void *row,
                             struct thaw_error *err)
{
    return write_at(f->fd, row, (size_t)f->header.row_bytes, offset_of(f, i))
               ? 0
               : thaw_fail_errno(err, "%s: writing features", f->path);
}

int thaw_features_file_finish(struct thaw_features_file *f, struct thaw_error *err)
{
    if (!f->replace.temporary)
        return 0;
    if (!write_at(f->fd, f->names, (size_t)f->header.rows * NAME, sizeof f->header) ||
        !write_at(f->fd, &f->header, sizeof f->header, 0))
        return thaw_fail_errno(err, "%s: writing features", f->path);
    return thaw_replace_commit(&f->replace, err);
}
