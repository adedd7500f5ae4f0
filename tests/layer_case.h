/* One example of a layer kind, made ready to run: a network of one input that feeds the layer, with
 * the inputs and weights that tests/refs/make_layers.py uses. */
#ifndef THAW_TESTS_LAYER_CASE_H
#define THAW_TESTS_LAYER_CASE_H

#include "nn/exec.h"

enum { LAYER_SAMPLES = 2 };

struct layer_case {
    const struct thaw_layer_kind *kind;
    json_t *example;
    struct thaw_graph *graph;
    int node;      /* of the layer */
    float *x;      /* [LAYER_SAMPLES] of the graph's input */
    size_t x_size; /* floats of one sample of it */
    size_t y_size; /* and of the output */
};

/* (Again) the inputs and weights: batch statistics change the moving ones. */
void layer_case_fill(struct layer_case *c);

/* Uniform in [0, 1): a hash of the position and the stream. */
float layer_case_value(size_t i, unsigned stream);

/* Calls test() with every example of every kind that a network can hold; prints those for which it
 * returns false. Returns how many there were, -1 when one failed. */
int layer_case_each(bool (*test)(struct layer_case *c, struct thaw_error *err));

/* A plan with its executor for n samples at once. */
struct layer_run {
    struct thaw_plan *plan;
    struct thaw_exec *exec;
};
int layer_run_init(struct layer_run *run, struct layer_case *c,
                   const struct thaw_plan_options *options, int n, struct thaw_error *err);
void layer_run_release(struct layer_run *run);

/* Forward of the case's samples with its present weights; y [LAYER_SAMPLES * y_size]. */
int layer_run_forward(struct layer_run *run, struct layer_case *c, bool training, float *y,
                      struct thaw_error *err);

#endif
