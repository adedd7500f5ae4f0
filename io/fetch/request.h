/* What io/fetch.c asks of the module that knows libcurl. */
#ifndef THAW_IO_FETCH_REQUEST_H
#define THAW_IO_FETCH_REQUEST_H

#include "io/fetch.h"

struct thaw_fetch_request {
    const char *url, *base, *accept; /* the latter two may be NULL */
    uint64_t from;                   /* bytes that are there: those behind them are asked for */
    const struct thaw_fetch_watcher *watcher;
    /* Takes the next piece, which belongs at `at`: the first at `from`, or at 0 when the server
     * gives all. -1 ends the request. */
    int (*take)(void *ctx, uint64_t at, const void *data, size_t size, struct thaw_error *err);
    void *ctx;
};

/* Runs one request. *landed (may be NULL): the last address, for the caller to free. The module
 * THAW_FETCH_MODULE holds a function of this type, called THAW_FETCH_RUNNER. */
typedef int thaw_fetch_run_fn(const struct thaw_fetch_request *request, char **landed,
                              struct thaw_error *err);
#define THAW_FETCH_MODULE "thaw-fetch.so"
#define THAW_FETCH_RUNNER "thaw_fetch_run"

#endif
