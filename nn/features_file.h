/* The file of nn/features.h: a header with the hash of the key, the names of the rows, the rows.
 * Read and written a row at a time, never mapped, so that it takes no memory of the process.
 *
 * A new file is written under a temporary name, header last, and renamed when it is whole: whoever
 * opens the path finds a whole file or none, however many write it and whenever one is killed. */
#ifndef THAW_NN_FEATURES_FILE_H
#define THAW_NN_FEATURES_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "io/base/error.h"
#include "io/base/file.h"

struct thaw_features_form {
    size_t rows, row_bytes;
    const char *path, *key;
    const char (*names)[THAW_HASH_TEXT]; /* [rows] */
};

struct thaw_features_file;

/* The file at form->path if it was made with this key and rows of this size; has[i] is then true
 * where it holds a row of the name names[i]. NULL and all false otherwise: that is no error. */
struct thaw_features_file *thaw_features_file_open(const struct thaw_features_form *form,
                                                   bool *has);
/* A new one, with room for all rows on the disk. */
struct thaw_features_file *thaw_features_file_create(const struct thaw_features_form *form,
                                                     struct thaw_error *err);
/* Removes what was not finished. NULL is fine. */
void thaw_features_file_close(struct thaw_features_file *file);

/* Row i of the form, not of the file. */
int thaw_features_file_read(const struct thaw_features_file *file, size_t i, void *row,
                            struct thaw_error *err);
int thaw_features_file_write(struct thaw_features_file *file, size_t i, const void *row,
                             struct thaw_error *err);
/* Gives a new file its name. Nothing on one that was opened. */
int thaw_features_file_finish(struct thaw_features_file *file, struct thaw_error *err);

size_t thaw_features_file_bytes(size_t rows, size_t row_bytes); /* SIZE_MAX: too large */

#endif
