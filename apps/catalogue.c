#include "apps/catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "apps/model_find.h"
#include "apps/suggest.h"
#include "io/base/file.h"
#include "io/base/mem.h"

static const char suffix[] = ".json";

bool thaw_catalogue_file(const struct thaw_catalogue_source *source, char *name, size_t size)
{
    const char *path = source->url ? source->url : source->file;
    size_t length = strcspn(path, "?#");
    const char *slash = memrchr(path, '/', length), *begin = slash ? slash + 1 : path;
    length -= (size_t)(begin - path);
    if (length == 0 || length >= size || *begin == '.')
        return false;
    memcpy(name, begin, length);
    name[length] = 0;
    return true;
}

/* --- one entry --- */

static bool hexadecimal(const char *text, size_t least, size_t most)
{
    size_t n = strspn(text, "0123456789abcdef");
    return !text[n] && n >= least && n <= most;
}

static const char *what_is_wrong(const struct thaw_catalogue_entry *e, const char *stem)
{
    const struct thaw_catalogue_source *s = &e->source;
    char name[256];
    bool package = s->package && s->version && s->file && s->member;
    if (strcmp(e->name, stem) != 0)
        return "name: must be the file's own, without .json";
    if (s->url ? s->package || s->version || s->file || s->member : !package)
        return "source: must hold either url, or package, version, file and member";
    if (s->url && strncmp(s->url, "http://", 7) != 0 && strncmp(s->url, "https://", 8) != 0)
        return "source.url: must begin with https:// or http://";
    if (!thaw_catalogue_file(s, name, sizeof name))
        return "source: must end in the name of a file";
    if (s->file && strcmp(s->file, name) != 0)
        return "source.file: must be a name without a folder";
    if ((e->sha256 && !hexadecimal(e->sha256, 64, 64)) ||
        (e->md5 && !hexadecimal(e->md5, 32, 32)) ||
        (e->sha256_begin && !hexadecimal(e->sha256_begin, 8, 63)))
        return "hash: sha256 has 64 digits, md5 has 32, sha256_begin has at least 8";
    if (e->hash_from && !!e->sha256 + !!e->md5 + !!e->sha256_begin != 1)
        return "hash: must hold one of sha256, md5 and sha256_begin";
    if (e->height < 1 || e->width < 1 || e->height > 1 << 14 || e->width > 1 << 14)
        return "input: must be height and width";
    if (e->parameters < 0 || e->bytes < 0)
        return "parameters and bytes must not be negative";
    return NULL;
}

static int unpack(struct thaw_catalogue_entry *e, struct thaw_error *err)
{
    json_error_t why;
    struct thaw_catalogue_source *s = &e->source;
    int rc = json_unpack_ex(
        e->json, &why, JSON_STRICT,
        "{s:s, s:s, s?s, s?s, s:[i,i], s?I, s:{s?s, s?s, s?s, s?s, s?s}, s?I,"
        " s?{s?s, s?s, s?s, s:s}, s:{s:s, s:s}, s?{s:F, s:s}, s?{s?F, s?F, s?F, s:s}}",
        "name", &e->name, "what", &e->what, "family", &e->family, "preprocess", &e->preprocess,
        "input", &e->height, &e->width, "parameters", &e->parameters, "source", "url", &s->url,
        "package", &s->package, "version", &s->version, "file", &s->file, "member", &s->member,
        "bytes", &e->bytes, "hash", "sha256", &e->sha256, "md5", &e->md5, "sha256_begin",
        &e->sha256_begin, "from", &e->hash_from, "licence", "name", &e->licence, "from",
        &e->licence_from, "accuracy", "top1", &e->top1, "from", &e->top1_from, "speed", "f32",
        &e->f32, "bf16", &e->bf16, "int8", &e->int8, "from", &e->speed_from);
    return rc ? thaw_fail(err, THAW_EINPUT, "%s", why.text) : 0;
}

static void release_entry(struct thaw_catalogue_entry *e)
{
    json_decref(e->json);
    free(e->model);
}

