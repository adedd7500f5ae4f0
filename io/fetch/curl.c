/* HTTP through libcurl: a module of its own, see io/fetch.h. */
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/fetch/request.h"

enum { CONNECT_SECONDS = 30, SILENT_SECONDS = 60, REDIRECTS = 10 };
enum { HTTP_PARTIAL = 206, HTTP_RANGE = 416 };

struct transfer {
    CURL *curl;
    const struct thaw_fetch_request *request;
    char *shown;         /* the address without name and password */
    uint64_t from, next; /* bytes that were there; where the next piece belongs */
    bool begun, stopped, failed;
    char why[CURL_ERROR_SIZE];
    struct thaw_error *err;
};

__attribute__((visibility("default"))) thaw_fetch_run_fn thaw_fetch_run;

/* --- the address --- */

static char *part(CURLU *url, CURLUPart what, struct thaw_error *err)
{
    char *text = NULL, *copy;
    if (curl_url_get(url, what, &text, 0)) {
        thaw_fail(err, THAW_EMEMORY, "out of memory for an address");
        return NULL;
    }
    copy = thaw_strdup(text, err);
    curl_free(text);
    return copy;
}

/* The address with whatever a mirror's password it holds taken out. */
static char *without_password(CURLU *url, struct thaw_error *err)
{
    CURLU *copy = curl_url_dup(url);
    char *text = NULL;
    if (!copy || curl_url_set(copy, CURLUPART_USER, NULL, 0) ||
        curl_url_set(copy, CURLUPART_PASSWORD, NULL, 0))
        thaw_fail(err, THAW_EMEMORY, "out of memory for an address");
    else
        text = part(copy, CURLUPART_URL, err);
    curl_url_cleanup(copy);
    return text;
}

static CURLU *parse(const struct thaw_fetch_request *r, struct thaw_error *err)
{
    CURLU *url = curl_url();
    CURLUcode rc = url ? CURLUE_OK : CURLUE_OUT_OF_MEMORY;
    if (!rc && r->base)
        rc = curl_url_set(url, CURLUPART_URL, r->base, 0);
    if (!rc)
        rc = curl_url_set(url, CURLUPART_URL, r->url, 0);
    if (!rc)
        return url;
    thaw_fail(err, THAW_EINPUT, "an address cannot be used: %s", curl_url_strerror(rc));
    curl_url_cleanup(url);
    return NULL;
}

/* --- what comes --- */

/* Before the first byte: does it belong behind what is there, or at the beginning? */
static int begin(struct transfer *t)
{
    long status = 0;
    struct curl_header *range;
    t->begun = true;
    t->next = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != HTTP_PARTIAL)
        return 0;
    if (curl_easy_header(t->curl, "Content-Range", 0, CURLH_HEADER, -1, &range) != CURLHE_OK ||
        sscanf(range->value, "bytes %" SCNu64 "-", &t->next) != 1 || t->next != t->from)
        return thaw_fail(t->err, THAW_ESYSTEM,
                         "%s: the server gives another part than the one from byte %" PRIu64,
                         t->shown, t->from);
    return 0;
}

static size_t receive(char *data, size_t one, size_t size, void *ctx)
{
    struct transfer *t = ctx;
    size *= one;
    if ((!t->begun && begin(t)) || t->request->take(t->request->ctx, t->next, data, size, t->err)) {
        t->failed = true;
        return 0;
    }
    t->next += size;
    return size;
}

static int watch(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up, curl_off_t sent)
{
    struct transfer *t = ctx;
    const struct thaw_fetch_watcher *w = t->request->watcher;
    uint64_t before = t->begun && t->next >= (uint64_t)now ? t->next - (uint64_t)now : t->from;
    (void)up;
    (void)sent;
    t->stopped =
        !w->progress(w->ctx, before + (uint64_t)now, total > 0 ? before + (uint64_t)total : 0);
    return t->stopped;
}

/* --- the request --- */

