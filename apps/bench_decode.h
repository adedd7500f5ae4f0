/* How fast this machine turns files into what a network takes: part of thaw bench. */
#ifndef THAW_APPS_BENCH_DECODE_H
#define THAW_APPS_BENCH_DECODE_H

#include "apps/model_file.h"

struct thaw_bench_decoding {
    size_t images; /* of a timed round; 0: not measured */
    double seconds, fastest, slowest;
    const char *from; /* what was decoded; why nothing was, when images is 0 */
};

/* Files are read, decoded, resized and normalised with all threads, as in training; the median of
 * `repeats` rounds, after one that is not counted (files come from the page cache). `folder`: where
 * to take images from, NULL: a picture drawn here. */
int thaw_bench_decode(const struct thaw_model_file *m, const char *folder, int repeats,
                      struct thaw_bench_decoding *d, struct thaw_error *err);

#endif
