/* ConvNeXt (Liu et al., arXiv:2201.03545) with the names of keras applications/convnext.py, and the
 * norm in front that turns 0..255 into what the first convolution wants. */
#ifndef THAW_NN_ARCHS_BUILD_CONVNEXT_H
#define THAW_NN_ARCHS_BUILD_CONVNEXT_H

#include "nn/archs/build.h"

struct thaw_convnext { /* the variant */
    int depths[4], channels[4];
};

struct thaw_graph *thaw_convnext_build(const struct thaw_arch *arch,
                                       const struct thaw_arch_options *options,
                                       struct thaw_error *err);
bool thaw_convnext_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers);
extern const char *const thaw_convnext_blocks[], *const thaw_convnext_nested[];

#endif
