/* A table of images instead of folders: a CSV file with a row for each. Reading writes nowhere.
 *
 * Columns: path and label; group (what must stay together in a split: the patient) and split
 * (train, val or test) where they are there. Others are not used. Blanks around a cell do not
 * count; a label is a text that is not looked into. */
#ifndef THAW_VISION_MANIFEST_H
#define THAW_VISION_MANIFEST_H

#include <sys/types.h>

#include "io/csv.h"
#include "vision/dataset.h"
#include "vision/parts.h"

enum thaw_manifest_column {
    THAW_COLUMN_PATH,
    THAW_COLUMN_LABEL,
    THAW_COLUMN_GROUP,
    THAW_COLUMN_SPLIT,
    THAW_COLUMNS
};

/* The cells live in the table's text. */
struct thaw_manifest_row {
    size_t line;
    const char *path, *label, *group; /* group NULL: none */
    enum thaw_part part;              /* train where there is no column for it */
    char *file;                       /* what was found; NULL: the row is not used */
    char *reason;                     /* why not; NULL where it is */
    dev_t device;                     /* with the inode, which file it is */
    ino_t inode;
};

struct thaw_manifest {
    struct thaw_csv csv;
    bool by_label;
    char *columns[THAW_COLUMNS]; /* as the header calls them; NULL: there is none */
    char *unused;                /* the other columns, as "a, b"; NULL: none */
    struct thaw_manifest_row *rows;
    size_t n, cap;
};

/* Reads the table.
 *
 * `columns`: which header names which column, "path=file,label=diagnosis"; those left out (and all,
 * for NULL) are called as above. Capitals make no difference. `roots`: folders that paths are
 * relative to, with ':' between, tried in this order; NULL: the folder of the table. A path that is
 * not found and holds '\' is tried with '/' as well.
 *
 * Rows whose file is not there, without path or label, and rows that say once more what an earlier
 * one says are not used and keep a reason. Errors, with the line and what would be right: a missing
 * column, one name for two columns, rows of another length than the header (empty cells at the end
 * do not count), other words for a part, and two rows that name one file but differ in label, group
 * or part.
 *
 * by_label: several labels can hold of an image. Then a row without a label is used, and rows of
 * one file may differ in it. The caller releases after success. */
int thaw_manifest_load(struct thaw_manifest *m, const char *path, const char *columns,
                       const char *roots, bool by_label, struct thaw_error *err);
void thaw_manifest_release(struct thaw_manifest *m);

/* Does any row name this part? */
bool thaw_manifest_has(const struct thaw_manifest *m, enum thaw_part part);

/* The images of a part. As thaw_dataset_from_dir, with the labels as classes, paths as the table
 * has them as `relative`, and rows that are not used in `lost`. `root` becomes `name`. */
int thaw_manifest_list(const struct thaw_manifest *m, enum thaw_part part, const char *name,
                       const char *const *pinned, int n_pinned, struct thaw_dataset *data,
                       struct thaw_error *err);

#endif
