/* A model ready to run: plan and executor of its inference, and what its outputs mean. */
#ifndef THAW_APPS_RUN_MODEL_H
#define THAW_APPS_RUN_MODEL_H

#include "apps/model_file.h"
#include "nn/team.h"
#include "vision/dataset.h"
#include "vision/loader.h"
#include "vision/probe.h"

enum thaw_answer {
    THAW_ANSWER_RAW,          /* the output of a node as it is */
    THAW_ANSWER_POOLED,       /* its mean over the sides */
    THAW_ANSWER_PROBABILITIES /* of n classes; their sum is 1, unless they are labels */
};

/* LABELS: several sigmoids, each a question of its own. */
enum thaw_top { THAW_TOP_SOFTMAX, THAW_TOP_LOGITS, THAW_TOP_SIGMOID, THAW_TOP_LABELS };

struct thaw_runner {
    const struct thaw_model_file *model; /* borrowed */
    struct thaw_plan *plan;
    struct thaw_team *team; /* made when it is known how many samples there are */
    int batch;              /* what it is for */
    bool spare_memory;      /* set after init: no speed for memory */
    enum thaw_answer answer;
    enum thaw_top top;     /* what the network's own output is, for probabilities */
    int classes;           /* of a row of probabilities; 2 for a single sigmoid */
    struct thaw_shape out; /* of a sample as the team gives it */
    float *room;           /* [batch, out] */

    /* What thaw_runner_dataset has cost: seconds in the team, and of the loader. */
    double computed;
    struct thaw_loader_times loading;
};

/* Makes the plan. Probabilities: a top without softmax gets one; a single sigmoid p becomes (1-p,
 * p); several are the probabilities of labels. Networks without a top are errors. The graph is
 * borrowed and must not change. */
int thaw_runner_init(struct thaw_runner *r, const struct thaw_model_file *m,
                     enum thaw_answer answer, int last, struct thaw_error *err);
/* Says on stderr what is done to the network's own output, where that is not nothing. */
void thaw_runner_tell(const struct thaw_runner *r);
void thaw_runner_release(struct thaw_runner *r);

/* Floats of one answer: classes, channels, or all of the node's output. */
size_t thaw_runner_width(const struct thaw_runner *r);

/* x [count,H,W,C] to y [count, width]. */
int thaw_runner_apply(struct thaw_runner *r, const float *x, size_t count, float *y,
                      struct thaw_error *err);

/* Images of a data set (all readable: see thaw_probe_dataset) through the network, in order, while
 * threads decode ahead. y [data->n, width]; `inputs` (NULL: not wanted) gets [data->n,H,W,C].
 * `cache` (NULL: none) as the loader takes it; `what` names the progress shown. */
int thaw_runner_dataset(struct thaw_runner *r, const struct thaw_dataset *data,
                        struct thaw_cache *cache, const char *what, float *y, float *inputs,
                        struct thaw_error *err);

#endif