static int read_entry(struct thaw_catalogue_entry *e, const char *path, const char *stem,
                      const char *models_dir, struct thaw_error *err)
{
    *e = (struct thaw_catalogue_entry){.json = thaw_json_load(path, err)};
    if (!e->json)
        return -1;
    const char *wrong = NULL;
    int rc = unpack(e, err);
    if (rc == 0 && (wrong = what_is_wrong(e, stem)))
        rc = thaw_fail(err, THAW_EINPUT, "%s", wrong);
    if (rc) {
        thaw_error_prefix(err, "%s: no entry of the catalogue", path);
        release_entry(e);
        return -1;
    }
    e->model = thaw_model_find(e->name, models_dir, NULL);
    return 0;
}

/* --- all of them --- */

static bool known(const struct thaw_catalogue *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->entries[i].name, name) == 0)
            return true;
    return false;
}

static int read_file(struct thaw_catalogue *c, size_t *capacity, const char *folder,
                     const char *file, const char *models_dir, struct thaw_error *err)
{
    size_t length = strlen(file), tail = strlen(suffix);
    if (length <= tail || strcmp(file + length - tail, suffix) != 0)
        return 0;
    char *path = thaw_format(err, "%s/%s", folder, file);
    char *stem = thaw_format(err, "%.*s", (int)(length - tail), file);
    int rc = path && stem ? 0 : -1;
    if (rc == 0 && !known(c, stem)) {
        rc = thaw_grow(&c->entries, capacity, c->n + 1, sizeof *c->entries, err);
        if (rc == 0 && (rc = read_entry(&c->entries[c->n], path, stem, models_dir, err)) == 0)
            c->n++;
    }
    free(path);
    free(stem);
    return rc;
}

static int read_folder(struct thaw_catalogue *c, size_t *capacity, const char *folder,
                       const char *models_dir, struct thaw_error *err)
{
    struct stat st;
    struct thaw_dir_entry *files;
    size_t n, used = strlen(c->looked);
    int rc = 0;
    snprintf(c->looked + used, sizeof c->looked - used, "%s%s", used ? ", " : "", folder);
    if (stat(folder, &st) || !S_ISDIR(st.st_mode))
        return 0;
    if (thaw_dir_list(folder, &files, &n, err))
        return -1;
    for (size_t i = 0; i < n && rc == 0; i++)
        if (!files[i].is_dir)
            rc = read_file(c, capacity, folder, files[i].name, models_dir, err);
    thaw_dir_free(files, n);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct thaw_catalogue_entry *)a)->name,
                  ((const struct thaw_catalogue_entry *)b)->name);
}

int thaw_catalogue_load(struct thaw_catalogue *c, const char *models_dir, struct thaw_error *err)
{
    const char *folders[THAW_MODEL_FOLDERS];
    size_t n = thaw_model_folders(models_dir, folders), capacity = 0;
    *c = (struct thaw_catalogue){0};
    for (size_t i = 0; i < n; i++)
        if (read_folder(c, &capacity, folders[i], models_dir, err)) {
            thaw_catalogue_release(c);
            return -1;
        }
    if (c->n)
        qsort(c->entries, c->n, sizeof *c->entries, by_name);
    return 0;
}

void thaw_catalogue_release(struct thaw_catalogue *c)
{
    for (size_t i = 0; i < c->n; i++)
        release_entry(&c->entries[i]);
    free(c->entries);
    *c = (struct thaw_catalogue){0};
}

const struct thaw_catalogue_entry *thaw_catalogue_find(const struct thaw_catalogue *c,
                                                       const char *name, struct thaw_error *err)
{
    struct thaw_suggest near = {.word = name};
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->entries[i].name, name) == 0)
            return &c->entries[i];
        thaw_suggest_try(&near, c->entries[i].name);
    }
    if (near.best)
        thaw_fail(err, THAW_EUSAGE, "the catalogue has no %s; did you mean %s?", name, near.best);
    else
        thaw_fail(err, THAW_EUSAGE,
                  "the catalogue has no %s; 'thaw models' lists what it has (%zu entries, from %s)",
                  name, c->n, c->looked);
    return NULL;
}
