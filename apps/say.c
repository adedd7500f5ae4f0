#include "apps/say.h"

#include <stdarg.h>
#include <stdlib.h>

int thaw_say_begin(struct thaw_say *say, struct thaw_error *err)
{
    *say = (struct thaw_say){0};
    say->to = open_memstream(&say->early, &say->early_size);
    return say->to ? 0 : thaw_fail_errno(err, "cannot keep a log");
}

void thaw_say(struct thaw_say *say, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (!say->quiet) {
        vfprintf(stderr, fmt, args);
        fputc('\n', stderr);
    }
    va_end(args);
    va_start(args, fmt);
    vfprintf(say->to, fmt, args);
    va_end(args);
    fputc('\n', say->to);
    fflush(say->to);
}

int thaw_say_log(struct thaw_say *say, const char *path, bool append, struct thaw_error *err)
{
    FILE *log = fopen(path, append ? "ae" : "we");
    if (!log)
        return thaw_fail_errno(err, "%s", path);
    fflush(say->to);
    fwrite(say->early, 1, say->early_size, log);
    fflush(log);
    fclose(say->to);
    say->to = log;
    return 0;
}

void thaw_say_end(struct thaw_say *say)
{
    if (say->to)
        fclose(say->to);
    free(say->early);
    *say = (struct thaw_say){0};
}
