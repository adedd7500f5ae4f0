/* PyTorch state dicts without Python: a restricted reader that can build tensors, ordered dicts and
 * plain values, and nothing else. Any other pickle instruction or global is refused by name. */
#ifndef THAW_IO_TORCH_FILE_H
#define THAW_IO_TORCH_FILE_H

#include <stdbool.h>

#include "io/keras_file.h"

struct thaw_torch_file {
    struct thaw_tensor *tensors; /* in the order of the dict; float data of their own, contiguous */
    size_t n_tensors;
};

/* Both the legacy format (a stream of pickles, then the storages) and the zip format. Tensors of
 * half, bfloat16, float, double and integer types become float; a view is made contiguous. */
struct thaw_torch_file *thaw_torch_load(const char *path, struct thaw_error *err);
bool thaw_torch_sniff(const unsigned char *head, size_t size);
const struct thaw_tensor *thaw_torch_find(const struct thaw_torch_file *file, const char *name);
void thaw_torch_free(struct thaw_torch_file *file);

#endif
