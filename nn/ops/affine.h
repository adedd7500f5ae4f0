/* Folding an affine operation into the linear map before it, and the way back for gradients. */
#ifndef THAW_NN_OPS_AFFINE_H
#define THAW_NN_OPS_AFFINE_H

#include "nn/ops.h"

/* The parameters of an affine operation and of batch norm, in order. */
enum { THAW_AFFINE_GAMMA, THAW_AFFINE_BETA, THAW_AFFINE_MEAN, THAW_AFFINE_VARIANCE };

/* y = k x + b: k = gamma / s, b = beta - mean k, s = sqrt(variance + epsilon); or the constants.
 * k, b [channels]. */
void thaw_affine_fold(const struct thaw_op *affine, int channels, float *k, float *b);

/* From the gradients of k and b ([channels] each): dgamma = (dk - mean db) / s, dbeta = db. dgamma
 * and dbeta may be NULL, and may be dk and db themselves. */
void thaw_affine_gradients(const struct thaw_op *affine, int channels, const float *dk,
                           const float *db, float *dgamma, float *dbeta);

/* 1 / s of channel c, never above 1e7 (Keras' Normalization has no epsilon and stops there); 1
 * without a variance. */
double thaw_affine_inverse(const struct thaw_op *affine, double epsilon, int c);

#endif
