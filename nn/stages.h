/* The thaw schedule as data: which part of the network trains when, how long, at which rate. */
#ifndef THAW_NN_STAGES_H
#define THAW_NN_STAGES_H

#include "nn/model.h"
#include "nn/schedule.h"

enum { THAW_STAGE_NAME = 64 };

struct thaw_stage {
    char name[THAW_STAGE_NAME]; /* "head", "all", "top 2 blocks", "from block_6_expand" */
    int first;                  /* nodes first .. end train */
    int epochs;
    float rate;         /* of the head */
    float block_decay;  /* each block below trains at the rate of the one above divided by this */
    float weight_decay; /* of kernels */
    const struct thaw_schedule *schedule;
    float warmup; /* epochs of linear warm-up */
    int patience; /* stop after so many epochs without a better validation loss; 0 = never */
    bool augment; /* training images are changed at random */
};

struct thaw_stages {
    struct thaw_stage *stages;
    int n;
};

/* What an option leaves open in the text. */
struct thaw_stage_defaults {
    int epochs, thawed_epochs; /* of a head that trains alone, and of stages that thaw blocks */
    float rate, thawed_rate;
    float block_decay, warmup, weight_decay;
    float head_weight_decay;      /* of stages in which the head trains alone, before others */
    float last_head_weight_decay; /* and of one with no stage after it */
    int patience;
    const struct thaw_schedule *schedule;
    /* A head alone learns best from features of the images as they are (a linear probe); true: from
     * augmented ones all the same. Every other stage is augmented. */
    bool augment_head;
};

/* Text: stages separated by ';', each WHAT[:key=value,...]. WHAT is "head", "all", a number of
 * blocks from the top, or the name of a layer (from it to the end). Keys: epochs, lr, decay,
 * weight_decay, schedule, warmup, patience, augment (0 or 1). `head` is the first node of the head.
 * Unknown words are errors that list the known ones. */
int thaw_stages_parse(struct thaw_stages *stages, const char *text, const struct thaw_graph *graph,
                      int head, const struct thaw_blocks *blocks,
                      const struct thaw_stage_defaults *defaults, struct thaw_error *err);
void thaw_stages_release(struct thaw_stages *stages);

/* Divisor of the stage's rate for a node: block_decay to the power of the number of blocks between
 * the head and it. */
float thaw_stage_divisor(const struct thaw_stage *stage, int node, int head,
                         const struct thaw_blocks *blocks);

#endif
