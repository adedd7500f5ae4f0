/* The storages that a PyTorch file's pickle refers to, and tensors as views into them; only
 * io/torch_*.c include this. Errors do not name the file. */
#ifndef THAW_IO_TORCH_STORAGE_H
#define THAW_IO_TORCH_STORAGE_H

#include "io/keras_file.h"
#include "io/pickle.h"
#include "io/torch_zip.h"

/* The globals that may occur in a state dict; the tag of a storage type is its enum
 * thaw_torch_type. */
enum { THAW_TORCH_TENSOR = 100, THAW_TORCH_PARAMETER, THAW_TORCH_PLAIN };
extern const struct thaw_pickle_global thaw_torch_globals[];

struct thaw_torch_storage {
    const char *key;
    int type; /* enum thaw_torch_type */
    size_t count, bytes;
    const unsigned char *data; /* NULL until loaded */
    unsigned char *own;        /* the same when it is not part of a larger block */
};

struct thaw_torch_storages {
    struct thaw_torch_storage *items; /* sorted by key, each once */
    size_t n;
    struct thaw_torch_zip *zip; /* where data comes from at first use; NULL: set beforehand */
    size_t elements_left;       /* how many floats may still be made of this file */
};

/* Checks and collects the persistent ids of the pickle. `file_size` bounds all storages together,
 * and the tensors made of them: shared and expanded storages must not multiply without end. */
int thaw_torch_storages_init(struct thaw_torch_storages *s, const struct thaw_pickle *pickle,
                             size_t file_size, struct thaw_error *err);
void thaw_torch_storages_release(struct thaw_torch_storages *s);

/* NULL when there is none of this key. */
struct thaw_torch_storage *thaw_torch_storages_find(struct thaw_torch_storages *s, const char *key);

/* The tensor that a call of torch._utils._rebuild_tensor_v2 with these arguments would make,
 * contiguous. Sets rank, dims, count and data of `tensor`, whose name is set. */
int thaw_torch_tensor_read(struct thaw_torch_storages *s, const struct thaw_pickle_value *args,
                           struct thaw_tensor *tensor, struct thaw_error *err);

#endif
