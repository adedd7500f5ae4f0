/* Errors: whoever detects one writes the whole text for the user, callers only pass it on. */
#ifndef THAW_IO_BASE_ERROR_H
#define THAW_IO_BASE_ERROR_H

enum thaw_code {
    THAW_OK = 0,
    THAW_EUSAGE,  /* the caller asked for something that cannot be: exit code 2 */
    THAW_EINPUT,  /* a file or its content is wrong */
    THAW_ESYSTEM, /* the operating system refused: errno is in the text */
    THAW_EMEMORY, /* out of memory or over a limit */
    THAW_ESTOPPED /* the user asked to stop */
};

/* Starts zeroed; `text` is complete enough to be shown as it is, without a newline at the end. */
struct thaw_error {
    enum thaw_code code;
    char text[1024];
};

/* Sets the error and returns -1, so that `return thaw_fail(err, ...)` is the whole idiom.
 * Name the file, the field, the value and what would be right. `err` may be NULL. */
int thaw_fail(struct thaw_error *err, enum thaw_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As thaw_fail with THAW_ESYSTEM; appends ": " and the text of errno. */
int thaw_fail_errno(struct thaw_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "PREFIX: " before the text; for callers that know a name the detector did not. Returns -1.
 */
int thaw_error_prefix(struct thaw_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
