/* Command-line options from a table, which also makes --help. */
#ifndef THAW_APPS_OPTIONS_H
#define THAW_APPS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"

enum thaw_option_type {
    THAW_OPTION_FLAG,    /* bool; no value */
    THAW_OPTION_TEXT,    /* const char *, points into argv */
    THAW_OPTION_INT,     /* long */
    THAW_OPTION_NUMBER,  /* double */
    THAW_OPTION_SIZE,    /* size_t bytes: 512M, 2G, 65536 */
    THAW_OPTION_HEADING, /* no option: a line between groups in --help */
    THAW_OPTION_GIVEN    /* no option: struct thaw_given, which entries were on the command line */
};

enum { THAW_OPTIONS_MOST = 128 };
struct thaw_given {
    uint64_t bits[THAW_OPTIONS_MOST / 64];
};
static inline bool thaw_option_given(const struct thaw_given *given, size_t entry)
{
    return given->bits[entry / 64] >> entry % 64 & 1;
}

struct thaw_option {
    const char *name; /* "--backbone"; NULL ends the table */
    char letter;      /* 'o', or 0 */
    enum thaw_option_type type;
    size_t offset;      /* in the command's values */
    const char *value;  /* how --help calls the value: "FILE" */
    const char *preset; /* as the user would write it; NULL: zero, NULL or false */
    double min, max;    /* checked when max > min */
    const char *help;
};

/* Sets the presets, then reads argv[1..]; `more` (NULL: none) is a second table. "--name value",
 * "--name=value", "-o value", "--" ends options. Words that are no options are moved to args (at
 * least argc + 1 places). Unknown options are errors that suggest the nearest known one. *help is
 * set when --help or -h is among them. */
int thaw_options_read(const struct thaw_option *options, const struct thaw_option *more,
                      void *values, int argc, char **argv, char **args, int *n_args, bool *help,
                      struct thaw_error *err);

/* The options as an aligned list for --help, wrapped at 80 columns, to stdout. */
void thaw_options_print(const struct thaw_option *options);

#endif
