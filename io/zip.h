/* Members of a zip archive; the only place that knows libzip. */
#ifndef THAW_IO_ZIP_H
#define THAW_IO_ZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "io/base/error.h"

struct thaw_zip;

/* `file_size` bounds what a member may claim. */
struct thaw_zip *thaw_zip_open(const char *path, size_t file_size, struct thaw_error *err);
void thaw_zip_close(struct thaw_zip *zip);

/* Name of the i-th member, as it is written; NULL behind the last. */
const char *thaw_zip_name(const struct thaw_zip *zip, size_t i);

/* The whole member, its checksum verified, in a block that the caller frees. A member that is
 * absent: *data = NULL and 0 when `optional`, else an error. Members that are compressed or
 * encrypted are refused: PyTorch and Keras store. Errors do not name the member. */
int thaw_zip_read(struct thaw_zip *zip, const char *name, bool optional, unsigned char **data,
                  size_t *size, struct thaw_error *err);

/* Unpacks a member, stored or deflated, into a new file at `path`, its checksum verified. One of
 * more than `limit` bytes is refused. On failure no file is left; errors name the member. */
int thaw_zip_unpack(struct thaw_zip *zip, const char *name, const char *path, size_t limit,
                    struct thaw_error *err);

#endif
