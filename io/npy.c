#include "io/npy.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/base/bytes.h"
#include "io/base/file.h"
#include "io/base/mem.h"

/* magic, version, length of the text that follows (2 bytes in version 1, else 4) */
enum { MAGIC = 6, HEAD = 10, HEAD_2 = 12, ALIGNMENT = 64, LONGEST_TEXT = 1 << 16 };

static const unsigned char magic[MAGIC] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* The whole header, a multiple of ALIGNMENT bytes; the length in *size. */
static char *make_header(const long *dims, int rank, size_t *size, struct thaw_error *err)
{
    char shape[THAW_NPY_RANK * 24] = "";
    for (int i = 0, at = 0; i < rank; i++)
        at += snprintf(shape + at, sizeof shape - (size_t)at,
                       i + 1 < rank || rank == 1 ? "%ld, " : "%ld", dims[i]);
    if (rank == 1)
        *strchr(shape, ' ') = 0; /* "(3,)" */
    char *text =
        thaw_format(err, "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
    if (!text)
        return NULL;
    size_t used = strlen(text);
    *size = (HEAD + used + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    char *header = thaw_new(*size, 1, err);
    if (header) {
        memset(header, ' ', *size);
        memcpy(header, magic, MAGIC);
        header[6] = 1;
        header[7] = 0;
        header[8] = (char)((*size - HEAD) & 255);
        header[9] = (char)((*size - HEAD) >> 8);
        memcpy(header + HEAD, text, used);
        header[*size - 1] = '\n';
    }
    free(text);
    return header;
}

int thaw_npy_save(const char *path, const float *data, const long *dims, int rank,
                  struct thaw_error *err)
{
    struct thaw_replace replace;
    size_t count, size;
    int rc = -1;
    if (rank < 0 || rank > THAW_NPY_RANK || !thaw_count(dims, rank, &count))
        return thaw_fail(err, THAW_EUSAGE, "%s: %d dimensions, or an absurd size", path, rank);
    char *header = make_header(dims, rank, &size, err);
    FILE *f = header ? thaw_replace_open(&replace, path, err) : NULL;
    if (f) {
        fwrite(header, 1, size, f);
        fwrite(data, sizeof *data, count, f);
        rc = thaw_replace_close(&replace, f, 0, err);
    }
    free(header);
    return rc;
}

/* What stands behind 'KEY': in the header's dict; NULL if there is no such key. */
static const char *find_value(const char *text, const char *key)
{
    size_t n = strlen(key);
    for (const char *p = text; (p = strstr(p, key)); p += n) {
        bool quoted = p > text && (p[-1] == '\'' || p[-1] == '"') && p[n] == p[-1];
        if (!quoted)
            continue;
        p += n + 1;
        while (isspace((unsigned char)*p))
            p++;
        if (*p++ != ':')
            return NULL;
        while (isspace((unsigned char)*p))
            p++;
        return p;
    }
    return NULL;
}

/* "(1, 224, 224, 3)", "(5,)", "()" */
static bool read_shape(const char *p, long *dims, int *rank)
{
    *rank = 0;
    if (*p++ != '(')
        return false;
    for (;;) {
        while (isspace((unsigned char)*p))
            p++;
        if (*p == ')')
            return true;
        if (!isdigit((unsigned char)*p) || *rank == THAW_NPY_RANK)
            return false;
        char *end;
        errno = 0;
        dims[(*rank)++] = strtol(p, &end, 10);
        if (errno)
            return false;
        for (p = end; isspace((unsigned char)*p); p++)
            continue;
        if (*p == ',')
            p++;
        else if (*p != ')')
            return false;
    }
}

static int read_text(const char *path, const char *text, long *dims, int *rank,
                     struct thaw_error *err)
{
    const char *descr = find_value(text, "descr"), *fortran = find_value(text, "fortran_order"),
               *shape = find_value(text, "shape");
    if (!descr || !fortran || !shape)
        return thaw_fail(err, THAW_EINPUT,
                         "%s: damaged .npy file: no descr, fortran_order or shape", path);
    if (strncmp(descr, "'<f4'", 5) != 0 && strncmp(descr, "\"<f4\"", 5) != 0)
        return thaw_fail(err, THAW_EINPUT,
                         "%s: its numbers are of type %.*s; needed is '<f4' (a.astype('float32'))",
                         path, (int)strcspn(descr, ",}\n"), descr);
    if (strncmp(fortran, "False", 5) != 0)
        return thaw_fail(err, THAW_EINPUT,
                         "%s: Fortran order; needed is C order (numpy.ascontiguousarray(a))", path);
    if (!read_shape(shape, dims, rank))
        return thaw_fail(err, THAW_EINPUT, "%s: shape %.*s; needed are at most %d whole numbers",
                         path, (int)strcspn(shape, ")\n") + 1, shape, THAW_NPY_RANK);
    return 0;
}

/* Leaves the file at its first number; *at is where that is. */
static int read_header(FILE *f, const char *path, long *dims, int *rank, size_t *at,
                       struct thaw_error *err)
{
    unsigned char head[HEAD_2];
    if (fread(head, 1, HEAD, f) != HEAD || memcmp(head, magic, MAGIC) != 0)
        return thaw_fail(err, THAW_EINPUT, "%s: not an .npy file", path);
    if (head[6] < 1 || head[6] > 3)
        return thaw_fail(err, THAW_EINPUT, "%s: .npy version %d; known are 1, 2 and 3", path,
                         head[6]);
    *at = head[6] > 1 ? HEAD_2 : HEAD;
    if (fread(head + HEAD, 1, *at - HEAD, f) != *at - HEAD)
        return thaw_fail(err, THAW_EINPUT, "%s: cut short", path);
    size_t size = (size_t)thaw_little_endian(head + 8, *at - 8);
    if (size > LONGEST_TEXT)
        return thaw_fail(err, THAW_EINPUT, "%s: damaged .npy file: a header of %zu bytes", path,
                         size);
    char *text = thaw_new(size + 1, 1, err);
    if (!text)
        return -1;
    int rc = fread(text, 1, size, f) == size ? read_text(path, text, dims, rank, err)
                                             : thaw_fail(err, THAW_EINPUT, "%s: cut short", path);
    *at += size;
    free(text);
    return rc;
}

int thaw_npy_load(const char *path, float **data, long *dims, int *rank, struct thaw_error *err)
{
    struct stat st;
    size_t at = 0, count, bytes;
    int rc = -1;
    *data = NULL;
    if (stat(path, &st))
        return thaw_fail_errno(err, "%s", path);
    if (!S_ISREG(st.st_mode))
        return thaw_fail(err, THAW_EINPUT, "%s: not a regular file", path);
    FILE *f = fopen(path, "rbe");
    if (!f)
        return thaw_fail_errno(err, "%s", path);
    if (read_header(f, path, dims, rank, &at, err))
        goto done;
    /* Before anything is allocated: the file must hold what its shape says. */
    if (!thaw_count(dims, *rank, &count) || !thaw_mul(count, sizeof **data, &bytes) ||
        (size_t)st.st_size - at != bytes) {
        thaw_fail(err, THAW_EINPUT,
                  "%s: holds %zu bytes of numbers, which is not what its shape says", path,
                  (size_t)st.st_size - at);
        goto done;
    }
    if (!(*data = thaw_new_aligned(count, sizeof **data, err)))
        goto done;
    if (fread(*data, sizeof **data, count, f) != count) {
        thaw_fail(err, THAW_EINPUT, "%s: cannot be read to its end", path);
        free(*data);
        *data = NULL;
        goto done;
    }
    rc = 0;
done:
    fclose(f);
    return rc;
}
