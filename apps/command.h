/* A subcommand: one file cmd_<name>.c that defines `const struct thaw_command thaw_command_<name>`.
 */
#ifndef THAW_APPS_COMMAND_H
#define THAW_APPS_COMMAND_H

#include "apps/options.h"
#include "io/base/error.h"

struct thaw_command {
    const char *name;
    const char *usage;   /* "DATA [--backbone FILE] [-o MODEL.h5]" */
    const char *summary; /* one line for the list of commands */
    const char *help;    /* what it does, in a few sentences, and examples; shown by --help */
    const struct thaw_option *options, *more; /* `more` is another command's table, or NULL */
    int order;                                /* place in the list of commands */
    /* Does the work. `args` are the words that are no options. Results go to stdout, everything
     * else to stderr. 0, or -1 with an error (THAW_EUSAGE ends the program with 2, anything else
     * with 1). */
    int (*run)(void *values, char **args, int n_args, struct thaw_error *err);
    size_t values_size; /* of the struct the options are written to */
    /* Is it over so soon that starting the program twice (thaw_par_restart) does not pay? NULL: no.
     */
    bool (*brief)(const void *values, char *const *args, int n_args);
};

extern const struct thaw_command *const thaw_commands[];

#endif
