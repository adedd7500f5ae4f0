#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/train_run.h"
#include "io/base/file.h"
#include "io/base/mem.h"

static const char suffix[] = ".h5", table[] = ".csv";

/* The last part of a path, without a slash at the end; the caller frees. */
static char *last_part(const char *path, struct thaw_error *err)
{
    char *whole = realpath(path, NULL), *copy = whole ? whole : thaw_strdup(path, err);
    char *name = copy ? thaw_strdup(basename(copy), err) : NULL;
    free(copy);
    return name;
}

static void cut_suffix(char *name, const char *end)
{
    size_t n = strlen(name), s = strlen(end);
    if (n > s && strcmp(name + n - s, end) == 0)
        name[n - s] = 0;
}

static char *default_folder(const struct thaw_train_values *v, const char *data,
                            struct thaw_error *err)
{
    char *model = NULL, *name = NULL, *backbone = NULL, *folder = NULL;
    if (v->output) {
        if ((model = thaw_strdup(v->output, err))) {
            cut_suffix(model, suffix);
            folder = thaw_format(err, "%s.run", model);
        }
    } else {
        name = last_part(data, err);
        backbone = last_part(v->backbone, err);
        if (name && backbone) {
            cut_suffix(name, table);
            cut_suffix(backbone, suffix);
            for (char *c = backbone; *c; c++)
                if (*c == ':')
                    *c = '-';
            folder = thaw_format(err, "runs/%s-%s", name, backbone);
        }
    }
    free(model);
    free(name);
    free(backbone);
    return folder;
}

/* The real path of the nearest part that exists: symbolic links may lead anywhere. */
static char *nearest(const char *path, struct thaw_error *err)
{
    char *at = thaw_strdup(path, err), *real = NULL;
    while (at && !(real = realpath(at, NULL))) {
        char *slash = strrchr(at, '/');
        if (!slash) {
            real = realpath(".", NULL);
            break;
        }
        slash[slash == at] = 0;
        if (slash == at && !(real = realpath(at, NULL)))
            break;
    }
    free(at);
    if (!real)
        thaw_fail_errno(err, "%s", path);
    return real;
}

/* The data folder is the user's: nothing is ever written there. */
static int keep_out(const char *path, const char *what, const char *data, struct thaw_error *err)
{
    char *root = realpath(data, NULL);
    if (!path || !root) {
        free(root);
        return 0; /* a data folder that is not there has its own error */
    }
    char *real = nearest(path, err);
    size_t n = strlen(root);
    int rc = real ? 0 : -1;
    if (real && strncmp(real, root, n) == 0 && (!real[n] || real[n] == '/'))
        rc = thaw_fail(err, THAW_EUSAGE,
                       "%s %s lies in the data folder %s, where nothing is written; give another "
                       "place",
                       what, path, data);
    free(real);
    free(root);
    return rc;
}

int thaw_train_paths_init(struct thaw_train_paths *p, const struct thaw_train_values *v,
                          const char *data, struct thaw_error *err)
{
    *p = (struct thaw_train_paths){0};
    p->folder = v->run ? thaw_strdup(v->run, err) : default_folder(v, data, err);
    if (!p->folder)
        goto fail;
    p->inside = thaw_format(err, "%s/model.h5", p->folder);
    p->model = thaw_strdup(v->output ? v->output : p->inside ? p->inside : "", err);
    p->history = thaw_format(err, "%s/history.csv", p->folder);
    p->record = thaw_format(err, "%s/run.json", p->folder);
    p->split = thaw_format(err, "%s/split.csv", p->folder);
    p->log = thaw_format(err, "%s/log.txt", p->folder);
    p->checkpoint = thaw_format(err, "%s/checkpoint.h5", p->folder);
    p->features =
        v->cache_dir ? thaw_strdup(v->cache_dir, err) : thaw_format(err, "%s/features", p->folder);
    if (!p->inside || !p->features || !p->model || !p->history || !p->record || !p->split ||
        !p->log || !p->checkpoint || keep_out(p->folder, "the run's folder", data, err) ||
        keep_out(p->model, "the model", data, err) ||
        keep_out(v->save_batch, "--save-batch", data, err) ||
        keep_out(v->cache_dir, "--cache-dir", data, err))
        goto fail;
    return 0;
fail:
    thaw_train_paths_release(p);
    return -1;
}

int thaw_train_paths_make(const struct thaw_train_paths *p, struct thaw_error *err)
{
    struct thaw_replace attempt;
    char *copy = thaw_strdup(p->model, err);
    int rc = -1;
    if (!copy || thaw_dir_make(p->folder, err) || thaw_dir_make(dirname(copy), err))
        goto done;
    rc = thaw_replace_begin(&attempt, p->model, err);
    if (rc == 0)
        thaw_replace_abort(&attempt);
done:
    free(copy);
    return rc;
}

int thaw_train_paths_keep(const struct thaw_train_paths *p, struct thaw_error *err)
{
    unsigned char *data;
    size_t size;
    if (strcmp(p->model, p->inside) == 0)
        return 0;
    char *temporary = thaw_format(err, "%s.link-%ld", p->inside, (long)getpid());
    if (!temporary)
        return -1;
    int linked = link(p->model, temporary) == 0 && rename(temporary, p->inside) == 0;
    unlink(temporary); /* rename() does nothing where both were one file already */
    free(temporary);
    if (linked)
        return 0;
    if (thaw_file_read(p->model, (size_t)1 << 40, &data, &size, err))
        return -1;
    int rc = thaw_file_write(p->inside, data, size, err);
    free(data);
    return rc;
}

void thaw_train_paths_release(struct thaw_train_paths *p)
{
    free(p->folder);
    free(p->model);
    free(p->inside);
    free(p->history);
    free(p->record);
    free(p->split);
    free(p->log);
    free(p->checkpoint);
    free(p->features);
    *p = (struct thaw_train_paths){0};
}
