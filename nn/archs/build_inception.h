/* What Inception v3 and Inception-ResNet v2 have in common, in keras applications. */
#ifndef THAW_NN_ARCHS_BUILD_INCEPTION_H
#define THAW_NN_ARCHS_BUILD_INCEPTION_H

#include "nn/archs/build.h"

/* Convolution without bias, norm without gamma, ReLU, under Keras' automatic names or (name not
 * NULL) NAME, NAME_bn, NAME_ac. Returns the node. flags: THAW_SAME. */
int thaw_inception_unit(struct thaw_build *b, const char *name, int filters, int rows, int cols,
                        int stride, unsigned flags);
/* The same from another node, unnamed, stride 1 and padded; for branches. */
int thaw_inception_branch(struct thaw_build *b, int from, int filters, int rows, int cols);

/* Up to the first join. */
void thaw_inception_stem(struct thaw_build *b);

/* Pooling from `from`: 3x3, stride 1, padded, average; or stride 2, unpadded, maximum. */
int thaw_inception_average(struct thaw_build *b, int from);
int thaw_inception_maximum(struct thaw_build *b, int from);

/* Branches of 1x1 (`first` channels), 5x5, twice 3x3, and an average that becomes `pooled`
 * channels; joined. */
void thaw_inception_module_35(struct thaw_build *b, const char *name, int first, int pooled);

#endif
