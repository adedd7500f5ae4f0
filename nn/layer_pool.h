/* What the pooling layers share. */
#ifndef THAW_NN_LAYER_POOL_H
#define THAW_NN_LAYER_POOL_H

#include "nn/layer_conf.h"

struct thaw_pool_conf {
    int pool[2];
    int strides[2]; /* -1: as the window */
    int same;
};
extern const struct thaw_field thaw_pool_fields[];
int thaw_pool_infer(const void *conf, const struct thaw_shape *in, int n_in, struct thaw_shape *out,
                    struct thaw_param params[THAW_MAX_PARAMS], int *n_params,
                    struct thaw_error *err);
int thaw_pool_lower(struct thaw_lowering *lowering, const struct thaw_node *node, bool max,
                    const int *in, int n_in, int *out, struct thaw_error *err);

/* The configuration is one bool: keepdims. */
extern const struct thaw_field thaw_global_pool_fields[];
int thaw_global_pool_infer(const void *conf, const struct thaw_shape *in, int n_in,
                           struct thaw_shape *out, struct thaw_param params[THAW_MAX_PARAMS],
                           int *n_params, struct thaw_error *err);
int thaw_global_pool_lower(struct thaw_lowering *lowering, const struct thaw_node *node, bool max,
                           const int *in, int n_in, int *out, struct thaw_error *err);

#endif
