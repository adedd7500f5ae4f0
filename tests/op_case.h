/* One operation by itself, without plan and executor: forward against a reference in double, and
 * every gradient against central differences of that reference. */
#ifndef THAW_TESTS_OP_CASE_H
#define THAW_TESTS_OP_CASE_H

#include "nn/ops.h"

enum { OP_MOST_IN = 3 };

struct op_case {
    const struct thaw_op_kind *kind;
    const void *conf;
    struct thaw_shape in[OP_MOST_IN], out;
    int n_in, n;
    size_t params[THAW_MAX_PARAMS]; /* elements, 0 = absent; the fourth one is made positive */
    struct thaw_act act;            /* folded in */
    bool training;
    /* All arrays [n,H,W,C]. */
    void (*reference)(const struct op_case *c, const double *const *in, const double *const *params,
                      double *out);
};

/* Gradients of the first two parameters are wanted. The machine's block is 16, 8, 1, or 0 for one
 * block that holds all channels. Asserts: values, gradients, zeros beyond C, equal bits with one
 * and with three threads, gradients that add up over micro-batches, and that nothing is read that
 * reads() does not name. */
void op_check(const struct op_case *c, int block);

struct thaw_shape op_vector(int c);
struct thaw_shape op_picture(int h, int w, int channels);

/* The activations of nn/act.c written again, in double. */
struct op_act {
    const char *name;
    double (*f)(double x);
};
extern const struct op_act op_acts[]; /* ends with a NULL name */

#endif
