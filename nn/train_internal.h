/* The trainer's state, shared by train*.c only. */
#ifndef THAW_NN_TRAIN_INTERNAL_H
#define THAW_NN_TRAIN_INTERNAL_H

#include <time.h>

#include "nn/features.h"
#include "nn/team.h"
#include "nn/train.h"
#include "nn/train_mix.h"
#include "nn/train_position.h"

struct thaw_train_slot { /* features of one side in one view */
    struct thaw_features *features;
    bool refused;
};

/* What is kept at one boundary between frozen and trained. */
struct thaw_train_cache {
    int cut;                       /* node whose output is kept; 0: none */
    struct thaw_train_slot *slots; /* validation, training plain, then each fixed view */
    size_t memory;                 /* bytes taken */
    char *key;                     /* of the frozen part: text; NULL: not needed so far */
    bool told;                     /* that something does not fit */
};

struct thaw_trainer {
    struct thaw_graph *graph;
    const struct thaw_stages *stages;
    const struct thaw_blocks *blocks;
    struct thaw_train_options options;
    size_t weight_count; /* of all nodes, which lie one after the other in these three */
    float *initial;      /* as they were at the start; for L2-SP */
    float *before;       /* when the stage began */
    float *best;         /* best of the stage */

    struct thaw_position at;
    struct thaw_epoch *history;
    size_t n_history, history_capacity;
    struct thaw_stage_result *results;

    /* The stage that is open. */
    bool open;
    enum thaw_precision trained;               /* what the tail computes in */
    int cut;                                   /* node under which all is frozen; 0: nothing is */
    struct thaw_plan *prefix_plan, *tail_plan; /* prefix NULL: nothing is frozen below the tail */
    struct thaw_settled settled;
    struct thaw_ranges ranges; /* of the frozen part, for its precision */
    size_t frozen_samples;     /* that the stage runs through its frozen part, about */
    struct thaw_team *prefix;  /* made when the first picture comes */
    struct thaw_team *tail;
    struct thaw_team *rest;  /* batch statistics: the tail for the last, smaller batch */
    size_t feature_floats;   /* a sample between prefix and tail */
    float *features;         /* [batch] of them */
    float *logits, *dlogits; /* [batch][classes] */
    struct thaw_mix mix;
    float *judged, *targets; /* by label: logits and truth of all validation images, else NULL */
    float *slots[THAW_MAX_SLOTS]; /* of all trained weights, one after the other */
    size_t slot_count;

    struct thaw_train_cache cache;    /* outlives a stage whose successor has the same cut */
    const struct thaw_features *kept; /* where the epoch at hand takes features from, or NULL */
    time_t begun;
    double compute; /* seconds */
};

/* Makes plans, executors and optimiser state for stage at.stage, whose tail computes in `trained`;
 * weights stay as they are. */
int thaw_trainer_open_stage(struct thaw_trainer *t, enum thaw_precision trained,
                            struct thaw_error *err);
void thaw_trainer_close_stage(struct thaw_trainer *t);
/* Another precision for the tail of the open stage. */
int thaw_trainer_train_in(struct thaw_trainer *t, enum thaw_precision trained,
                          struct thaw_error *err);

/* Chooses the precision of the open stage's frozen part, by a sample of the training images, and
 * lets what trains follow where bf16 is refused. */
int thaw_trainer_sample(const struct thaw_train_options *options); /* how many */
int thaw_trainer_settle(struct thaw_trainer *t, const struct thaw_batch_source *source,
                        const struct thaw_observer *observer, struct thaw_error *err);

/* The node under which nothing changes in a stage that trains nodes first .. end: the highest
 * single-node cut below the first weight (or dropout) from there on. -1 with an error. */
int thaw_trainer_cut(const struct thaw_graph *graph, int first, struct thaw_error *err);

/* Sets the graph's `trainable` flags as the stage has them; returns its cut. */
int thaw_trainer_thaw(struct thaw_graph *graph, const struct thaw_stage *stage,
                      struct thaw_error *err);

/* What runs below and above the cut, and the micro-batch to ask a team for (0: its own choice). */
struct thaw_plan *thaw_trainer_plan_prefix(struct thaw_graph *graph, int cut,
                                           struct thaw_error *err); /* in float32 */
struct thaw_plan *thaw_trainer_plan_tail(struct thaw_graph *graph,
                                         const struct thaw_train_options *options,
                                         enum thaw_precision trained, int cut,
                                         struct thaw_error *err);
int thaw_trainer_at_once(const struct thaw_plan *plan, const struct thaw_train_options *options,
                         size_t samples);
int thaw_trainer_tail_at_once(const struct thaw_plan *plan,
                              const struct thaw_train_options *options);

/* The view of training images in this epoch of a stage. */
int thaw_trainer_view(const struct thaw_train_options *options, const struct thaw_stage *stage,
                      int epoch);

/* Sets t->kept for an epoch over this side; computes all its features first where they are to be
 * kept and are not yet there. */
int thaw_trainer_cache_use(struct thaw_trainer *t, const struct thaw_batch_source *source,
                           const struct thaw_observer *observer, bool training,
                           struct thaw_error *err);
/* Gives up what is kept at another cut than `cut`, and files that are of no more use. */
void thaw_trainer_cache_leave(struct thaw_trainer *t, int cut);
void thaw_trainer_cache_release(struct thaw_trainer *t); /* files stay, for a resumption */

/* A store in the folder of the cache, with what an older file has; NULL without an error where the
 * folder has no room. Path, key and names are found here. */
struct thaw_features *thaw_trainer_cache_file(struct thaw_trainer *t,
                                              const struct thaw_batch_source *source, bool training,
                                              int view, const struct thaw_features_options *store,
                                              struct thaw_error *err);

/* The batch's features into t->features: through the frozen part, or from where they are kept. */
int thaw_trainer_prefix(struct thaw_trainer *t, const struct thaw_train_batch *batch,
                        struct thaw_error *err);

/* Copies of all weights. */
void thaw_trainer_keep(const struct thaw_trainer *t, float *copy);
int thaw_trainer_restore(struct thaw_trainer *t, const float *copy, struct thaw_error *err);

/* The weights of the stage from the gradients that `tail` has. */
int thaw_trainer_update(struct thaw_trainer *t, struct thaw_team *tail, double rate,
                        struct thaw_error *err);
/* One update; adds to at.sums. */
int thaw_trainer_step(struct thaw_trainer *t, const struct thaw_train_batch *batch,
                      size_t train_images, struct thaw_error *err);
/* One batch forward only. */
int thaw_trainer_judge(struct thaw_trainer *t, const struct thaw_train_batch *batch,
                       struct thaw_sums *sums, struct thaw_error *err);
/* The head's rate for the update at hand. */
double thaw_trainer_rate(const struct thaw_trainer *t, size_t train_images);

#endif
