#include "apps/inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "apps/progress.h"
#include "io/base/mem.h"
#include "io/npy.h"
#include "vision/scan_folder.h"

/* --- files and folders --- */

struct paths {
    char **items;
    size_t n, capacity;
};

static int add_path(struct paths *paths, char *path, struct thaw_error *err)
{
    if (!path || thaw_grow(&paths->items, &paths->capacity, paths->n + 1, sizeof path, err)) {
        free(path);
        return -1;
    }
    paths->items[paths->n++] = path;
    return 0;
}

static int add_folder(struct paths *paths, const char *folder, struct thaw_error *err)
{
    struct thaw_scan scan = {0};
    size_t repeated = 0, before = paths->n;
    int rc = thaw_scan_folder(&scan, folder, ".", 0, err);
    if (rc == 0)
        rc = thaw_scan_settle(&scan, false, &repeated, err);
    for (size_t i = 0; rc == 0 && i < scan.n; i++) {
        const char *relative = scan.files[i].relative;
        relative += strncmp(relative, "./", 2) == 0 ? 2 : 0;
        size_t length = strlen(folder);
        const char *slash = length && folder[length - 1] == '/' ? "" : "/";
        rc = add_path(paths, thaw_format(err, "%s%s%s", folder, slash, relative), err);
    }
    thaw_scan_release(&scan);
    if (rc == 0 && paths->n == before)
        rc = thaw_fail(err, THAW_EINPUT, "%s: no image in this folder", folder);
    return rc;
}

static int list(struct paths *paths, char **args, int n_args, struct thaw_error *err)
{
    struct stat st;
    for (int i = 0; i < n_args; i++) {
        bool folder = stat(args[i], &st) == 0 && S_ISDIR(st.st_mode);
        if (folder ? add_folder(paths, args[i], err)
                   : add_path(paths, thaw_strdup(args[i], err), err))
            return -1;
    }
    return 0;
}

struct look {
    struct thaw_progress progress;
};

static int show(void *ctx, size_t done, size_t files)
{
    struct look *look = ctx;
    (void)files;
    thaw_progress_update(&look->progress, done, NULL);
    return 0;
}

int thaw_inputs_probe(struct thaw_probe *probe, struct thaw_dataset *data,
                      const struct thaw_preprocess *p, double limit, struct thaw_cache *cache,
                      struct thaw_error *err)
{
    struct look look;
    struct thaw_probe_options options = {
        .limit = limit, .cache = cache, .progress = show, .ctx = &look};
    thaw_progress_begin(&look.progress, "reading", data->n);
    int rc = thaw_probe_dataset(probe, data, p, &options, err);
    thaw_progress_end(&look.progress);
    for (size_t i = 0; i < probe->n_bad; i++)
        fprintf(stderr, "skipped: %s: %s\n", probe->bad[i].path, probe->bad[i].reason);
    return rc;
}

static int open_files(struct thaw_inputs *in, const struct thaw_model_file *m, char **args,
                      int n_args, struct thaw_error *err)
{
    struct paths paths = {0};
    int rc = list(&paths, args, n_args, err);
    if (rc == 0)
        rc = thaw_dataset_from_files(&in->data, (const char *const *)paths.items, paths.n, err);
    if (rc == 0 && !(in->cache = thaw_cache_create(in->data.n, THAW_INPUTS_CACHE, err)))
        rc = -1;
    if (rc == 0)
        rc = thaw_inputs_probe(&in->probe, &in->data, &m->preprocess, 1, in->cache, err);
    in->n = in->data.n;
    for (size_t i = 0; i < paths.n; i++)
        free(paths.items[i]);
    free(paths.items);
    return rc;
}

/* --- a tensor --- */

static int open_tensor(struct thaw_inputs *in, const struct thaw_model_file *m, const char *path,
                       struct thaw_error *err)
{
    long dims[THAW_NPY_RANK];
    int rank = 0;
    struct thaw_shape want = m->graph->nodes[0].shape;
    if (!(in->tensor_path = thaw_strdup(path, err)) ||
        thaw_npy_load(path, &in->tensor, dims, &rank, err))
        return -1;
    const long *side = dims + rank - 3; /* of one sample; a single one may lack the N */
    if ((rank != 3 && rank != 4) || side[0] != want.h || side[1] != want.w || side[2] != want.c)
        return thaw_fail(err, THAW_EINPUT,
                         "%s: its shape does not fit the network, which takes [N,%d,%d,%d]", path,
                         want.h, want.w, want.c);
    in->n = rank == 4 ? (size_t)dims[0] : 1;
    return in->n ? 0 : thaw_fail(err, THAW_EINPUT, "%s: holds no sample", path);
}

/* --- the whole --- */

int thaw_inputs_open(struct thaw_inputs *in, const struct thaw_model_file *m, char **args,
                     int n_args, const char *tensor_path, struct thaw_error *err)
{
    *in = (struct thaw_inputs){.sample = thaw_shape_count(m->graph->nodes[0].shape)};
    if (tensor_path && n_args)
        return thaw_fail(err, THAW_EUSAGE, "--tensor takes the place of files, but '%s' is given",
                         args[0]);
    if (!tensor_path && !n_args)
        return thaw_fail(err, THAW_EUSAGE, "no file given: images, folders of images, or --tensor");
    int rc =
        tensor_path ? open_tensor(in, m, tensor_path, err) : open_files(in, m, args, n_args, err);
    if (rc)
        thaw_inputs_release(in);
    return rc;
}

void thaw_inputs_release(struct thaw_inputs *in)
{
    thaw_cache_free(in->cache);
    thaw_dataset_release(&in->data);
    thaw_probe_release(&in->probe);
    free(in->tensor);
    free(in->tensor_path);
    *in = (struct thaw_inputs){0};
}

bool thaw_inputs_are_few(char *const *args, int n_args)
{
    struct stat st;
    return n_args == 1 && stat(args[0], &st) == 0 && S_ISREG(st.st_mode);
}

const char *thaw_inputs_name(const struct thaw_inputs *in, size_t i, char *text, size_t size)
{
    if (!in->tensor)
        return in->data.images[i].path;
    snprintf(text, size, "%s[%zu]", in->tensor_path, i);
    return text;
}

int thaw_inputs_run(const struct thaw_inputs *in, struct thaw_runner *r, float *y, float *seen,
                    struct thaw_error *err)
{
    if (!in->tensor)
        return in->n ? thaw_runner_dataset(r, &in->data, in->cache, "running", y, seen, err) : 0;
    if (seen)
        memcpy(seen, in->tensor, in->n * in->sample * sizeof *seen);
    return thaw_runner_apply(r, in->tensor, in->n, y, err);
}

json_t *thaw_inputs_bad_json(const struct thaw_probe *probe)
{
    json_t *skipped = json_array();
    for (size_t i = 0; i < probe->n_bad; i++)
        json_array_append_new(skipped, json_pack("{s:s, s:s}", "file", probe->bad[i].path, "reason",
                                                 probe->bad[i].reason));
    return skipped;
}

json_t *thaw_inputs_skipped(const struct thaw_inputs *in)
{
    return thaw_inputs_bad_json(&in->probe);
}

int thaw_inputs_verdict(const struct thaw_inputs *in, struct thaw_error *err)
{
    if (!in->probe.n_bad)
        return 0;
    if (in->probe.files == 1)
        return thaw_fail(err, THAW_EINPUT, "the file could not be read");
    return thaw_fail(err, THAW_EINPUT, "%zu of %zu files could not be read", in->probe.n_bad,
                     in->probe.files);
}
