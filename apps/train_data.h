/* The images of a training run: found, checked, divided, handed to the trainer in batches. */
#ifndef THAW_APPS_TRAIN_DATA_H
#define THAW_APPS_TRAIN_DATA_H

#include "apps/say.h"
#include "apps/train_options.h"
#include "nn/train.h"
#include "vision/dataset.h"
#include "vision/loader.h"
#include "vision/parts.h"
#include "vision/preprocess.h"
#include "vision/probe.h"
#include "vision/sampler.h"

/* Training or validation images. */
struct thaw_train_side {
    struct thaw_dataset data;
    struct thaw_probe probe;
    struct thaw_cache *cache;
    struct thaw_loader *loader;
    bool augmented;                 /* by this loader */
    size_t *all, *order;            /* [data.n] */
    uint32_t *turns, *counts;       /* [data.n] each, of a balanced order; else NULL */
    char (*hashes)[THAW_HASH_TEXT]; /* [data.n], of the files */
};

struct thaw_train_data {
    struct thaw_parts parts;
    struct thaw_train_side train, val;
    size_t test_images; /* counted, never used */
    bool own_split;     /* Thaw divided the images itself */
    size_t looking;     /* bytes that looking for copies took, beside decoding; 0: not done */
    size_t leaks;       /* validation images that look like training images */
    char *copies;       /* sentence on images kept together because they look alike, or NULL */
    char *groups;       /* sentence on how groups were found; NULL: none */
    char hash[THAW_HASH_TEXT]; /* of all files of both sides, with their names */
    struct thaw_augment augment;
    size_t room; /* bytes for decoded images; set before thaw_train_data_look */
    struct thaw_preprocess preprocess; /* of the loaders */
    uint64_t seed;
    size_t batch;
    bool balanced; /* training images are drawn evenly from the classes */
    struct thaw_strata strata;
    int ahead;                        /* batches in memory */
    double looked;                    /* seconds that looking at every file took */
    struct thaw_loader_times loading; /* of loaders that are gone */
    /* The epoch at hand: from a loader, or (NULL) ids and labels of order[n] from `next` on. */
    struct thaw_loader *reading;
    const struct thaw_train_side *side;
    const size_t *order;
    const uint32_t *turns; /* of the images of a balanced order; else NULL */
    size_t n, next;
    int *labels;    /* [batch] */
    float *targets; /* [batch][classes] by label, else NULL */
};

/* Lists and divides the images of a folder or a table. The caller releases, also after an error. */
int thaw_train_data_list(struct thaw_train_data *d, const char *root,
                         const struct thaw_train_values *v, struct thaw_say *say,
                         struct thaw_error *err);

/* All images that may be learnt from, in groups and not divided: those of train and val that can be
 * read, in d->train.data. The caller releases, also after an error. */
int thaw_train_data_gather(struct thaw_train_data *d, const char *root,
                           const struct thaw_train_values *v, struct thaw_say *say,
                           struct thaw_error *err);
/* In place of thaw_train_data_list: those of gathered images that are marked
 * (take[all->train.data.n]), divided as ever. */
int thaw_train_data_take(struct thaw_train_data *d, const struct thaw_train_data *all,
                         const bool *take, const struct thaw_train_values *v,
                         struct thaw_error *err);

/* Looks at every file. `preprocess` gets the intensity of deep scans, unless options set it. */
int thaw_train_data_look(struct thaw_train_data *d, const struct thaw_train_values *v,
                         struct thaw_preprocess *preprocess, struct thaw_say *say,
                         struct thaw_error *err);
/* Opens caches of d->room bytes for decoded images; part of thaw_train_data_look. */
int thaw_train_data_cache(struct thaw_train_data *d, struct thaw_error *err);
void thaw_train_data_release(struct thaw_train_data *d);

/* Batches of an opened data set; `source` is good as long as `d` stays where it is. */
int thaw_train_data_source(struct thaw_train_data *d, const struct thaw_train_values *v,
                           const struct thaw_preprocess *preprocess,
                           struct thaw_batch_source *source, struct thaw_error *err);

/* thaw_batch_source's identify(); ctx is the struct thaw_train_data. */
int thaw_train_data_identify(void *ctx, bool training, int view,
                             struct thaw_source_identity *identity, struct thaw_error *err);

/* Adds what loading has cost so far. */
void thaw_train_data_times(struct thaw_train_data *d, struct thaw_loader_times *times);

/* Gives the loaders' memory back until the next batch is asked for. */
void thaw_train_data_rest(struct thaw_train_data *d);
/* What --leaks asks for, between two given sides and before one folder is divided (where it puts
 * images that look alike into groups). */
int thaw_train_leaks_between(struct thaw_train_data *d, const struct thaw_train_values *v,
                             struct thaw_say *say, struct thaw_error *err);
int thaw_train_leaks_group(struct thaw_train_data *d, const struct thaw_train_values *v,
                           struct thaw_say *say, struct thaw_error *err);

/* Draws the first batch of the first epoch. After thaw_train_data_source. */
int thaw_train_data_draw(struct thaw_train_data *d, const char *path, struct thaw_error *err);

/* split.csv: file,class,side,group of every image. */
int thaw_train_data_save_split(const struct thaw_train_data *d, const char *path,
                               struct thaw_error *err);

/* "data" of run.json; a new reference, or NULL when out of memory. */
json_t *thaw_train_data_json(const struct thaw_train_data *d);

#endif
