#include "io/torch_zip.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/pickle.h"
#include "io/zip.h"

struct thaw_torch_zip {
    struct thaw_zip *archive;
    char *folder; /* with the slash at its end */
};

/* "FOLDER/data.pkl": PyTorch names the folder after the file, or "archive". */
static int find_folder(struct thaw_torch_zip *zip, struct thaw_error *err)
{
    static const char wanted[] = "data.pkl";
    const char *name;
    for (size_t i = 0; (name = thaw_zip_name(zip->archive, i)); i++) {
        const char *slash = strchr(name, '/');
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
    struct thaw_torch_zip *zip = thaw_new(1, sizeof *zip, err);
    if (!zip)
        return NULL;
    zip->archive = thaw_zip_open(path, file_size, err);
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
    thaw_zip_close(zip->archive);
    free(zip->folder);
    free(zip);
}

int thaw_torch_zip_read(struct thaw_torch_zip *zip, const char *member, bool optional,
                        unsigned char **data, size_t *size, struct thaw_error *err)
{
    char shown[THAW_PICKLE_SHOWN];
    char *name = thaw_format(err, "%s%s", zip->folder, member);
    if (!name)
        return -1;
    int rc = thaw_zip_read(zip->archive, name, optional, data, size, err);
    if (rc)
        thaw_error_prefix(err, "member %s", thaw_pickle_show(member, strlen(member), shown));
    free(name);
    return rc;
}
