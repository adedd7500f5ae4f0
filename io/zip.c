#include "io/zip.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zip.h>

#include "io/base/mem.h"

struct thaw_zip {
    zip_t *archive;
    size_t file_size;
};

struct thaw_zip *thaw_zip_open(const char *path, size_t file_size, struct thaw_error *err)
{
    int code = 0;
    struct thaw_zip *zip = thaw_new(1, sizeof *zip, err);
    if (!zip)
        return NULL;
    zip->file_size = file_size;
    zip->archive = zip_open(path, ZIP_RDONLY, &code);
    if (!zip->archive) {
        zip_error_t why;
        zip_error_init_with_code(&why, code);
        thaw_fail(err, THAW_EINPUT, "damaged zip archive: %s", zip_error_strerror(&why));
        zip_error_fini(&why);
        free(zip);
        return NULL;
    }
    return zip;
}

void thaw_zip_close(struct thaw_zip *zip)
{
    if (!zip)
        return;
    zip_discard(zip->archive);
    free(zip);
}

const char *thaw_zip_name(const struct thaw_zip *zip, size_t i)
{
    return zip_get_name(zip->archive, i, ZIP_FL_ENC_RAW);
}

static int check_member(const struct thaw_zip *zip, const zip_stat_t *st, struct thaw_error *err)
{
    zip_uint64_t need = ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if ((st->valid & need) != need)
        return thaw_fail(err, THAW_EINPUT, "damaged zip archive: no size");
    if (st->comp_method != ZIP_CM_STORE || st->encryption_method != ZIP_EM_NONE)
        return thaw_fail(err, THAW_EINPUT,
                         "compressed or encrypted; PyTorch and Keras store members as they are");
    if (st->size > zip->file_size)
        return thaw_fail(err, THAW_EINPUT, "claims %ju bytes in a file of %zu", (uintmax_t)st->size,
                         zip->file_size);
    return 0;
}

/* Reads all of it, and once more past the end: there libzip compares the checksum. */
static int read_all(struct thaw_zip *zip, const zip_stat_t *st, unsigned char *data,
                    struct thaw_error *err)
{
    int rc = -1;
    unsigned char more;
    size_t size = (size_t)st->size, got = 0;
    zip_int64_t n = 0;
    zip_file_t *f = zip_fopen_index(zip->archive, st->index, 0);
    if (!f)
        return thaw_fail(err, THAW_EINPUT, "damaged zip archive: %s", zip_strerror(zip->archive));
    while (got < size && (n = zip_fread(f, data + got, size - got)) > 0)
        got += (size_t)n;
    if (got == size)
        n = zip_fread(f, &more, 1);
    if (n < 0)
        thaw_fail(err, THAW_EINPUT, "damaged zip archive: %s", zip_file_strerror(f));
    else if (n > 0 || got < size)
        thaw_fail(err, THAW_EINPUT, "damaged zip archive: %zu of %zu bytes", got, size);
    else
        rc = 0;
    zip_fclose(f);
    return rc;
}

int thaw_zip_read(struct thaw_zip *zip, const char *name, bool optional, unsigned char **data,
                  size_t *size, struct thaw_error *err)
{
    zip_stat_t st;
    *data = NULL;
    *size = 0;
    zip_stat_init(&st);
    if (zip_stat(zip->archive, name, ZIP_FL_ENC_RAW, &st))
        return optional ? 0 : thaw_fail(err, THAW_EINPUT, "not in the zip archive");
    if (check_member(zip, &st, err) || !(*data = thaw_new((size_t)st.size + 1, 1, err)))
        return -1;
    if (read_all(zip, &st, *data, err)) {
        free(*data);
        *data = NULL;
        return -1;
    }
    *size = (size_t)st.size;
    return 0;
}

/* The last read, past the end, is where libzip compares the checksum. */
static int copy_out(zip_file_t *from, FILE *to, size_t limit, struct thaw_error *err)
{
    char block[1 << 16];
    size_t size = 0;
    for (zip_int64_t n; (n = zip_fread(from, block, sizeof block)) != 0; size += (size_t)n) {
        if (n < 0)
            return thaw_fail(err, THAW_EINPUT, "damaged zip archive: %s", zip_file_strerror(from));
        if ((size_t)n > limit - size)
            return thaw_fail(err, THAW_EINPUT, "holds more than %zu bytes", limit);
        if (fwrite(block, 1, (size_t)n, to) != (size_t)n)
            return thaw_fail_errno(err, "cannot be written");
    }
    return fflush(to) ? thaw_fail_errno(err, "cannot be written") : 0;
}

int thaw_zip_unpack(struct thaw_zip *zip, const char *name, const char *path, size_t limit,
                    struct thaw_error *err)
{
    int rc = -1;
    zip_file_t *from = zip_fopen(zip->archive, name, ZIP_FL_ENC_RAW);
    FILE *to = from ? fopen(path, "wbe") : NULL;
    if (!from)
        thaw_fail(err, THAW_EINPUT, "%s: %s", name, zip_strerror(zip->archive));
    else if (!to)
        thaw_fail_errno(err, "%s: cannot be written", path);
    else if ((rc = copy_out(from, to, limit, err)))
        thaw_error_prefix(err, "%s", name);
    if (to)
        fclose(to);
    if (to && rc)
        unlink(path);
    if (from)
        zip_fclose(from);
    return rc;
}
