/* Which images a model has met, so that an evaluation can say when they come again. */
#ifndef THAW_APPS_SEEN_H
#define THAW_APPS_SEEN_H

#include "io/base/json.h"
#include "io/keras_file.h"
#include "vision/dataset.h"
#include "vision/likeness.h"

/* One text: the first 12 hexadecimal digits of the SHA-256 of each file, in rising order. A new
 * reference. Reads every file. */
json_t *thaw_seen_write(const struct thaw_dataset *data, struct thaw_error *err);

/* Which of these images, by their bytes, are in such a text (NULL or no text: none): sets met[i]
 * for them and leaves the others. *count: how many they are. */
int thaw_seen_find(const json_t *seen, const struct thaw_dataset *data, bool *met, size_t *count,
                   struct thaw_error *err);

/* More training images would swell the model's file: 2.3 kB each. */
enum { THAW_SEEN_MOST = 20000 };

/* What the images look like, as a data set of the model file: their thumbnails in 64 steps of grey,
 * four points in each number, which float32 holds exactly; images without one are left out. Adds
 * nothing where no image has one, or more than THAW_SEEN_MOST do. */
int thaw_seen_add_looks(const struct thaw_dataset *data, struct thaw_keras_file *file,
                        struct thaw_error *err);

/* The thumbnails of such a data set, which the caller frees; *n = 0 and NULL where the file
 * has none. */
int thaw_seen_read_looks(const struct thaw_keras_file *file, const char *path,
                         uint8_t (**looks)[THAW_LIKENESS_POINTS], size_t *n,
                         struct thaw_error *err);

#endif
