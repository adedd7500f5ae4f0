/* EfficientNet-Lite (Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow
 * blog 2020; EfficientNet: Tan & Le, arXiv:1905.11946): no squeeze-and-excitation, ReLU6, stem and
 * head of one width, first and last stage of one depth. Names after keras
 * applications/efficientnet.py. */
#ifndef THAW_NN_ARCHS_BUILD_EFFICIENTNET_LITE_H
#define THAW_NN_ARCHS_BUILD_EFFICIENTNET_LITE_H

#include "nn/archs/build.h"

struct thaw_lite { /* the variant */
    double width, depth;
};

struct thaw_graph *thaw_lite_build(const struct thaw_arch *arch,
                                   const struct thaw_arch_options *options, struct thaw_error *err);
bool thaw_lite_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers);

/* Blocks of a stage (0 .. 6). */
int thaw_lite_repeats(const struct thaw_lite *lite, int stage);

extern const char *const thaw_lite_blocks[];

#endif
