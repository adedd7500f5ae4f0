/* Pointwise activation functions: formulas of keras-team/keras activations.py, by name. */
#ifndef THAW_NN_ACT_H
#define THAW_NN_ACT_H

#include <stdbool.h>
#include <stddef.h>

#include "io/base/error.h"

/* Steps that a primitive can run as a post-op; the engine's neutral names. y = f(x; alpha, beta).
 */
enum thaw_eltwise_kind {
    THAW_ELTWISE_RELU, /* x > 0 ? x : alpha x */
    THAW_ELTWISE_CLIP, /* min(max(x, alpha), beta); gradient 0 at both ends, as Keras' ReLU6 */
    THAW_ELTWISE_ELU,  /* x > 0 ? x : alpha (e^x - 1) */
    THAW_ELTWISE_LOGISTIC,
    THAW_ELTWISE_TANH,
    THAW_ELTWISE_SWISH, /* x / (1 + e^(-alpha x)) */
    THAW_ELTWISE_GELU_ERF,
    THAW_ELTWISE_GELU_TANH,
    THAW_ELTWISE_SOFTPLUS,  /* log(1 + e^x) */
    THAW_ELTWISE_HARDSWISH, /* x relu6(x + 3) / 6 */
    THAW_ELTWISE_EXP,
    THAW_ELTWISE_MISH,
    THAW_ELTWISE_LINEAR /* alpha x + beta */
};
struct thaw_eltwise {
    enum thaw_eltwise_kind kind;
    float alpha, beta;
};

struct thaw_act;

struct thaw_act_kind {
    const char *name;           /* Keras' name of the activation; "hard_sigmoid" is Keras 2's,
                                   "hard_sigmoid_3" Keras 3's */
    const char *const *aliases; /* "silu" for "swish"; may be NULL */
    float (*forward)(float x, const struct thaw_act *act);
    /* dy/dx from y when from_output, else from x. */
    float (*slope)(float value, const struct thaw_act *act);
    bool (*from_output)(const struct thaw_act *act); /* NULL = never */
    /* Fills up to 2 steps and returns their number; 0 = no primitive does it with these numbers. */
    int (*chain)(const struct thaw_act *act, struct thaw_eltwise chain[2]);
};

/* kind NULL is the identity. Parameters that a kind does not have are 0. */
struct thaw_act {
    const struct thaw_act_kind *kind;
    float slope;     /* relu: below the threshold; elu: alpha */
    float max;       /* relu: upper bound, INFINITY = none */
    float threshold; /* relu */
};

/* By Keras' name ("relu", "swish", "linear", ...) with that name's standard numbers. "softmax" is
 * no pointwise function and is not found here. Unknown names list the known ones. */
int thaw_act_find(struct thaw_act *act, const char *name, struct thaw_error *err);
const char *thaw_act_name(const struct thaw_act *act); /* "linear" for the identity */

bool thaw_act_from_output(const struct thaw_act *act); /* true for the identity */
int thaw_act_chain(const struct thaw_act *act, struct thaw_eltwise chain[2]);

#endif
