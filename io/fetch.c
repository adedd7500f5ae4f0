#include "io/fetch.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/mem.h"
#include "io/fetch/request.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static thaw_fetch_run_fn *run_request; /* NULL: `trouble` says why */
static char trouble[256];

/* It stays until the program ends. */
static void load_module(void)
{
    void *module = dlopen(THAW_FETCH_MODULE, RTLD_NOW | RTLD_LOCAL);
    void *symbol = module ? dlsym(module, THAW_FETCH_RUNNER) : NULL;
    const char *why = symbol ? NULL : dlerror();
    memcpy(&run_request, &symbol, sizeof symbol); /* ISO C has no cast for it */
    if (why)
        snprintf(trouble, sizeof trouble, "%s", why);
}

static int run(const struct thaw_fetch_request *request, char **landed, struct thaw_error *err)
{
    pthread_once(&once, load_module);
    if (!run_request)
        return thaw_fail(err, THAW_ESYSTEM, "what downloads cannot be loaded: %s", trouble);
    return run_request(request, landed, err);
}

/* --- into a file --- */

struct file {
    int fd;
    const char *path;
    bool begun;
};

static int take_into_file(void *ctx, uint64_t at, const void *data, size_t size,
                          struct thaw_error *err)
{
    struct file *f = ctx;
    const char *bytes = data;
    if (!f->begun && ftruncate(f->fd, (off_t)at))
        return thaw_fail_errno(err, "%s", f->path);
    f->begun = true;
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(f->fd, bytes + done, size - done, (off_t)(at + done));
        if (n < 0)
            return thaw_fail_errno(err, "%s: cannot be written", f->path);
        done += (size_t)n;
    }
    return 0;
}

static int open_file(struct file *f, uint64_t *size, struct thaw_error *err)
{
    struct stat st;
    f->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (f->fd < 0)
        return thaw_fail_errno(err, "%s: cannot be written", f->path);
    if (flock(f->fd, LOCK_EX | LOCK_NB))
        return thaw_fail(err, THAW_EINPUT, "%s: another process is downloading into it", f->path);
    if (fstat(f->fd, &st))
        return thaw_fail_errno(err, "%s", f->path);
    *size = (uint64_t)st.st_size;
    return 0;
}

int thaw_fetch_file(const char *url, const char *base, const char *path,
                    const struct thaw_fetch_watcher *watcher, struct thaw_error *err)
{
    struct file f = {.fd = -1, .path = path};
    struct thaw_fetch_request request = {
        .url = url, .base = base, .watcher = watcher, .take = take_into_file, .ctx = &f};
    int rc = open_file(&f, &request.from, err);
    if (rc == 0)
        rc = run(&request, NULL, err);
    if (rc == 0 && fsync(f.fd))
        rc = thaw_fail_errno(err, "%s: cannot be written", path);
    if (f.fd >= 0)
        close(f.fd);
    return rc;
}

/* --- into memory --- */

struct page {
    char *text;
    size_t size, capacity, limit;
};

static int take_into_page(void *ctx, uint64_t at, const void *data, size_t size,
                          struct thaw_error *err)
{
    struct page *p = ctx;
    if (at > p->limit || size > p->limit - (size_t)at)
        return thaw_fail(err, THAW_EMEMORY, "a page of more than %zu bytes", p->limit);
    if (thaw_grow(&p->text, &p->capacity, (size_t)at + size + 1, 1, err))
        return -1;
    memcpy(p->text + at, data, size);
    p->size = (size_t)at + size;
    p->text[p->size] = 0;
    return 0;
}

int thaw_fetch_page(const char *url, const char *accept, size_t limit,
                    const struct thaw_fetch_watcher *watcher, char **text, size_t *size,
                    char **landed, struct thaw_error *err)
{
    struct page p = {.limit = limit};
    struct thaw_fetch_request request = {
        .url = url, .accept = accept, .watcher = watcher, .take = take_into_page, .ctx = &p};
    if (run(&request, landed, err)) {
        free(p.text);
        return -1;
    }
    *text = p.text;
    *size = p.size;
    return 0;
}
