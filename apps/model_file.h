/* A model with everything around it: graph, preprocessing, class names, record. What every command
 * but import works on. */
#ifndef THAW_APPS_MODEL_FILE_H
#define THAW_APPS_MODEL_FILE_H

#include "io/base/file.h"
#include "nn/model.h"
#include "nn/precision.h"
#include "vision/dataset.h"
#include "vision/preprocess.h"

struct thaw_model_file {
    char *path;                /* of the file found; "random:NAME" for random weights */
    char hash[THAW_HASH_TEXT]; /* SHA-256 of the file, once thaw_model_file_hash was asked; "" for
                                * random weights */
    struct thaw_graph *graph;
    const struct thaw_arch *arch; /* family, or NULL */
    struct thaw_preprocess preprocess;
    const char *preprocess_from; /* whose word it is: "the model's record"; NULL: not known */
    char **classes;              /* names in the model's order; NULL when it knows none */
    int n_classes;  /* outputs when classes is NULL and the graph ends in a vector; else 0 */
    json_t *record; /* the thaw record as read, or NULL */
    struct thaw_ranges ranges;     /* its calibration; empty without one */
    enum thaw_precision precision; /* in which it is run */
    struct thaw_model_notes notes;
    struct thaw_keras_file *file; /* as read; NULL for random weights */
    /* For saving: whose looks go into the file (apps/seen.h); NULL: nobody's. Borrowed. */
    const struct thaw_dataset *trained_on;
};

/* How to open one. Zeroed: nothing is overridden. */
struct thaw_model_request {
    const char *name;       /* a path, a name from the catalogue, or random:NAME[:ALPHA] */
    const char *models_dir; /* --models */
    const char *arch;       /* --arch */
    const char *preprocess; /* --preprocess: mode for models without a record */
    const char *size;       /* --size: "N" or "HxW"; NULL: the model's own */
    uint64_t seed;          /* of random weights */
    int classes;            /* of random weights: outputs of the family's own top; 0: no top */
    bool need_preprocess;   /* false: a model without known preprocessing is no error */
    bool lean;              /* as in struct thaw_model_options */
};

/* "224" or "192x256" (height first). */
int thaw_model_size(const char *text, int *height, int *width, struct thaw_error *err);

/* Finds, reads, builds. Names are looked up as NAME and NAME.h5 in --models, $THAW_MODELS, the
 * install prefix and ./models, in this order; the error lists where it looked. A model without a
 * preprocessing record takes the one of its family, else --preprocess is required and the error
 * says so. */
int thaw_model_file_open(struct thaw_model_file *m, const struct thaw_model_request *request,
                         struct thaw_error *err);
void thaw_model_file_release(struct thaw_model_file *m);
/* Fills in m->hash: the whole file is read for it. */
int thaw_model_file_hash(struct thaw_model_file *m, struct thaw_error *err);

/* The node whose arithmetic the output is: behind it only the shape changes. */
const struct thaw_node *thaw_model_last_arithmetic(const struct thaw_graph *graph);
/* Its key "activation", e.g. "sigmoid" ("" when it has none), into `text`. */
void thaw_model_activation(const struct thaw_node *node, char *text, size_t size);

/* Writes graph, preprocessing, classes and `extra` (object whose members join the record: metrics,
 * history, provenance; borrowed) with a self-test vector (input, expected output), reads the file
 * again and checks that vector. Equal content gives equal bytes: nothing of time, host or path may
 * be in `extra`. */
int thaw_model_file_save(const struct thaw_model_file *m, const char *path, json_t *extra,
                         struct thaw_error *err);

/* Runs the self-test vector of an opened model; *difference = max|a-b| / max|b|. -1 when there is
 * none. */
int thaw_model_file_verify(const struct thaw_model_file *m, double *difference,
                           struct thaw_error *err);

#endif
