/* PyTorch state dicts without Python: a restricted reader that can build tensors, ordered dicts and
 * plain values, and nothing else. Any other pickle instruction or global is refused by name. */
#ifndef THAW_IO_TORCH_FILE_H
#define THAW_IO_TORCH_FILE_H

#include <stdbool.h>

#include "io/keras_file.h"

struct thaw_torch_file {
    struct thaw_tensor *tensors; /* in the order of the dict; contiguous data of their own */
    size_t n_tensors;            /* at least 1 */
};

/* Both the legacy format (a stream of pickles, then the storages) and the zip format (torch.save
 * since 1.6), from any protocol of 2 or above. The weights are the dict at the top or, when it
 * holds one under "state_dict" or "model", that. Values that are no tensors are left out.
 *
 * Tensors of half, bfloat16, float, double, bool and integer types become float (integers beyond
 * 2^24 are rounded); views are made contiguous, shared ones each get a copy. num_batches_tracked is
 * a tensor of rank 0 like any other.
 *
 * Errors name the file, the tensor or storage, and why. A damaged or hostile file costs memory in
 * proportion to its own size; it cannot run code, and it cannot make the reader recurse. */
struct thaw_torch_file *thaw_torch_load(const char *path, struct thaw_error *err);

/* True when the first bytes of a file (32 are enough) are those of either format; a zip archive may
 * still turn out to be another. */
bool thaw_torch_sniff(const unsigned char *head, size_t size);

/* NULL when there is none of this name. */
const struct thaw_tensor *thaw_torch_find(const struct thaw_torch_file *file, const char *name);
void thaw_torch_free(struct thaw_torch_file *file);

#endif
