/* Small text files: names of classes, tables. */
#ifndef THAW_APPS_TEXT_H
#define THAW_APPS_TEXT_H

#include <stdio.h>

#include "io/base/json.h"

/* Names of classes from a text file, one a line; `n` must be their number. The caller frees with
 * thaw_labels_free. */
char **thaw_labels_load(const char *path, int n, struct thaw_error *err);
void thaw_labels_free(char **labels, int n);

/* Writes the text as a field of a CSV file: quoted where it must be (RFC 4180). */
void thaw_csv_field(FILE *to, const char *text);

/* A JSON text: file names need not be UTF-8, JSON texts must, so bytes outside ASCII are written as
 * "\\xHH" where they are not. A new reference. */
json_t *thaw_text_json(const char *text);

#endif
