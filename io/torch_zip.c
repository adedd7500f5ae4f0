#include "io/torch_zip.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "io/base/mem.h"
#include "io/pickle.h"

struct thaw_torch_zip {
    zip_t *archive;
    size_t file_size;
    char *folder; /* with the slash at its end */
};

/* "FOLDER/data.pkl": PyTorch names the folder after the file, or "archive". */
static int find_folder(struct thaw_torch_zip *zip, struct thaw_error *err)
{
    static const char wanted[] = "data.pkl";
    zip_int64_t n = zip_get_num_entries(zip->archive, 0);
    for (zip_int64_t i = 0; i < n; i++) {
        const char *name = zip_get_name(zip->archive, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        const char *slash = name ? strchr(name, '/') : NULL;
        if (!slash || strcmp(slash + 1, wanted) != 0)
            continue;
        zip->folder = thaw_format(err, "%.*s", (int)(slash + 1 - name), name);
        return zip->folder ? 0 : -1;
    }
    return thaw_fail(err, THAW_EINPUT, "a zip archive without FOLDER/%s: not a PyTorch state dict",
                     wanted);
}

struct thaw_torch_zip *thaw_torch_zip_open(const char *path, size_t file_size,
                                           struct thaw_error *err)
{
    int code = 0;
    struct thaw_torch_zip *zip = thaw_new(1, sizeof *zip, err);
    if (!zip)
        return NULL;
    zip->file_size = file_size;
    zip->archive = zip_open(path, ZIP_RDONLY, &code);
    if (!zip->archive) {
        zip_error_t why;
        zip_error_init_with_code(&why, code);
        thaw_fail(err, THAW_EINPUT, "damaged zip archive: %s", zip_error_strerror(&why));
        zip_error_fini(&why);
    }
    if (!zip->archive || find_folder(zip, err)) {
        thaw_torch_zip_close(zip);
        return NULL;
    }
    return zip;
}

void thaw_torch_zip_close(struct thaw_torch_zip *zip)
{
    if (!zip)
        return;
    if (zip->archive)
        zip_discard(zip->archive);
    free(zip->folder);
    free(zip);
}

static int check_member(const struct thaw_torch_zip *zip, const zip_stat_t *st,
                        struct thaw_error *err)
{
    zip_uint64_t need = ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if ((st->valid & need) != need)
        return thaw_fail(err, THAW_EINPUT, "damaged zip archive: no size");
    if (st->comp_method != ZIP_CM_STORE || st->encryption_method != ZIP_EM_NONE)
        return thaw_fail(err, THAW_EINPUT,
                         "compressed or encrypted; PyTorch stores its members as they are");
    if (st->size > zip->file_size)
        return thaw_fail(err, THAW_EINPUT, "claims %ju bytes in a file of %zu", (uintmax_t)st->size,
                         zip->file_size);
    return 0;
}

/* Reads all of it, and once more past the end: there libzip compares the checksum. */
static int read_all(struct thaw_torch_zip *zip, const zip_stat_t *st, unsigned char *data,
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

int thaw_torch_zip_read(struct thaw_torch_zip *zip, const char *member, bool optional,
                        unsigned char **data, size_t *size, struct thaw_error *err)
{
    zip_stat_t st;
    char shown[THAW_PICKLE_SHOWN];
    int rc = -1;
    *data = NULL;
    *size = 0;
    char *name = thaw_format(err, "%s%s", zip->folder, member);
    if (!name)
        return -1;
    zip_stat_init(&st);
    if (zip_stat(zip->archive, name, ZIP_FL_ENC_RAW, &st)) {
        rc = optional ? 0 : thaw_fail(err, THAW_EINPUT, "not in the zip archive");
    } else if (check_member(zip, &st, err) == 0 &&
               (*data = thaw_new((size_t)st.size + 1, 1, err))) {
        *size = (size_t)st.size;
        rc = read_all(zip, &st, *data, err);
    }
    if (rc) {
        free(*data);
        *data = NULL;
        thaw_error_prefix(err, "member %s", thaw_pickle_show(member, strlen(member), shown));
    }
    free(name);
    return rc;
}
