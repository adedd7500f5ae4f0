/* A Keras HDF5 model file as values: configuration, named tensors, and Thaw's own group.
 *
 * The file knows nothing of layer kinds. Layouts: legacy whole-model files (root attribute
 * model_config, group model_weights) and legacy weights-only files (root attribute layer_names), as
 * Keras 1, 2 and 3 write them; '.weights.h5' of Keras 2.12 and later, and '.keras', a zip of such a
 * file and the configuration. */
#ifndef THAW_IO_KERAS_FILE_H
#define THAW_IO_KERAS_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "io/base/file.h"
#include "io/base/json.h"

enum { THAW_TENSOR_RANK = 6 };

struct thaw_tensor {
    char *name; /* as in weight_names, e.g. "conv1/kernel:0" */
    int rank;   /* 0 = scalar */
    long dims[THAW_TENSOR_RANK];
    size_t count;            /* product of dims */
    float *data;             /* row-major; NULL while they are still in the file */
    bool borrowed;           /* data is another's, who keeps it longer than this */
    struct thaw_place place; /* there, as long as the struct thaw_keras_file lives */
};

/* The numbers, wherever they are, row-major to `to` [count]. */
int thaw_tensor_read(const struct thaw_tensor *t, float *to, struct thaw_error *err);

/* One entry of layer_names with the tensors its weight_names lists, in that order. */
struct thaw_keras_group {
    char *name;
    struct thaw_tensor *tensors;
    size_t n_tensors;
};

struct thaw_keras_file {
    json_t *config;                  /* model_config; NULL in a weights-only file */
    int keras_major;                 /* 1, 2 or 3 */
    char *keras_version;             /* as written, "" when absent */
    struct thaw_keras_group *groups; /* in the order of layer_names */
    size_t n_groups;
    /* '.weights.h5' and '.keras': groups are called by class and number ("conv2d_1",
     * "functional/conv2d_1"), in no order, and their tensors "0", "1", ... in the layer's order. */
    bool by_path;
    /* The "thaw" group, which Keras ignores. */
    json_t *thaw;               /* its attribute "record"; NULL when there is none */
    struct thaw_tensor *extras; /* its datasets, e.g. the self-test's input, sorted by name */
    size_t n_extras;
    void *storage; /* holds what had to be converted of a file; other tensors own their data */
    size_t storage_size;
    int fd; /* the file that was read, -1: none */
};

/* Reads a file in a child process under time and memory limits, because libhdf5 can crash or hang
 * on damaged files. Tensors that the file holds as plain float32 stay there until they are asked
 * for; the file must not change until then. Refused with the reason: anything that is neither HDF5
 * nor a '.keras' zip, damaged files, soft and external links, absurd sizes, bfloat16 tensors.
 * Threads of the parent do no harm, as long as none of them is inside libhdf5: the child runs
 * nothing but libhdf5, libzip and plain C. Half, double and integer datasets become float32;
 * optimizer state is left where it is. */
struct thaw_keras_file *thaw_keras_load(const char *path, struct thaw_error *err);

/* Writes a file of the Keras 2.15 form: beside the target, synced, renamed. Equal content gives
 * equal bytes. Groups must be in the order Keras expects; keras_version and keras_major are not
 * used. `config` must be set, unless there are no groups: then the file holds the thaw group alone,
 * for which `thaw` must be set, and no model (a checkpoint). Layer names are unique; names joined
 * with '/' become nested groups. Needs as much memory again as the file is large. */
int thaw_keras_save(const char *path, const struct thaw_keras_file *file, struct thaw_error *err);

const struct thaw_keras_group *thaw_keras_find(const struct thaw_keras_file *file,
                                               const char *name);
const struct thaw_tensor *thaw_keras_extra(const struct thaw_keras_file *file, const char *name);

/* For building a file to be saved: an empty one; a group, whose pointer is good until the next is
 * added; a tensor with its own copy of the data (into a group, or among the extras when group is
 * NULL). Group names are unique, so are the extras' names and the tensors' names within a group. */
struct thaw_keras_file *thaw_keras_create(struct thaw_error *err);
struct thaw_keras_group *thaw_keras_add_group(struct thaw_keras_file *file, const char *name,
                                              struct thaw_error *err);
int thaw_keras_add_tensor(struct thaw_keras_file *file, struct thaw_keras_group *group,
                          const char *name, const long *dims, int rank, const float *data,
                          struct thaw_error *err);
/* The same without a copy: `t` has all but name and count; its data lies in file->storage, or in
 * file->fd, or is borrowed, or becomes the tensor's own (from thaw_new). On failure it stays the
 * caller's. */
int thaw_keras_place(struct thaw_keras_file *file, struct thaw_keras_group *group, const char *name,
                     const struct thaw_tensor *t, struct thaw_error *err);

void thaw_keras_free(struct thaw_keras_file *file);

#endif
