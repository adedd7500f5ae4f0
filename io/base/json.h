/* JSON values are jansson's (https://jansson.readthedocs.io); this header is where it comes in. */
#ifndef THAW_IO_BASE_JSON_H
#define THAW_IO_BASE_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "io/base/error.h"

/* Parses a text of `size` bytes; `where` names it in the error. The caller owns the reference. */
json_t *thaw_json_parse(const char *text, size_t size, const char *where, struct thaw_error *err);
json_t *thaw_json_load(const char *path, struct thaw_error *err);

/* One line, ASCII only, keys in the order they were put in: equal values give equal bytes. The
 * caller frees. */
char *thaw_json_text(const json_t *value, struct thaw_error *err);

/* The fewest digits, from 6 to 9, for which "%.*g" writes a decimal that reads as this float:
 * 0.001f is 0.001, without the noise of its conversion to double. */
int thaw_float_digits(float x);
json_t *thaw_json_float(float x);
/* null where it is no number, for which JSON has no word. */
json_t *thaw_json_number(double x);

/* Indented, through thaw_replace. */
int thaw_json_save(const char *path, const json_t *value, struct thaw_error *err);

#endif
