/* Mixed precision: which convolutions of a network stay above int8, where its features would move
 * too far from float32's with all of them in int8. */
#ifndef THAW_NN_MIXED_H
#define THAW_NN_MIXED_H

#include "nn/plan.h"

/* How far features may be from those of float32 (thaw_judge_drift). */
#define THAW_DRIFT_LIMIT 0.1

/* Pictures by which precisions are judged, and what the network makes of them in float32. */
struct thaw_judge {
    struct thaw_graph *graph;
    int last;       /* node whose output is judged; -1: the graph's, before a softmax or sigmoid */
    const float *x; /* [n,H,W,C], preprocessed; borrowed */
    size_t n;       /* at least 1 */
    int most;       /* pictures at once at most; 0: as the engine chooses */
    int at_once;    /* from here on set by thaw_judge_init */
    size_t floats;  /* of a picture's output */
    float *wanted, *got; /* [n][floats] */
};

/* Runs the pictures in float32. Release also after an error. */
int thaw_judge_init(struct thaw_judge *judge, struct thaw_error *err);
void thaw_judge_release(struct thaw_judge *judge);

/* How far the outputs are from those of float32 when convolutions compute in a precision (with what
 * `ranges` keeps higher): the root mean square of the difference, relative to that of the
 * outputs. */
int thaw_judge_drift(struct thaw_judge *judge, enum thaw_precision precision,
                     const struct thaw_ranges *ranges, double *drift, struct thaw_error *err);

struct thaw_mixture {
    size_t convolutions; /* layers that have some; ranges->n_higher of them stay higher */
    double drift;        /* NAN: no mixture keeps the limit, none was made */
};

/* Sets ranges->higher so that int8, which alone drifts by more than `limit`, drifts by no more.
 * Beginning with all convolutions higher it puts back into int8 what can go back: halves, then
 * halves of what cannot go as a whole, the last layers first. One layer that spoils it all is found
 * in 2 log2(layers) + 1 trials or fewer; at most THAW_MIX_TRIALS are made, each of which runs the
 * judge's pictures. Of the mixtures that keep the limit the one that moves the fewest bytes is
 * taken, since conversions between precisions may cost more than int8 saves; where none moves a
 * tenth less than all higher, all stay higher. A pure function of network, ranges and pictures. */
enum { THAW_MIX_TRIALS = 16 };
int thaw_mix(struct thaw_judge *judge, double limit, struct thaw_ranges *ranges,
             struct thaw_mixture *mixture, struct thaw_error *err);

#endif
