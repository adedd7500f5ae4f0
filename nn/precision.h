/* In which numbers a network without backward computes: weights and activations of its
 * convolutions. Input and output of a plan are float32 whatever is chosen. */
#ifndef THAW_NN_PRECISION_H
#define THAW_NN_PRECISION_H

#include <stddef.h>

#include "nn/graph.h"

enum thaw_precision { THAW_F32, THAW_BF16, THAW_INT8, THAW_PRECISIONS };

const char *thaw_precision_name(enum thaw_precision precision); /* "f32", "bf16", "int8" */
/* -1 with an error that lists the names. */
int thaw_precision_find(const char *name, struct thaw_error *err);
/* NULL: this machine computes fast in it. Else what it lacks, in words. (Without
 * VNNI oneDNN's 8-bit products saturate, and results would be wrong, not only slow.) */
const char *thaw_precision_lacks(enum thaw_precision precision);
/* What to compute in where `precision` would do: the fastest of this machine that is no less exact.
 * That is float32 in the place of bf16 where the machine lacks bf16 or multiplies it more slowly
 * than float32, and else `precision` itself. */
enum thaw_precision thaw_precision_for(enum thaw_precision precision);

/* What the values of a network are on real pictures. From the ends int8 takes its scales; from the
 * means biases are corrected for what rounding does to the weights (Nagel et al. 2019, "Data-free
 * quantization through weight equalization and bias correction", section 4.2). A node may make
 * several values; `part` counts them. */
struct thaw_range {
    int node, part;
    float low, high; /* low <= 0 <= high */
    int channels;
    float *mean; /* [channels] */
};
struct thaw_ranges {
    struct thaw_range *list;
    size_t n;
    /* Nodes whose convolutions int8 does not suit (nn/mixed.h): a plan in int8 runs them in
     * thaw_precision_for(THAW_BF16). Owned. */
    int *higher;
    size_t n_higher;
};

/* Runs `count` pictures x [count,H,W,C] (preprocessed) through the network in float32, up to node
 * `last` (-1: all), and notes what every value between convolutions reaches. Release with
 * thaw_ranges_release. */
int thaw_calibrate(struct thaw_graph *graph, int last, const float *x, size_t count,
                   struct thaw_ranges *ranges, struct thaw_error *err);
void thaw_ranges_release(struct thaw_ranges *ranges);
void thaw_ranges_keep_none(struct thaw_ranges *ranges); /* forgets `higher` */
/* NULL where it was not seen. */
const struct thaw_range *thaw_ranges_find(const struct thaw_ranges *ranges, int node, int part);

#endif
