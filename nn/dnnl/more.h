/* Pooling and single activation steps of oneDNN, in our own terms; see prim.h. */
#ifndef THAW_NN_DNNL_MORE_H
#define THAW_NN_DNNL_MORE_H

#include "nn/ops.h"

/* One activation step over `count` floats. Backward reads the output when from_output, else the
 * input. din may be dout. */
struct thaw_eltwise_prim;
struct thaw_eltwise_prim *thaw_eltwise_create(struct thaw_eltwise step, size_t count, bool backward,
                                              bool from_output, struct thaw_error *err);
void thaw_eltwise_free(struct thaw_eltwise_prim *prim);
size_t thaw_eltwise_scratch(const struct thaw_eltwise_prim *prim); /* bytes */
int thaw_eltwise_forward(struct thaw_eltwise_prim *prim, const float *in, float *out, void *scratch,
                         struct thaw_error *err);
int thaw_eltwise_backward(struct thaw_eltwise_prim *prim, const float *value, const float *dout,
                          float *din, void *scratch, struct thaw_error *err);

/* Pooling of n samples of rank 3. The workspace holds the places of the maxima from forward to
 * backward: 0 bytes without backward, and for the average. */
struct thaw_pool_prim;
struct thaw_pool_prim *thaw_pool_create(const struct thaw_pool *pool, const struct thaw_value *in,
                                        const struct thaw_value *out, int n, bool backward,
                                        struct thaw_error *err);
void thaw_pool_free(struct thaw_pool_prim *prim);
size_t thaw_pool_scratch(const struct thaw_pool_prim *prim);   /* bytes */
size_t thaw_pool_workspace(const struct thaw_pool_prim *prim); /* bytes */
int thaw_pool_forward(struct thaw_pool_prim *prim, const void *in, void *out, void *workspace,
                      void *scratch, struct thaw_error *err);
int thaw_pool_backward(struct thaw_pool_prim *prim, const void *dout, void *din, void *workspace,
                       void *scratch, struct thaw_error *err);

#endif
