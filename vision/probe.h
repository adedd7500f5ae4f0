/* One look at every file before the work begins: what cannot be read is found now, not in the
 * middle of an epoch. */
#ifndef THAW_VISION_PROBE_H
#define THAW_VISION_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "io/base/error.h"
#include "vision/cache.h"
#include "vision/dataset.h"
#include "vision/preprocess.h"

struct thaw_bad_file {
    char *path;
    char *reason; /* without the path */
};

/* The samples of an image that stayed, where they are deep (more than 8 bits, or float) or come
 * with a window. */
struct thaw_probe_samples {
    bool deep, real; /* real: float */
    bool window;     /* the file states one */
    float ends[2];   /* of a deep image: smallest and largest sample */
    float inner[2];  /* of a deep image: at the record's percentiles */
};

struct thaw_probe {
    size_t files;              /* looked at, and rows of a table that gave no image */
    struct thaw_bad_file *bad; /* those rows, then files in the order of the data set */
    size_t n_bad;
    struct thaw_probe_samples *samples;               /* [images that stayed] */
    size_t n_deep, n_grey;                            /* of those that stayed */
    int min_width, max_width, min_height, max_height; /* as decoded; after EXIF orientation */
    size_t work;                                      /* most bytes that decoding one image held */
};

/* Part of the files that may be bad, rounded up, unless the user says otherwise. */
#define THAW_PROBE_LIMIT 0.05

struct thaw_probe_options {
    double limit; /* part of the files that may be bad, rounded up; 1 = all of them */
    /* NULL, or made for this data set: gets the pictures, except deep ones and those with a window,
     * whose intensity follows from this look. */
    struct thaw_cache *cache;
    /* NULL, or called after each file, by any thread but one at a time; other than 0 stops the look
     * with THAW_ESTOPPED. */
    int (*progress)(void *ctx, size_t done, size_t files);
    void *ctx;
};

/* Decodes and fits every image with all threads, without the record's intensity mattering.
 * Images that cannot be read are dropped from `data` and the cache and listed. More than the limit,
 * a class that loses all its images, and no image at all are errors. The caller releases; after an
 * error the probe still holds the list of bad files and `data` is as before. */
int thaw_probe_dataset(struct thaw_probe *probe, struct thaw_dataset *data,
                       const struct thaw_preprocess *preprocess,
                       const struct thaw_probe_options *options, struct thaw_error *err);
void thaw_probe_release(struct thaw_probe *probe);

/* What these images (e.g. the training side) say together. */
struct thaw_probe_summary {
    size_t deep, windows; /* images that are deep; that state a window */
    bool real;            /* one of the deep is float */
    float ends[2];        /* smallest and largest sample of the deep images */
    float inner[2];       /* medians of their samples at the record's percentiles */
};
int thaw_probe_sum_up(const struct thaw_probe *probe, const size_t *items, size_t n,
                      struct thaw_probe_summary *sum, struct thaw_error *err);

#endif
