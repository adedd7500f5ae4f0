/* The part of libhdf5 that model files need, as plain C types; hdf5.h appears in io/h5_*.c alone.
 *
 * Reading follows hard links only, converts numbers to float32 and checks every declared size
 * against what the file stores; libhdf5 itself may crash on damaged files, so read inside
 * thaw_child_run. libhdf5 is one global state: not for two threads at once. */
#ifndef THAW_IO_H5_H
#define THAW_IO_H5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"

enum { THAW_H5_RANK = 6 };

/* An open file (which is its root group), group or dataset; negative = none. */
typedef int64_t thaw_h5;

/* Closes any of them; does nothing for a negative one. */
void thaw_h5_close(thaw_h5 object);

/* Of the library that is loaded: "1.10.8". */
const char *thaw_h5_version(void);

/* --- reading; errors say what in the file, without the file's name --- */

thaw_h5 thaw_h5_open(const char *path, struct thaw_error *err);
/* A file whose bytes lie in memory; they are copied. Its datasets have no place in a file. */
thaw_h5 thaw_h5_open_image(void *data, size_t size, struct thaw_error *err);

/* `name` is one component of a path. */
bool thaw_h5_has(thaw_h5 group, const char *name);
bool thaw_h5_has_attr(thaw_h5 object, const char *name);

/* A group below this one, by a path of names joined with '/'. */
thaw_h5 thaw_h5_group(thaw_h5 group, const char *path, struct thaw_error *err);

/* The members of a group by their names in ascending order: how many; the i-th, which the caller
 * frees. */
int thaw_h5_members(thaw_h5 group, size_t *n, struct thaw_error *err);
char *thaw_h5_member(thaw_h5 group, size_t i, bool *is_group, struct thaw_error *err);

/* A list of strings, from a scalar or one-dimensional attribute: variable or fixed length, ended by
 * zero, filled with zeros or with spaces. An empty array of any type is the empty list, as h5py
 * writes it. Freed by thaw_h5_texts_release, also after an error. */
struct thaw_h5_texts {
    char **items;
    size_t n, cap;
};
/* Appends to `texts`. */
int thaw_h5_texts(thaw_h5 object, const char *attr, struct thaw_h5_texts *texts,
                  struct thaw_error *err);
/* The attribute, or if it is absent ATTR0, ATTR1, ... one after the other: Keras splits long lists.
 * *found tells whether there was any. */
int thaw_h5_list(thaw_h5 object, const char *attr, struct thaw_h5_texts *texts, bool *found,
                 struct thaw_error *err);
void thaw_h5_texts_release(struct thaw_h5_texts *texts);

struct thaw_h5_dataset {
    thaw_h5 id;
    int rank;
    long dims[THAW_H5_RANK];
    size_t count;
    uint64_t at; /* byte of the file from which they stand there as this machine's floats,
                    row-major; 0: they must be read by thaw_h5_read */
};
/* Opens a dataset of numbers that can become float32; refused with the reason: links, other types,
 * external and virtual storage, unknown filters, sizes that its storage cannot back. */
int thaw_h5_dataset(thaw_h5 group, const char *path, struct thaw_h5_dataset *set,
                    struct thaw_error *err);
/* Row-major, set->count numbers. */
int thaw_h5_read(const struct thaw_h5_dataset *set, float *out, struct thaw_error *err);

/* --- writing: the file is built in memory, so that a full disk is an error text; libhdf5 1.10
 * crashes when its own file runs out of room --- */

thaw_h5 thaw_h5_create(struct thaw_error *err);
/* Makes what is missing of the path. */
thaw_h5 thaw_h5_make(thaw_h5 group, const char *path, struct thaw_error *err);

/* Scalar ASCII strings: of variable length (any size), of fixed length (below 64 KiB). */
int thaw_h5_put_text(thaw_h5 object, const char *attr, const char *text, struct thaw_error *err);
int thaw_h5_put_word(thaw_h5 object, const char *attr, const char *text, struct thaw_error *err);

/* A list of strings as old h5py wrote it: fixed length, filled with zeros; split into ATTR0, ATTR1,
 * ... above 64512 bytes; float64 of length 0 when there are none. */
int thaw_h5_put_list(thaw_h5 object, const char *attr, const char *const *items, size_t n,
                     struct thaw_error *err);

/* A contiguous float32 dataset below the group; makes the groups on its path. */
int thaw_h5_put(thaw_h5 group, const char *path, const long *dims, int rank, const float *data,
                struct thaw_error *err);

/* Writes the file through thaw_file_write and closes it in any case. */
int thaw_h5_finish(thaw_h5 file, const char *path, struct thaw_error *err);

#endif