static CURLcode set_up(struct transfer *t, CURLU *url, struct curl_slist *headers)
{
    CURL *c = t->curl;
    char range[32];
    const char *authorities = getenv("CURL_CA_BUNDLE");
    CURLcode rc = CURLE_OK;
    if (!authorities || !*authorities)
        authorities = getenv("SSL_CERT_FILE");
    snprintf(range, sizeof range, "%" PRIu64 "-", t->from);
#define SET(option, value) rc = rc ? rc : curl_easy_setopt(c, option, value)
    SET(CURLOPT_CURLU, url);
    SET(CURLOPT_ERRORBUFFER, t->why);
    SET(CURLOPT_USERAGENT, "thaw/" THAW_VERSION);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_FOLLOWLOCATION, 1L);
    SET(CURLOPT_MAXREDIRS, (long)REDIRECTS);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    /* Who asked for encryption does not want to be led away from it. */
    SET(CURLOPT_REDIR_PROTOCOLS_STR, strncmp(t->shown, "https:", 6) ? "http,https" : "https");
    SET(CURLOPT_FAILONERROR, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)SILENT_SECONDS);
    SET(CURLOPT_WRITEFUNCTION, receive);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, watch);
    SET(CURLOPT_XFERINFODATA, t);
    SET(CURLOPT_RANGE, t->from ? range : NULL);
    if (authorities && *authorities)
        SET(CURLOPT_CAINFO, authorities);
#undef SET
    return rc;
}

static int explain(const struct transfer *t, CURLcode rc)
{
    long status = 0;
    if (t->failed)
        return -1;
    if (t->stopped)
        return thaw_fail(t->err, THAW_ESTOPPED, "%s: stopped", t->shown);
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (rc == CURLE_HTTP_RETURNED_ERROR)
        return thaw_fail(t->err, THAW_ESYSTEM, "%s: the server answers with error %ld%s", t->shown,
                         status, status == 404 ? " (not found)" : "");
    return thaw_fail(t->err, THAW_ESYSTEM, "%s: %s", t->shown,
                     *t->why ? t->why : curl_easy_strerror(rc));
}

static int perform(struct transfer *t, CURLU *url, struct curl_slist *headers)
{
    CURLcode rc = set_up(t, url, headers);
    long status = 0;
    if (!rc)
        rc = curl_easy_perform(t->curl);
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (rc == CURLE_HTTP_RETURNED_ERROR && status == HTTP_RANGE && t->from) {
        /* There is nothing behind what is there: it is not the beginning of this file. */
        t->from = 0;
        rc = set_up(t, url, headers);
        if (!rc)
            rc = curl_easy_perform(t->curl);
    }
    if (rc || t->failed)
        return explain(t, rc);
    /* An empty file has no first piece. */
    return t->begun || t->request->take(t->request->ctx, 0, "", 0, t->err) == 0 ? 0 : -1;
}

static int tell_landed(const struct transfer *t, char **landed)
{
    char *url = NULL;
    if (!landed)
        return 0;
    curl_easy_getinfo(t->curl, CURLINFO_EFFECTIVE_URL, &url);
    *landed = thaw_strdup(url ? url : t->request->url, t->err);
    return *landed ? 0 : -1;
}

int thaw_fetch_run(const struct thaw_fetch_request *request, char **landed, struct thaw_error *err)
{
    struct transfer t = {.request = request, .from = request->from, .err = err};
    struct curl_slist *headers = NULL;
    char *accept = request->accept ? thaw_format(err, "Accept: %s", request->accept) : NULL;
    CURLU *url = parse(request, err);
    int rc = -1;
    if (!url || (request->accept && !accept) || !(t.shown = without_password(url, err)))
        goto done;
    t.curl = curl_easy_init();
    if (!t.curl || (accept && !(headers = curl_slist_append(NULL, accept)))) {
        thaw_fail(err, THAW_EMEMORY, "out of memory for a request");
        goto done;
    }
    rc = perform(&t, url, headers);
    if (rc == 0)
        rc = tell_landed(&t, landed);
done:
    curl_easy_cleanup(t.curl);
    curl_slist_free_all(headers);
    curl_url_cleanup(url);
    free(t.shown);
    free(accept);
    return rc;
}
