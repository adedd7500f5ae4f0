/* Named fields of a struct: one table per kind of thing reads its options, prints them and checks
 * them. */
#ifndef THAW_IO_BASE_FIELD_H
#define THAW_IO_BASE_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "io/base/json.h"

enum thaw_field_type {
    THAW_FIELD_END = 0,
    THAW_FIELD_INT,    /* int */
    THAW_FIELD_FLOAT,  /* float */
    THAW_FIELD_BOOL,   /* bool; JSON true/false, or 0/1 */
    THAW_FIELD_CHOICE, /* int: index into `choices` */
    THAW_FIELD_PAIR,   /* int[2]; JSON n or [a, b] */
    THAW_FIELD_CUSTOM, /* read() and write() below */
    THAW_FIELD_ONLY /* no storage: the key may be absent, null, or equal to `only` as JSON text */
};

struct thaw_field {
    const char *key;
    enum thaw_field_type type;
    size_t offset;              /* in the struct the table describes */
    double preset;              /* value when the key is absent; both halves of a pair */
    bool required;              /* absent is an error */
    bool nullable;              /* null means the preset */
    double min, max;            /* checked when max > min; of INT, FLOAT and PAIR */
    const char *const *choices; /* NULL-ended */
    const char *only;           /* e.g. "false", "\"channels_last\"" */
    /* CUSTOM: value is NULL when the key is absent; the key is put before read()'s error. write()
     * returns a new reference, NULL = leave out. */
    int (*read)(void *place, const json_t *value, struct thaw_error *err);
    json_t *(*write)(const void *place);
};

/* Sets every preset, then reads the object's keys. An unknown key is an error that names it, its
 * value and the known ones, unless it stands in the NULL-ended list `ignored` (may be NULL). `what`
 * begins the error text, e.g. "layer conv1 (Conv2D)". */
int thaw_fields_read(const struct thaw_field *fields, void *target, const json_t *object,
                     const char *const *ignored, const char *what, struct thaw_error *err);

/* Puts the fields into the object under their keys, in table order. A nullable field that still
 * holds a preset outside min..max, or one that is no finite number, is written as null. */
int thaw_fields_write(const struct thaw_field *fields, const void *source, json_t *object,
                      struct thaw_error *err);

#endif
