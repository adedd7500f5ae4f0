/* Training: stages over a graph, from a source of batches, with an observer. No printing, no files.
 */
#ifndef THAW_NN_TRAIN_H
#define THAW_NN_TRAIN_H

#include "nn/exec.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include "nn/settled.h"
#include "nn/stages.h"
#include "nn/train_source.h"

/* Features of the frozen part are kept from one epoch to the next within these limits; results do
 * not depend on them. */
struct thaw_cache_limits {
    size_t memory, disk; /* bytes */
    const char *folder;  /* of the files; NULL: none */
    bool keep; /* files are for later runs as well: all features go there, none is removed */
};

enum thaw_keep { THAW_KEEP_BEST, THAW_KEEP_LAST };

struct thaw_train_options {
    int batch;       /* images between two updates */
    int micro_batch; /* 0: chosen by thaw_exec_choose_batch */
    /* Where not 0, memory is short: no executor takes more images at once, nothing is measured. */
    int most_at_once;
    /* Of what trains: f32 or bf16; weights and sums stay f32. With frozen_auto f32 also where bf16
     * is too far from it for the frozen part: f32 is what the weights are to suit in the end. */
    enum thaw_precision precision;
    uint64_t seed;
    const struct thaw_loss *loss;
    struct thaw_loss_options loss_options;
    /* Of a choice among classes: [classes], mean 1 over the training images; NULL: all 1. */
    const float *class_weights;
    const struct thaw_optimizer *optimizer;
    struct thaw_optimizer_options optimizer_options;
    float l2_sp; /* pull of the thawed backbone's kernels towards where training began (Li et al.
                    2018) */
    float clip;  /* largest global norm of the gradient; 0: none */
    /* Alpha of mixup, 0.01 to 1; 0: none. In stages that thaw blocks, each sample that what trains
     * gets is share times its own features and 1 - share times those of another image of the batch,
     * its loss mixed alike; share from Beta(alpha, alpha), or 1 - share, whichever is larger. */
    float mixup;
    bool batch_statistics;
    enum thaw_keep keep;
    bool rollback;     /* a stage that worsens validation is undone (only with THAW_KEEP_BEST) */
    int classes, head; /* head: first node of the head */
    int views;         /* fixed views that augmented epochs take in turn; 0: a fresh one each */
    bool bf16;         /* what the frozen part gives is rounded to bf16 */
    /* In which numbers the frozen part computes; automatic: in the fastest whose features stay
     * within THAW_DRIFT_LIMIT of float32 on a sample, but in float32 where the stage's frozen part
     * is little beside other stages. Where int8 that was asked for does not stay within it,
     * convolutions that it does not suit stay higher (nn/mixed.h), but never with most_at_once. */
    enum thaw_precision frozen;
    bool frozen_auto;
    int sample; /* training images for that; 0: THAW_SAMPLE */
    struct thaw_cache_limits cache;
};

/* One line of history. Accuracy is the share of images whose most probable class is the true one;
 * by label, of answers (an image has one for each label) that are right at a probability of 1/2.
 * Losses are plain: without smoothing and weights. The best weights are those of the highest
 * accuracy or, by label, the highest AUC; of equal ones, of the lowest loss. */
struct thaw_epoch {
    int stage, epoch;                  /* epoch within the stage, from 0 */
    uint32_t number;                   /* over all stages */
    double rate;                       /* of the head, at the end of the epoch */
    double train_loss, train_accuracy; /* while training: with augmentation and mixing (by the
                                          larger share), before each update */
    double val_loss, val_accuracy;     /* NAN without validation images */
    double val_auc; /* by label: mean over the labels where it is defined; else NAN */
    double seconds;
    bool best; /* the best weights so far in this stage */
};

struct thaw_stage_result {
    int epochs;                    /* run */
    double val_accuracy, val_loss; /* of the weights the stage ends with */
    double val_auc;                /* as in struct thaw_epoch */
    double seconds;
    bool kept; /* false: rolled back */
};

struct thaw_step_report {
    int stage, epoch;
    size_t images_done, images; /* of this epoch */
    bool training;
    bool caching;          /* the frozen part's features are being computed; no loss yet */
    double loss, accuracy; /* running means of this epoch */
};

/* Every call may be NULL. */
struct thaw_observer {
    void *ctx;
    void (*stage)(void *ctx, int stage, const struct thaw_plan *tail, int micro_batch);
    void (*settled)(void *ctx, int stage, const struct thaw_settled *settled);
    void (*step)(void *ctx, const struct thaw_step_report *report);
    void (*epoch)(void *ctx, const struct thaw_epoch *epoch);
    void (*stage_end)(void *ctx, int stage, const struct thaw_stage_result *result);
    /* What became of a cache, in a sentence. */
    void (*note)(void *ctx, const char *text);
    /* Asked after every batch: true stops the run (THAW_ESTOPPED) in a state that can be saved. */
    bool (*stop)(void *ctx);
    /* A state worth saving; called after each epoch. The callback decides whether to save. */
    int (*checkpoint)(void *ctx, struct thaw_error *err);
};

struct thaw_trainer;

/* Borrows everything it is given. */
struct thaw_trainer *thaw_trainer_create(struct thaw_graph *graph, const struct thaw_stages *stages,
                                         const struct thaw_blocks *blocks,
                                         const struct thaw_train_options *options,
                                         struct thaw_error *err);
void thaw_trainer_free(struct thaw_trainer *trainer);

/* Runs what is left of the stages. The graph ends with the weights to keep; its `trainable` flags
 * are those of the last stage. */
int thaw_trainer_run(struct thaw_trainer *trainer, const struct thaw_batch_source *source,
                     const struct thaw_observer *observer, struct thaw_error *err);

const struct thaw_epoch *thaw_trainer_history(const struct thaw_trainer *trainer, size_t *n);
const struct thaw_stage_result *thaw_trainer_results(const struct thaw_trainer *trainer, int *n);

/* Seconds that the trainer has spent in executors and optimiser since it was made. */
double thaw_trainer_compute(const struct thaw_trainer *trainer);

/* Bytes of memory that the features of a run will take at most, within options->cache. */
size_t thaw_trainer_cache_bytes(struct thaw_graph *graph, const struct thaw_stages *stages,
                                const struct thaw_train_options *options, size_t train_images,
                                size_t val_images);

/* Bytes that a run will hold beside the graph and what it keeps within options->cache: a pure
 * function of shapes and options, on the safe side. Sets `trainable` flags. */
int thaw_trainer_measure(struct thaw_graph *graph, const struct thaw_stages *stages,
                         const struct thaw_train_options *options, size_t train_images,
                         size_t *bytes, struct thaw_error *err);

/* The whole state (weights, optimiser, best weights, position, history) into and out of a file's
 * extras and its record's member "trainer". The file borrows much of it: it must be gone before the
 * trainer goes on. Load into a trainer made with the same graph, stages
 * and options; what does not fit is an error. A run that goes on from a loaded state ends in the
 * same bits. */
int thaw_trainer_save(const struct thaw_trainer *trainer, struct thaw_keras_file *file,
                      struct thaw_error *err);
int thaw_trainer_load(struct thaw_trainer *trainer, const struct thaw_keras_file *file,
                      struct thaw_error *err);

#endif
