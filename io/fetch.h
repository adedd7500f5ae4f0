/* Files and pages over HTTP.
 *
 * libcurl takes longer to load than a short command takes to run, so that what uses it
 * (io/fetch/curl.c) is a module of its own, loaded at the first request. It honours the variables
 * that libcurl and curl know: http_proxy, https_proxy, all_proxy, no_proxy, CURL_CA_BUNDLE,
 * SSL_CERT_FILE. Errors name the address without a password in it. */
#ifndef THAW_IO_FETCH_H
#define THAW_IO_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"

/* Called about once a second and with every piece: bytes so far, those that were there before among
 * them, and of how many (0: not known). false: stop, the error is THAW_ESTOPPED. */
typedef bool thaw_fetch_progress(void *ctx, uint64_t done, uint64_t total);

struct thaw_fetch_watcher {
    thaw_fetch_progress *progress;
    void *ctx;
};

/* The file at `url` (http or https; relative to `base` unless that is NULL) into `path`. What
 * stands there already counts as the file's beginning: only the rest is asked for, and where the
 * server cannot give just that, all of it anew. After an error the file holds what came, for the
 * next time. Another process that is at the same file is an error. */
int thaw_fetch_file(const char *url, const char *base, const char *path,
                    const struct thaw_fetch_watcher *watcher, struct thaw_error *err);

/* A page of at most `limit` bytes, ended by a zero byte; `accept` is the header of this name. The
 * caller frees *text, and *landed, the address where redirections led. */
int thaw_fetch_page(const char *url, const char *accept, size_t limit,
                    const struct thaw_fetch_watcher *watcher, char **text, size_t *size,
                    char **landed, struct thaw_error *err);

#endif
