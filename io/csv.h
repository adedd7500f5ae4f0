/* Tables as text: RFC 4180, and what programs make of it - a byte order mark of UTF-8, lines that
 * end in CR LF, LF or CR, and ';' or tabs instead of commas. */
#ifndef THAW_IO_CSV_H
#define THAW_IO_CSV_H

#include <stddef.h>

#include "io/base/error.h"

struct thaw_csv {
    char *name;     /* in errors: the path */
    char separator; /* the first of , ; TAB outside quotes in the first line; else ',' */
    size_t line;    /* where the record at hand begins, from 1 */
    char **fields;  /* of the record at hand; they live in `text` until it is released */
    size_t n_fields;

    /* The reader's own. */
    char *text;
    size_t size, at, next_line, cap;
};

/* A whole file of up to a gigabyte. UTF-16 and bytes of zero are errors: they are no such text. The
 * caller releases after success. */
int thaw_csv_load(struct thaw_csv *csv, const char *path, struct thaw_error *err);
/* The same from memory, which is copied. */
int thaw_csv_open(struct thaw_csv *csv, const void *data, size_t size, const char *name,
                  struct thaw_error *err);
void thaw_csv_release(struct thaw_csv *csv);

/* The next record: 1; 0 at the end; -1 where quotes are not closed or text follows a closing one.
 * Lines that are empty are passed over, so that a record of a single empty field must be quoted. A
 * quote that does not begin a field is a letter like others. Fields of earlier records stay as they
 * are; `fields` itself is used again. */
int thaw_csv_next(struct thaw_csv *csv, struct thaw_error *err);

#endif
