/* What loops over many files share: progress, a way to stop them, and reasons without the path. */
#ifndef THAW_VISION_WATCH_H
#define THAW_VISION_WATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "io/base/error.h"

struct thaw_watch {
    /* NULL, or called after each file, by any thread but one at a time; other than 0 stops the loop
     * with THAW_ESTOPPED. */
    int (*progress)(void *ctx, size_t done, size_t files);
    void *ctx;
    size_t files, done;
    bool stopped;
    pthread_mutex_t lock;
};

void thaw_watch_init(struct thaw_watch *w, int (*progress)(void *ctx, size_t done, size_t files),
                     void *ctx, size_t files);
void thaw_watch_release(struct thaw_watch *w);

/* Before a file: -1 with THAW_ESTOPPED where the loop has been stopped. */
int thaw_watch_go_on(struct thaw_watch *w, struct thaw_error *err);
/* After it, likewise. */
int thaw_watch_done(struct thaw_watch *w, struct thaw_error *err);

/* The text of `why` without "PATH: " in front; the caller frees. */
char *thaw_watch_reason(const struct thaw_error *why, const char *path, struct thaw_error *err);

#endif
