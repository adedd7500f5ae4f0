/* Who is on which image: the groups of a data set, from whatever says it. */
#ifndef THAW_VISION_PATIENTS_H
#define THAW_VISION_PATIENTS_H

#include "vision/dataset.h"

/* Gives the images groups. `how`:
 *   NULL     the group column of a table; else PatientID where there are DICOM files and it tells
 *            some apart, or names a single one by more than a word or zeros; else what
 * thaw_groups_recognise finds in names; "none"   every image by itself; "dicom"  PatientID; files
 * that are none, or state none, are an error that counts them; else     a regular expression
 * (thaw_groups_by_regex). *found: a sentence on what came out, which the caller frees, or NULL
 * where there are no groups. What was looked for in vain becomes a warning of the data set. */
int thaw_patients_find(struct thaw_dataset *data, const char *how, char **found,
                       struct thaw_error *err);

#endif
