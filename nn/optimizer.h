/* Optimisers: one file each in optims/. */
#ifndef THAW_NN_OPTIMIZER_H
#define THAW_NN_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"

enum { THAW_MAX_SLOTS = 2 };

struct thaw_optimizer_options {
    float momentum; /* SGD; default 0.9 */
    bool nesterov;
    float beta1, beta2, epsilon; /* AdamW: 0.9, 0.999, 1e-8 */
};

/* One tensor's update. */
struct thaw_update {
    float *weights;
    const float *gradient;
    float *slots[THAW_MAX_SLOTS]; /* the optimiser's state, zero at first */
    size_t count;
    float rate;
    float decay; /* decoupled: weights *= 1 - rate * decay before the update; 0 for biases and norms
                  */
    uint32_t step; /* 1 at the first update */
};

struct thaw_optimizer {
    const char *name;
    const char *help;
    int slots;
    void (*apply)(const struct thaw_optimizer_options *options, const struct thaw_update *update,
                  size_t first, size_t last); /* elements first .. last-1 */
};

extern const struct thaw_optimizer *const thaw_optimizers[];
const struct thaw_optimizer *thaw_optimizer_find(const char *name, struct thaw_error *err);
struct thaw_optimizer_options thaw_optimizer_presets(void);

#endif
