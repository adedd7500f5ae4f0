/* A layer kind: everything the program knows about one Keras class, in one file of layers/.
 *
 * Layers are Keras' vocabulary (configuration keys, shapes, weights, names); what runs are the few
 * operations of nn/op.h, which a layer emits in lower(). */
#ifndef THAW_NN_LAYER_H
#define THAW_NN_LAYER_H

#include "io/base/field.h"
#include "io/base/file.h"
#include "nn/shape.h"

enum { THAW_MAX_PARAMS = 4, THAW_PARAM_RANK = 4 };

enum thaw_init {
    THAW_INIT_ZEROS,
    THAW_INIT_ONES,
    THAW_INIT_GLOROT, /* uniform, Keras' default */
    THAW_INIT_CONSTANT
};

/* One weight tensor of a layer, in Keras' layout. */
struct thaw_param {
    const char *role; /* "kernel", "bias", "depthwise_kernel", "gamma", "moving_mean", ... */
    int rank;
    long dims[THAW_PARAM_RANK];
    size_t count;
    bool trainable; /* false: a moving statistic */
    bool decay;     /* weight decay pulls on it: kernels, not biases, not batch norm */
    enum thaw_init init;
    float constant;          /* for THAW_INIT_CONSTANT */
    float *data;             /* [count], owned by the graph; NULL: left in the file */
    struct thaw_place place; /* there; see thaw_param_take */
};

struct thaw_node;
struct thaw_lowering;

struct thaw_layer_kind {
    const char *name; /* Keras class_name, "Conv2D" */
    const char *const
        *aliases; /* other class names with the same meaning; NULL-ended, may be NULL */
    const struct thaw_field
        *fields; /* configuration keys; "name", "trainable", "dtype" are common */
    size_t conf_size;
    bool identity; /* does nothing at inference (augmentation, noise): left out of the graph */

    /* Output shape and weights (role, rank, dims, flags; in Keras' order) from configuration and
     * input shapes. Refuses what does not fit, naming values. */
    int (*infer)(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                 struct thaw_param params[THAW_MAX_PARAMS], int *n_params, struct thaw_error *err);

    /* Emits the operations; `in` are value numbers, *out becomes one. */
    int (*lower)(struct thaw_lowering *lowering, const struct thaw_node *node, const int *in,
                 int n_in, int *out, struct thaw_error *err);

    void (*release)(void *conf); /* frees what CUSTOM fields allocated; may be NULL */

    /* Small configurations that drive the generic tests: JSON objects
     * {"config": {...}, "inputs": [[H,W,C], ...]}. NULL-ended. */
    const char *const *examples;
};

/* Generated from the folder; NULL-ended. */
extern const struct thaw_layer_kind *const thaw_layer_kinds[];

/* By class_name or alias; NULL with an error that lists the known ones. */
const struct thaw_layer_kind *thaw_layer_find(const char *name, struct thaw_error *err);

/* A class_name as Keras makes names of it: "ZeroPadding2D" is zero_padding2d. */
void thaw_layer_snake(const char *class_name, char name[64]);

/* Keys that cannot change what a layer computes (initializers, regularizers, constraints, ...), for
 * thaw_fields_read; NULL-ended. */
extern const char *const thaw_layer_ignored_keys[];

#endif
