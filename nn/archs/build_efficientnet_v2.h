/* EfficientNetV2 (Tan & Le, arXiv:2104.00298) with the names of keras
 * applications/efficientnet_v2.py, and the layers in front that turn 0..255 into what the first
 * convolution wants. */
#ifndef THAW_NN_ARCHS_BUILD_EFFICIENTNET_V2_H
#define THAW_NN_ARCHS_BUILD_EFFICIENTNET_V2_H

#include "nn/archs/build.h"

enum { THAW_EFFICIENTNET_V2_STAGES = 7 };

struct thaw_efficientnet_v2 { /* the variant */
    int stem, top;
    int repeats[THAW_EFFICIENTNET_V2_STAGES], channels[THAW_EFFICIENTNET_V2_STAGES]; /* 0: none */
    bool standardises; /* in front: by ImageNet's mean and deviation, else to -1 .. 1 */
};

struct thaw_graph *thaw_efficientnet_v2_build(const struct thaw_arch *arch,
                                              const struct thaw_arch_options *options,
                                              struct thaw_error *err);
bool thaw_efficientnet_v2_matches(const struct thaw_arch *arch,
                                  const struct thaw_arch_layers *layers);
extern const char *const thaw_efficientnet_v2_blocks[];

#endif
