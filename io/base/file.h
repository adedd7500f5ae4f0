/* Files: whole reads with a limit, parts of open files, writes that appear complete or not at all,
 * sorted listings. */
#ifndef THAW_IO_BASE_FILE_H
#define THAW_IO_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "io/base/error.h"

/* The whole regular file in a block the caller frees; one zero byte follows it. Fails above `limit`
 * bytes before anything is allocated. */
int thaw_file_read(const char *path, size_t limit, unsigned char **data, size_t *size,
                   struct thaw_error *err);

/* Where something stands in an open file. */
struct thaw_place {
    int fd;
    uint64_t at; /* 0: nowhere; no format begins with what is meant */
};
/* Fails where the file ends before `size` bytes. */
int thaw_place_read(const struct thaw_place *place, void *to, size_t size, struct thaw_error *err);

/* A file being written beside its target: write to `temporary`, then commit or abort. */
struct thaw_replace {
    char *path, *temporary;
};

/* Chooses the temporary name and checks that the folder can be written to. */
int thaw_replace_begin(struct thaw_replace *r, const char *path, struct thaw_error *err);
/* Syncs the temporary file, renames it to the target, syncs the folder; releases r. On failure the
 * temporary file is gone and an older target is whole. */
int thaw_replace_commit(struct thaw_replace *r, struct thaw_error *err);
/* Removes the temporary file and releases r. Does nothing after commit or on a zeroed struct. */
void thaw_replace_abort(struct thaw_replace *r);

/* The same for a stream: the temporary file open for writing, or NULL with an error. Close closes
 * it and commits, unless rc < 0 or something could not be written: then it aborts. Returns 0 or -1;
 * an error of rc < 0 is the caller's. */
FILE *thaw_replace_open(struct thaw_replace *r, const char *path, struct thaw_error *err);
int thaw_replace_close(struct thaw_replace *r, FILE *file, int rc, struct thaw_error *err);

/* A whole small file at once, through thaw_replace. */
int thaw_file_write(const char *path, const void *data, size_t size, struct thaw_error *err);

struct thaw_dir_entry {
    char *name; /* without the folder */
    bool is_dir;
    int64_t size; /* of a regular file, else -1 */
};

/* What stands in a folder, sorted by strcmp, without "." and "..". Links are followed. The caller
 * frees with thaw_dir_free. */
int thaw_dir_list(const char *path, struct thaw_dir_entry **entries, size_t *n,
                  struct thaw_error *err);
void thaw_dir_free(struct thaw_dir_entry *entries, size_t n);

/* Makes the folder and those above it; fine if it is there. */
int thaw_dir_make(const char *path, struct thaw_error *err);

enum { THAW_HASH_TEXT = 65 };
/* SHA-256 in lower-case hexadecimal. */
void thaw_hash_bytes(const void *data, size_t size, char text[THAW_HASH_TEXT]);
int thaw_hash_file(const char *path, char text[THAW_HASH_TEXT], struct thaw_error *err);
/* MD5, in 32 digits: it tells damage, not malice; for files whose publisher gives nothing better.
 */
int thaw_hash_file_md5(const char *path, char text[THAW_HASH_TEXT], struct thaw_error *err);

#endif
