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
    char *group;   /* what must stay together in a split (vision/groups.h); NULL: the image alone */
    int label;     /* index into the classes; by label: 0 */
    bool *has;     /* by label: [n_classes], whether it holds; else NULL */
    bool none;     /* by label: named as one of which none holds */
    uint8_t *look; /* its thumbnail (vision/likeness.h); NULL: nobody has looked */
};

/* A row of a table that gave no image. */
struct thaw_lost {
    char *place;  /* "FILE.csv:17" */
    char *reason; /* without the place */
};

struct thaw_dataset {
    char *root;     /* folder, or how the part of a table is called */
    char **classes; /* exact folder names; sorted by strcmp unless they were pinned */
    int n_classes;
    bool by_label; /* any number of classes can hold of an image (vision/labels.h) */
    struct thaw_dataset_image *images; /* sorted by strcmp of `relative` */
    size_t n;
    size_t hidden;   /* entries whose name begins with '.', left out */
    size_t other;    /* files with the suffix of no codec, or no regular file: left out */
    size_t loose;    /* images outside every class folder: left out */
    size_t repeated; /* images that are the same file as one before (links): left out */
    int n_missing;   /* pinned classes without a single image */
    char **warnings; /* sentences for the user about all this */
    size_t n_warnings;
    struct thaw_lost *lost; /* of a table */
    size_t n_lost;
    char *grouped_by; /* the column of a table that gave the groups; NULL: none */
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

/* The same for class folders that are to become labels (vision/labels.h): nothing is pinned, one
 * class is enough, and a file may stand in several classes through links of one name. */
int thaw_dataset_from_dir_by_label(struct thaw_dataset *data, const char *root,
                                   struct thaw_error *err);

/* Files given one by one, in that order: no classes, label -1, `relative` as given. Whether they
 * are there and readable shows later. */
int thaw_dataset_from_files(struct thaw_dataset *data, const char *const *paths, size_t n,
                            struct thaw_error *err);
void thaw_dataset_release(struct thaw_dataset *data);

/* For those that fill a data set: one more sentence for the user; sentences on pinned classes that
 * have no image. */
int thaw_dataset_warn(struct thaw_dataset *data, struct thaw_error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int thaw_dataset_report_missing(struct thaw_dataset *data, struct thaw_error *err);

/* A copy of the images marked in take[n], with root and all classes. The caller releases after
 * success. */
int thaw_dataset_pick(struct thaw_dataset *data, const struct thaw_dataset *from, const bool *take,
                      struct thaw_error *err);

/* Moves the images and lost rows of `more`, which has the same classes, behind those of `data`;
 * `more` stays to be released. */
int thaw_dataset_join(struct thaw_dataset *data, struct thaw_dataset *more, struct thaw_error *err);

/* Takes the images marked in drop[n] out. Indices of those behind them change. */
void thaw_dataset_drop(struct thaw_dataset *data, const bool *drop);

/* Does the class hold of image i? */
bool thaw_dataset_has(const struct thaw_dataset *data, size_t i, int class);

/* counts[n_classes] = images of each class. */
void thaw_dataset_counts(const struct thaw_dataset *data, size_t *counts);

/* SHA-256 over the lines "SHA-256 OF THE FILE  RELATIVE PATH\n" of all images in order (what
 * `sha256sum` prints there): the same files under the same names give the same text anywhere.
 * each[n] gets the hashes of the files, unless it is NULL. */
int thaw_dataset_hash(const struct thaw_dataset *data, char text[THAW_HASH_TEXT],
                      char (*each)[THAW_HASH_TEXT], struct thaw_error *err);

#endif
