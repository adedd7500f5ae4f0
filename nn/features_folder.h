/* The folder that files of features stand in: NAME.features, under a limit of all of them together.
 */
#ifndef THAW_NN_FEATURES_FOLDER_H
#define THAW_NN_FEATURES_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "io/base/error.h"

/* Makes the folder, and removes what runs that were killed have left there half-written. */
int thaw_features_folder_open(const char *folder, struct thaw_error *err);

/* Would the folder's files, with one of `bytes` at `path` in it, take at most `limit` bytes? Those
 * that were last of use before `before` may go for it, the oldest first; 0 keeps all. */
bool thaw_features_folder_room(const char *folder, const char *path, size_t bytes, size_t limit,
                               time_t before);

/* Removes all files of features, and the folder if nothing else is in it. */
void thaw_features_folder_empty(const char *folder);

#endif
