/* A trainer with everything around it: network, images that can be learnt, options, observer. */
#ifndef THAW_TESTS_TRAIN_RIG_H
#define THAW_TESTS_TRAIN_RIG_H

#include "tests/train_net.h"

enum { RIG_TRAIN = 22, RIG_VAL = 12, RIG_EPOCHS = 16 };

struct rig {
    struct thaw_graph *graph;
    struct thaw_blocks blocks;
    struct thaw_stages stages;
    struct thaw_train_options options;
    struct thaw_batch_source source;
    struct thaw_observer observer;
    struct thaw_trainer *trainer;

    /* of the source */
    struct thaw_epoch_request request;
    size_t next;
    int passes, decoded; /* how often pictures were asked for; how many were made */
    int changed;         /* added to the content of training image 5 */
    int poisoned;        /* epoch (over all stages) whose images are no numbers; -1: none */
    int misled_from; /* epoch from which validation has wrong labels, so that it gets worse; -1 */

    /* of the observer */
    int updates, stop_at;     /* stops after so many batches; 0: never */
    float *after[RIG_EPOCHS]; /* weights after each epoch */
    int n_after;
    int notes;
    char note[300]; /* the last */
};

/* AdamW, batch 8, keep best with rollback; change options before rig_start. False after an error
 * was printed. */
bool rig_init(struct rig *rig, const char *stages);
bool rig_start(struct rig *rig);
int rig_run(struct rig *rig, struct thaw_error *err);
void rig_release(struct rig *rig);

/* Writes the state of a run that was stopped. */
void rig_save(const struct rig *rig, const char *path);

/* Are these the graph's weights, bit for bit? */
bool rig_holds(const struct rig *rig, const float *weights);

#endif
