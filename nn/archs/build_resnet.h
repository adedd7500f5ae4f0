/* ResNet-50 (He et al., arXiv:1512.03385), the stride on the first 1x1 convolution, in the two
 * generations of names and epsilons that Keras has given the same file name. */
#ifndef THAW_NN_ARCHS_BUILD_RESNET_H
#define THAW_NN_ARCHS_BUILD_RESNET_H

#include "nn/archs/build.h"

struct thaw_resnet_style {
    const char *name;
    double epsilon;
    const char *stem_norm, *stem_relu, *classifier;
    /* Writes the name of a layer of block `block` (0 ..) of stage `stage` (2 .. 5). part 0 is the
     * shortcut, 1 .. 3 the convolutions, 4 the sum, 5 the activation after it. */
    void (*layer)(char name[48], int stage, int block, int part, const char *kind);
};

struct thaw_graph *thaw_build_resnet50(const struct thaw_resnet_style *style,
                                       const struct thaw_arch_options *options,
                                       struct thaw_error *err);

#endif
