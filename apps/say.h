/* What a long run tells the user: lines on stderr that its log keeps too. */
#ifndef THAW_APPS_SAY_H
#define THAW_APPS_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "io/base/error.h"

struct thaw_say {
    FILE *to;   /* the log; memory before there is one */
    bool quiet; /* lines go to the log alone */
    char *early;
    size_t early_size;
};

int thaw_say_begin(struct thaw_say *say, struct thaw_error *err);

/* One line. On a terminal nothing else may stand on the line (thaw_progress_end). */
void thaw_say(struct thaw_say *say, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* From now on into this file, which gets what was said before first. */
int thaw_say_log(struct thaw_say *say, const char *path, bool append, struct thaw_error *err);

void thaw_say_end(struct thaw_say *say); /* fine on a zeroed one */

#endif
