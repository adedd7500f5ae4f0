/* Versions of Thaw and of the libraries whose arithmetic or formats show in results. */
#ifndef THAW_APPS_VERSIONS_H
#define THAW_APPS_VERSIONS_H

#include "io/base/json.h"

/* {"thaw": "0.1.0", "onednn": "2.6.3", ...}; a new reference, or NULL when out of memory. */
json_t *thaw_versions(void);

/* One a line, to stdout. */
void thaw_versions_print(void);

#endif
