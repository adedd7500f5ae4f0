/* DenseNet (Huang et al., arXiv:1608.06993) with the names of keras applications/densenet.py. */
#ifndef THAW_NN_ARCHS_BUILD_DENSENET_H
#define THAW_NN_ARCHS_BUILD_DENSENET_H

#include "nn/archs/build.h"

struct thaw_densenet { /* the variant */
    int layers[4];     /* of each dense block */
    int growth, stem;  /* channels; 0: 32 and 64, as all in Keras */
};

struct thaw_graph *thaw_densenet_build(const struct thaw_arch *arch,
                                       const struct thaw_arch_options *options,
                                       struct thaw_error *err);
bool thaw_densenet_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers);
extern const char *const thaw_densenet_blocks[];

#endif
