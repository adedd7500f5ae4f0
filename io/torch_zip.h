/* Members of a zip archive that PyTorch wrote. */
#ifndef THAW_IO_TORCH_ZIP_H
#define THAW_IO_TORCH_ZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "io/base/error.h"

struct thaw_torch_zip;

/* Opens the archive and finds the folder in it that holds data.pkl. `file_size` bounds what a
 * member may claim. Errors name the member, not the file. */
struct thaw_torch_zip *thaw_torch_zip_open(const char *path, size_t file_size,
                                           struct thaw_error *err);
void thaw_torch_zip_close(struct thaw_torch_zip *zip);

/* The whole member of that folder ("data.pkl", "data/12"), its checksum verified, in a block that
 * the caller frees. A member that is absent: *data = NULL and 0 when `optional`, else an error.
 * Members that are compressed or encrypted are refused: PyTorch stores. */
int thaw_torch_zip_read(struct thaw_torch_zip *zip, const char *member, bool optional,
                        unsigned char **data, size_t *size, struct thaw_error *err);

#endif
