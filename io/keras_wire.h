/* What the child that reads a Keras file hands to its parent: a row of records, each followed by a
 * name or text and then by numbers, and the last one of kind THAW_WIRE_END. */
#ifndef THAW_IO_KERAS_WIRE_H
#define THAW_IO_KERAS_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "io/child.h"
#include "io/keras_file.h"

enum thaw_wire_kind {
    THAW_WIRE_END = 1,
    THAW_WIRE_VERSION,  /* text: keras_version */
    THAW_WIRE_METADATA, /* text: JSON that holds keras_version */
    THAW_WIRE_CONFIG,   /* text: model_config */
    THAW_WIRE_GROUP,    /* name: a layer; the tensors that follow are its own */
    THAW_WIRE_TENSOR,   /* name, shape, numbers */
    THAW_WIRE_THAW,     /* text: the record of the group thaw */
    THAW_WIRE_PATHS,    /* groups are called by their place in the model, not by a layer's name */
    THAW_WIRE_EXTRA     /* name, shape, numbers: a dataset of the group thaw */
};

enum { THAW_WIRE_ALIGN = 64 };

struct thaw_wire {
    int32_t kind;
    int32_t rank;
    int64_t dims[THAW_TENSOR_RANK];
    uint64_t text;  /* bytes of the text right behind, its zero included; 0 = none */
    uint64_t count; /* float32 numbers... */
    uint64_t at;    /* ...that stand in the file from this byte on; 0: they follow here, from the
                     * next multiple of THAW_WIRE_ALIGN. Records begin at such multiples, too. */
};

/* The file in question: the path, and the same file as the parent has opened it. */
struct thaw_walk {
    const char *path;
    int fd;
    size_t size;
    bool zipped; /* a '.keras' file */
};

/* Runs in the child; ctx is a struct thaw_walk. */
int thaw_keras_walk(void *ctx, struct thaw_child_out *out, struct thaw_error *err);

#endif
