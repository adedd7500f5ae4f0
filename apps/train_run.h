/* The folder of a training run: its files, its checkpoint, what is shown while it runs. */
#ifndef THAW_APPS_TRAIN_RUN_H
#define THAW_APPS_TRAIN_RUN_H

#include "apps/progress.h"
#include "apps/say.h"
#include "apps/train_options.h"
#include "nn/train.h"

struct thaw_train_paths {
    char *folder;
    char *model;  /* where the user wants it */
    char *inside; /* the run's own model.h5; may be the same file */
    char *history, *record, *split, *log, *checkpoint;
    char *features; /* folder of files of features */
};

/* From --run, -o, or the names of data and backbone. Paths inside the data folder, and a model that
 * cannot be written, are errors. */
int thaw_train_paths_init(struct thaw_train_paths *p, const struct thaw_train_values *v,
                          const char *data, struct thaw_error *err);
/* Makes the folders and sees that the model can be written. */
int thaw_train_paths_make(const struct thaw_train_paths *p, struct thaw_error *err);
/* Once the model is saved: the run's folder holds it as well, as the same file under a second name
 * where that is possible. */
int thaw_train_paths_keep(const struct thaw_train_paths *p, struct thaw_error *err);
void thaw_train_paths_release(struct thaw_train_paths *p);

/* What a checkpoint must agree with, beside the options. */
struct thaw_train_identity {
    const char *data;          /* folder */
    const char *data_hash;     /* "": not known yet */
    const char *backbone_hash; /* "" for random weights */
};

struct thaw_train_data;

struct thaw_train_run {
    struct thaw_train_paths paths;
    struct thaw_say say;
    struct thaw_trainer *trainer; /* while it trains */
    struct thaw_train_data *data; /* its images */
    const struct thaw_stages *stages;
    json_t *checkpoint;   /* what every checkpoint holds beside the trainer's state */
    json_t *precisions;   /* what each stage's frozen part computed in */
    double every, saved;  /* seconds between checkpoints; when the last one was made */
    double begun, before; /* clock at the start; seconds of the run before it was resumed */
    struct thaw_progress bar;
    bool bar_open, bar_training, bar_caching;
    int bar_stage, bar_epoch;
    char bar_text[128];
    size_t images;       /* of an epoch, both sides */
    bool by_label;       /* figures have an AUC */
    double last_seconds; /* of the epoch before; 0 at first */
};

struct thaw_observer thaw_train_observer(struct thaw_train_run *run);

int thaw_train_save_checkpoint(struct thaw_train_run *run, struct thaw_error *err);

/* history.csv: one line per epoch. */
int thaw_train_save_history(const struct thaw_train_run *run, struct thaw_error *err);

/* What a checkpoint holds beside the trainer's state; a new reference. */
json_t *thaw_train_checkpoint_json(const struct thaw_train_values *v,
                                   const struct thaw_train_identity *identity,
                                   struct thaw_error *err);

/* Does the checkpoint belong to this program on this machine, this data and this backbone? Empty
 * hashes are not compared. The error names what differs. */
int thaw_train_checkpoint_check(const json_t *checkpoint,
                                const struct thaw_train_identity *identity, struct thaw_error *err);

/* Seconds since the run was begun, without pauses between resumptions. */
double thaw_train_seconds(const struct thaw_train_run *run);

#endif
