#include "vision/watch.h"

#include <string.h>

#include "io/base/mem.h"

void thaw_watch_init(struct thaw_watch *w, int (*progress)(void *ctx, size_t done, size_t files),
                     void *ctx, size_t files)
{
    *w = (struct thaw_watch){.progress = progress, .ctx = ctx, .files = files};
    pthread_mutex_init(&w->lock, NULL);
}

void thaw_watch_release(struct thaw_watch *w)
{
    pthread_mutex_destroy(&w->lock);
}

static int verdict(bool stopped, struct thaw_error *err)
{
    return stopped ? thaw_fail(err, THAW_ESTOPPED, "stopped") : 0;
}

int thaw_watch_go_on(struct thaw_watch *w, struct thaw_error *err)
{
    pthread_mutex_lock(&w->lock);
    bool stopped = w->stopped;
    pthread_mutex_unlock(&w->lock);
    return verdict(stopped, err);
}

int thaw_watch_done(struct thaw_watch *w, struct thaw_error *err)
{
    pthread_mutex_lock(&w->lock);
    w->done++;
    if (w->progress && w->progress(w->ctx, w->done, w->files))
        w->stopped = true;
    bool stopped = w->stopped;
    pthread_mutex_unlock(&w->lock);
    return verdict(stopped, err);
}

char *thaw_watch_reason(const struct thaw_error *why, const char *path, struct thaw_error *err)
{
    size_t length = strlen(path);
    const char *reason = why->text;
    if (strncmp(reason, path, length) == 0 && strncmp(reason + length, ": ", 2) == 0)
        reason += length + 2;
    return thaw_strdup(reason, err);
}
