/* Which images a model has met, so that an evaluation can say when they come again. */
#ifndef THAW_APPS_SEEN_H
#define THAW_APPS_SEEN_H

#include "io/base/json.h"
#include "vision/dataset.h"

/* One text: the first 12 hexadecimal digits of the SHA-256 of each file, in rising order. A new
 * reference. Reads every file. */
json_t *thaw_seen_write(const struct thaw_dataset *data, struct thaw_error *err);

/* Which of these images, by their bytes, are in such a text (NULL or no text: none): sets met[i]
 * for them and leaves the others. *count: how many they are. */
int thaw_seen_find(const json_t *seen, const struct thaw_dataset *data, bool *met, size_t *count,
                   struct thaw_error *err);

#endif
