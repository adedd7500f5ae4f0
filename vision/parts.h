/* Where the images of a command come from: a folder of class folders, one that is divided into
 * parts, or a table. */
#ifndef THAW_VISION_PARTS_H
#define THAW_VISION_PARTS_H

#include "vision/dataset.h"

enum thaw_part { THAW_PART_TRAIN, THAW_PART_VAL, THAW_PART_TEST, THAW_PARTS };

/* "train", "val", "test". */
extern const char *const thaw_part_names[THAW_PARTS];

/* The part of this name, or of one that means the same (training; valid, validation; testing), in
 * any case; THAW_PARTS: none. */
enum thaw_part thaw_part_find(const char *name);

/* Where the parts stand: a folder, or "TABLE (val)". */
struct thaw_parts {
    char *train; /* what is given itself when it is not split */
    char *val;   /* NULL when there is none */
    char *test;  /* NULL when there is none */
    bool split;  /* there is a train folder, or the table has a column for parts */
    char *extra; /* visible folders beside train/ that have no part, as "a, b"; NULL when none */
    struct thaw_manifest *manifest; /* NULL: folders */
};

/* A folder is split when it has a subfolder train (or training) which has subfolders itself; the
 * others are val, valid or validation, and test or testing; case does not matter. Two folders for
 * one part are an error. A file is a table (vision/manifest.h), for which alone `columns` and
 * `roots` (NULL: the usual) have a meaning. by_label: for thaw_parts_list_labels. The caller
 * releases. */
int thaw_parts_find(struct thaw_parts *parts, const char *root, const char *columns,
                    const char *roots, bool by_label, struct thaw_error *err);
void thaw_parts_release(struct thaw_parts *parts);

/* The images of one part, as thaw_dataset_from_dir lists them. One that is not there is an error.
 */
int thaw_parts_list(const struct thaw_parts *parts, enum thaw_part part, const char *const *pinned,
                    int n_pinned, struct thaw_dataset *data, struct thaw_error *err);

/* The same of images of which several classes hold, or none; pinned labels and `none` as
 * thaw_labels_make takes them (vision/labels.h). */
int thaw_parts_list_labels(const struct thaw_parts *parts, enum thaw_part part,
                           const char *const *pinned, int n_pinned, const char *none,
                           struct thaw_dataset *data, struct thaw_error *err);

#endif
