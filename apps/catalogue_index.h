/* Indices of Python packages: PyPI, and the mirrors of it that hospitals and companies have. */
#ifndef THAW_APPS_CATALOGUE_INDEX_H
#define THAW_APPS_CATALOGUE_INDEX_H

#include "apps/catalogue.h"
#include "io/fetch.h"

/* Asks the index, "https://pypi.org/simple", for the address of source->file of source->package. It
 * may be relative to *base. The caller frees both. */
int thaw_catalogue_index(const char *index, const struct thaw_catalogue_source *source,
                         const struct thaw_fetch_watcher *watcher, char **url, char **base,
                         struct thaw_error *err);

/* The file's address in a page of the index, of either form: JSON
 * (https://peps.python.org/pep-0691/) or HTML (https://peps.python.org/pep-0503/). */
char *thaw_catalogue_index_find(const char *page, size_t size, const char *file,
                                struct thaw_error *err);

#endif
