/* The walk through one class folder: which files below it are images. */
#ifndef THAW_VISION_SCAN_FOLDER_H
#define THAW_VISION_SCAN_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "io/base/error.h"

struct thaw_scan_file {
    char *relative; /* below the root of the walk, beginning with the folder asked for */
    int label;      /* as given to thaw_scan_folder */
    dev_t device;   /* with the inode, which file it is; `known` is false for a dangling link */
    ino_t inode;
    bool known;
};

struct thaw_scan {
    struct thaw_scan_file *files;
    size_t n, cap;
    size_t hidden, other;
};

/* Does the name end, in any case, with a suffix of a codec? */
bool thaw_scan_is_image(const char *name);

/* Adds the images below root/folder, links followed, each folder once: files with the suffix of a
 * codec, and those without a suffix, or with one of digits, that begin as a codec's files do. */
int thaw_scan_folder(struct thaw_scan *scan, const char *root, const char *folder, int label,
                     struct thaw_error *err);

/* Takes out files that are the same as an earlier one and counts them; the files end up sorted by
 * strcmp of `relative`, and the first by that order stays. One file under two labels is an error;
 * by label it stays under both, where its names below the class folders are the same. */
int thaw_scan_settle(struct thaw_scan *scan, bool by_label, size_t *repeated,
                     struct thaw_error *err);
void thaw_scan_release(struct thaw_scan *scan);

#endif
