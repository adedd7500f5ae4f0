/* Rows of features: what the frozen part of a network makes of pictures, one row a picture. Kept in
 * memory, or in a file that a later run finds again. For one thread. */
#ifndef THAW_NN_FEATURES_H
#define THAW_NN_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"
#include "io/base/file.h"

struct thaw_features;

/* All borrowed while thaw_features_create runs. */
struct thaw_features_options {
    size_t rows, floats; /* how many rows, of how many numbers */
    bool bf16;           /* kept as bf16, at half the room; else as float */
    /* In a file: its path, a text of all that every row depends on, and for each row the hash of
     * what only that row depends on (the picture). NULL: in memory. */
    const char *path;
    const char *key;
    const char (*names)[THAW_HASH_TEXT]; /* [rows] */
};

/* Rows of an older file at `path` that was made with this key are there at once, found by their
 * names. If all are, that file is used as it is; else they are copied into a new one. A file that
 * is damaged, cut short, or made with another key counts as none. */
struct thaw_features *thaw_features_create(const struct thaw_features_options *options,
                                           struct thaw_error *err);
/* A file that was not finished is removed. NULL is fine. */
void thaw_features_free(struct thaw_features *features);

bool thaw_features_has(const struct thaw_features *features, size_t row);
size_t thaw_features_missing(const struct thaw_features *features); /* rows that are not there */

int thaw_features_put(struct thaw_features *features, size_t row, const float *values,
                      struct thaw_error *err);
/* A row that is there. */
int thaw_features_get(const struct thaw_features *features, size_t row, float *values,
                      struct thaw_error *err);

/* All rows are there: the file appears under its path, whole, in place of an older one. (Of two
 * runs that write the same path, the one that finishes last gives the file; both are whole.) In
 * memory nothing is to be done. */
int thaw_features_finish(struct thaw_features *features, struct thaw_error *err);

/* Bytes of memory or of the file; SIZE_MAX when that is beyond all numbers. */
size_t thaw_features_bytes(const struct thaw_features_options *options);

/* Each value becomes the nearest bf16 (of two equally near, the even one); NaN stays NaN. */
void thaw_bf16_round(float *values, size_t n);

#endif
