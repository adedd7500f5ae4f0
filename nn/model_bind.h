/* Tensors of a Keras file to weights of a graph: what both ways of binding share. Inside nn only.
 */
#ifndef THAW_NN_MODEL_BIND_H
#define THAW_NN_MODEL_BIND_H

#include "nn/model_config.h"

/* The weights that one group of the file must hold, in its order. */
struct thaw_want {
    const char *layer; /* name as in the file */
    const struct thaw_node *node;
    struct thaw_param *param;
};
struct thaw_wants {
    struct thaw_want *items;
    size_t n, capacity;
};
int thaw_wants_add(struct thaw_wants *wants, const struct thaw_node *node, struct thaw_param *param,
                   const char *layer, struct thaw_error *err);
void thaw_wants_release(struct thaw_wants *wants);

/* All that does not fit, as far as one error text holds it. */
struct thaw_problems {
    char text[860];
    int n, shown;
};
void thaw_problem(struct thaw_problems *problems, const char *text);
int thaw_problems_fail(const struct thaw_problems *problems, struct thaw_error *err); /* 0: none */

struct thaw_bound {
    size_t tensors, values, renamed;
};
void thaw_bound_note(const struct thaw_bound *bound, size_t layers, struct thaw_model_notes *notes);

/* Reads a group's tensors into the wanted weights by position; what does not fit goes to
 * `problems`. -1 when a tensor cannot be read. */
int thaw_bind_group(const struct thaw_wants *wants, const char *layer,
                    const struct thaw_keras_group *group, struct thaw_problems *problems,
                    struct thaw_bound *bound, struct thaw_error *err);

#endif
