/* A data set on disk: one subfolder a class, images anywhere below it. Reading never writes there.
 */
#ifndef THAW_VISION_DATASET_H
#define THAW_VISION_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"
#include "io/base/file.h"

struct thaw_dataset_image {
    char *path;     /* to open it */
    char *relative; /* below the root: CLASS/.../FILE, with '/' between */
    char *group; /* what must stay together in a split (vision/groups.h); NULL: the image alone */
    int label;   /* index into the classes */
    uint8_t
        *look; /* what it looks like (a thumbnail of vision/likeness.h); NULL: nobody has looked */
};

struct thaw_dataset {
    char *root;
    char **classes; /* exact folder names; sorted by strcmp unless they were pinned */
    int n_classes;
    struct thaw_dataset_image *images; /* sorted by strcmp of `relative` */
    size_t n;
    size_t hidden;   /* entries whose name begins with '.', left out */
    size_t other;    /* files with the suffix of no codec, or no regular file: left out */
    size_t loose;    /* images outside every class folder: left out */
    size_t repeated; /* images that are the same file as one before (links): left out */
    int n_missing;   /* pinned classes without a single image */
    char **warnings; /* sentences for the user about all this */
    size_t n_warnings;
};

/* Lists the images below `root`. A file counts as an image when its name ends, in any case, with a
 * suffix of a codec, or has no suffix (or one of digits) and begins as such files do; what it
 * really is shows when it is decoded (a dangling link is listed, and fails there). Links are
 * followed, and no folder is entered twice within a class.
 *
 * Without `pinned`, the classes are the subfolders that hold an image; fewer than two is an error.
 * With pinned names (n_pinned of them, copied in their order), labels count in that list: a folder
 * with images that is not in it is an error that names both sides, and a pinned class without
 * images a warning. One file in two classes (through links) is an error. The caller releases after
 * success; on failure everything is released. */
int thaw_dataset_from_dir(struct thaw_dataset *data, const char *root, const char *const *pinned,
                          int n_pinned, struct thaw_error *err);

/* Files given one by one, in that order: no classes, label -1, `relative` as given. Whether they
 * are there and readable shows later. */
int thaw_dataset_from_files(struct thaw_dataset *data, const char *const *paths, size_t n,
                            struct thaw_error *err);
void thaw_dataset_release(struct thaw_dataset *data);

/* Takes the images marked in drop[n] out. Indices of those behind them change. */
void thaw_dataset_drop(struct thaw_dataset *data, const bool *drop);

/* counts[n_classes] = images of each class. */
void thaw_dataset_counts(const struct thaw_dataset *data, size_t *counts);

/* SHA-256 over the lines "SHA-256 OF THE FILE  RELATIVE PATH\n" of all images in order (what
 * `sha256sum` prints there): the same files under the same names give the same text anywhere.
 * each[n] gets the hashes of the files, unless it is NULL. */
int thaw_dataset_hash(const struct thaw_dataset *data, char text[THAW_HASH_TEXT],
                      char (*each)[THAW_HASH_TEXT], struct thaw_error *err);

/* Where the parts of a data folder stand. */
struct thaw_parts {
    char *train; /* the folder itself when it is not split */
    char *val;   /* NULL when there is none */
    char *test;  /* NULL when there is none */
    bool split;  /* there is a train folder */
    char *extra; /* visible folders beside train/ that have no part, as "a, b"; NULL when none */
};

/* A folder is split when it has a subfolder train (or training) which has subfolders itself; the
 * others are val, valid or validation, and test or testing; case does not matter. Two folders for
 * one part are an error. The caller releases. */
int thaw_parts_find(struct thaw_parts *parts, const char *root, struct thaw_error *err);
void thaw_parts_release(struct thaw_parts *parts);

#endif
