/* Which images belong together (one patient), so that a split never divides them. */
#ifndef THAW_VISION_GROUPS_H
#define THAW_VISION_GROUPS_H

#include "io/base/error.h"
#include "vision/dataset.h"

enum { THAW_GROUPS_LEAST = 10, THAW_GROUPS_MEDIAN = 20 };

/* Groups by a POSIX extended regular expression on the file name (without folders, with suffix):
 * the group is the text of the first parenthesis, or of the whole match where there is none or it
 * took no part. Equal texts are one group across classes. Names without a match, or with an empty
 * one, are an error that counts them and names the first. *found: a sentence on what came out,
 * which the caller frees. */
int thaw_groups_by_regex(struct thaw_dataset *data, const char *pattern, char **found,
                         struct thaw_error *err);

/* Recognises patients in names, through the first of these rules that holds:
 *   1. file names PATIENT_SEQUENCE.SUFFIX: PATIENT is the stem before its last '_', neither empty;
 *   2. PATIENT/.../FILE, of a table whose paths begin so;
 *   3. CLASS/PATIENT/.../FILE: PATIENT is the folder below the class folder.
 * A rule holds in a class folder where it gives at least 10 groups, of median size 20 at most, and
 * it holds for the data set when it does so in some class folder and some group has two images or
 * more. Then it counts
 *   - in the class folders where it holds, and in those with two to nine groups of which more than
 * half have 20 images at most: few patients are patients all the same;
 *   - anywhere else for groups that stand in such a folder too.
 * So glioma_000, glioma_001, ... is one prefix of the class, no patient. Equal names are one group
 * across classes. Images without a group stay alone.
 * *found: as above, or NULL when no rule holds; data is then as before. */
int thaw_groups_recognise(struct thaw_dataset *data, char **found, struct thaw_error *err);

/* A sentence on the groups that the images have, "WHAT: so many in so many of so many images ...";
 * the caller frees. *groups: how many they are. */
char *thaw_groups_tell(const struct thaw_dataset *data, const char *what, size_t *groups,
                       struct thaw_error *err);

/* Groups by clusters: cluster[n] is the first image of the cluster an image is in. A cluster keeps
 * the name of a group that one of its images has, else it is called after its first image; images
 * alone keep what they have. Equal groups must lie in one cluster. */
int thaw_groups_by_cluster(struct thaw_dataset *data, const size_t *cluster,
                           struct thaw_error *err);

#endif
