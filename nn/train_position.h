/* Where a training run stands; part of the trainer's state, for train*.c only. */
#ifndef THAW_NN_TRAIN_POSITION_H
#define THAW_NN_TRAIN_POSITION_H

#include <stddef.h>
#include <stdint.h>

/* Running sums of the epoch at hand. */
struct thaw_sums {
    double loss;
    size_t hits, answers; /* answers: one an image, or by label one for each label */
    size_t images;
};

/* What validation says of some weights. */
struct thaw_validated {
    double accuracy, loss, auc; /* as in struct thaw_epoch */
};

/* Where the run stands. All of it goes into a checkpoint. */
struct thaw_position {
    int stage, epoch;             /* epoch within the stage */
    uint32_t number;              /* epoch over all stages */
    size_t batch;                 /* batches of this epoch that are done */
    uint32_t stage_step;          /* updates of this stage */
    uint32_t step;                /* updates over all stages */
    int stalled, drops;           /* epochs without a better validation loss; plateau's count */
    double lowest_loss;           /* lowest validation loss of this stage, INFINITY at first */
    struct thaw_validated best;   /* of the best weights of this stage; accuracy -1 at first */
    struct thaw_validated before; /* where the stage began; NAN when unknown */
    struct thaw_sums sums;
};

#endif
