/* A backbone of the catalogue onto this disk. */
#ifndef THAW_APPS_CATALOGUE_GET_H
#define THAW_APPS_CATALOGUE_GET_H

#include "apps/catalogue.h"

/* The download goes to a folder "downloads" beside `target`, under its own name and ".part" until
 * its hash is checked; then it is imported into the model file `target`, and removed. A file that
 * somebody put there under its own name is taken instead and stays. Interrupted, it goes on the
 * next time. `index`: of Python packages. Progress goes to stderr. Errors of the network say what
 * to put where by hand. */
int thaw_catalogue_get(const struct thaw_catalogue_entry *entry, const char *target,
                       const char *index, long threads, struct thaw_error *err);

#endif
