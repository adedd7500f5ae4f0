/* Where a trainer's batches come from: the side of the bargain that knows files and pictures. */
#ifndef THAW_NN_TRAIN_SOURCE_H
#define THAW_NN_TRAIN_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"
#include "io/base/file.h"

struct thaw_train_batch {
    int n;
    const float *x;    /* [n,H,W,C], preprocessed; NULL where no pictures were asked for */
    const int *labels; /* [n] */
    const size_t *ids; /* [n], which images of their side; all valid until the next call */
    /* [n][classes], 1 where a label holds, else 0: for losses by label, which ignore `labels`. */
    const float *targets;
};

/* How training images are changed at random: not at all, anew in every epoch, or (0 and up) in one
 * of some fixed ways, which are the same whenever they are asked for. */
enum { THAW_VIEW_PLAIN = -1, THAW_VIEW_FRESH = -2 };

struct thaw_epoch_request {
    bool training;  /* else the validation images */
    int view;       /* of training images; validation is plain */
    bool pictures;  /* else only ids and labels: nothing is decoded */
    uint32_t epoch; /* counted over all stages: the order of training images follows from it */
    size_t first_batch;
    size_t most;        /* images, the first ones; 0: all */
    const size_t *only; /* these images in this order, [n_only]; NULL: the epoch's */
    size_t n_only;
};

/* What the pictures of a side in one view depend on. The receiver frees all three. */
struct thaw_source_identity {
    char *place;                   /* tells data sets and their sides apart */
    char *text;                    /* all that every picture depends on */
    char (*names)[THAW_HASH_TEXT]; /* hash of what only that image depends on, [images] */
};

/* Where batches come from. All calls return -1 with an error, or 0; next() returns 1 when it
 * filled the batch and 0 at the end of the epoch. */
struct thaw_batch_source {
    void *ctx;
    int (*begin)(void *ctx, const struct thaw_epoch_request *request, struct thaw_error *err);
    int (*next)(void *ctx, struct thaw_train_batch *batch, struct thaw_error *err);
    /* Needed only where features are kept in files. */
    int (*identify)(void *ctx, bool training, int view, struct thaw_source_identity *identity,
                    struct thaw_error *err);
    size_t train_images, val_images;
};

#endif
