/* What numbers the trainer settled on for a stage. */
#ifndef THAW_NN_SETTLED_H
#define THAW_NN_SETTLED_H

#include "nn/mixed.h"

enum { THAW_SAMPLE = 64 }; /* training images: half calibrate, half judge */

/* What a stage's frozen part computes in, and how far the features of each precision that was tried
 * are from those of float32 (root mean square, relative); NAN: not tried. */
struct thaw_settled {
    enum thaw_precision precision;
    enum thaw_precision trained; /* what trains computes in */
    int at_once; /* images of it, where that has changed since the stage began; 0: it has not */
    double drift[THAW_PRECISIONS];
    double mixed_drift;  /* of int8 with some convolutions higher; NAN: not tried, or none keeps to
                            THAW_DRIFT_LIMIT */
    size_t convolutions; /* layers among which the mixture was sought */
    const int *higher;   /* nodes of the graph that stay higher, while the stage is open */
    size_t n_higher;
    const struct thaw_graph *graph;
};

#endif
