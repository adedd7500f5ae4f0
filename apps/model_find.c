#include "apps/model_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/base/mem.h"
#include "nn/arch.h"

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Names of families are no files, but what people try first. */
static int fail(const char *name, const char *looked, struct thaw_error *err)
{
    for (int i = 0; thaw_archs[i]; i++)
        if (strcmp(name, thaw_archs[i]->name) == 0)
            return thaw_fail(
                err, THAW_EINPUT,
                "no model file %s or %s.h5; looked in %s. 'thaw models' lists what can be "
                "downloaded, 'thaw import' takes files of other programs, and random:%s makes one "
                "with random weights",
                name, name, looked, name);
    return thaw_fail(err, THAW_EINPUT, "no model file %s or %s.h5; looked in %s", name, name,
                     looked);
}

size_t thaw_model_folders(const char *models_dir, const char *folders[THAW_MODEL_FOLDERS])
{
    const char *all[THAW_MODEL_FOLDERS] = {models_dir, getenv("THAW_MODELS"), THAW_INSTALLED_MODELS,
                                           "models"};
    size_t n = 0;
    for (size_t i = 0; i < THAW_MODEL_FOLDERS; i++)
        if (all[i] && *all[i])
            folders[n++] = all[i];
    return n;
}

char *thaw_model_find(const char *name, const char *models_dir, struct thaw_error *err)
{
    const char *dirs[THAW_MODEL_FOLDERS];
    size_t n_dirs = thaw_model_folders(models_dir, dirs);
    char looked[600] = "the folder at hand";
    if (is_file(name))
        return thaw_strdup(name, err);
    if (strchr(name, '/')) {
        struct stat st;
        if (stat(name, &st) == 0)
            thaw_fail(err, THAW_EINPUT, "%s: is no file; a model file (.h5) is needed", name);
        else
            thaw_fail(err, THAW_EINPUT, "%s: no such model file", name);
        return NULL;
    }
    for (size_t i = 0; i < n_dirs; i++) {
        for (int k = 0; k < 2; k++) {
            char *path = thaw_format(err, "%s/%s%s", dirs[i], name, k ? ".h5" : "");
            if (!path || is_file(path))
                return path;
            free(path);
        }
        size_t used = strlen(looked);
        snprintf(looked + used, sizeof looked - used, ", %s", dirs[i]);
    }
    fail(name, looked, err);
    return NULL;
}
