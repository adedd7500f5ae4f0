/* MobileNetV3 (Howard et al., arXiv:1905.02244) with the names of keras
 * applications/mobilenet_v3.py, and the layer in front that turns 0..255 into -1 .. 1. */
#ifndef THAW_NN_ARCHS_BUILD_MOBILENET_V3_H
#define THAW_NN_ARCHS_BUILD_MOBILENET_V3_H

#include "nn/archs/build.h"

struct thaw_mobilenet_v3_block {
    double expansion;
    int filters, kernel, stride;
    bool squeezes, hard_swish;
};

struct thaw_mobilenet_v3 { /* the variant */
    const struct thaw_mobilenet_v3_block *blocks;
    int n_blocks, last; /* width of the layer before the classifier */
    bool minimalistic;  /* 3x3 kernels, ReLU and no squeezing throughout */
};

extern const struct thaw_mobilenet_v3_block thaw_mobilenet_v3_large[15],
    thaw_mobilenet_v3_small[11];

struct thaw_graph *thaw_mobilenet_v3_build(const struct thaw_arch *arch,
                                           const struct thaw_arch_options *options,
                                           struct thaw_error *err);
bool thaw_mobilenet_v3_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers);
/* The width multiplier of layers that match. */
float thaw_mobilenet_v3_alpha(const struct thaw_arch_layers *layers);
void thaw_mobilenet_v3_read(const struct thaw_keras_file *file, struct thaw_arch_options *options);
extern const char *const thaw_mobilenet_v3_blocks[];

#endif
