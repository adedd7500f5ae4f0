/* MobileNetV2 (Sandler et al., arXiv:1801.04381) with the names of keras
 * applications/mobilenet_v2.py. */
#ifndef THAW_NN_ARCHS_BUILD_MOBILENET_V2_H
#define THAW_NN_ARCHS_BUILD_MOBILENET_V2_H

#include "nn/archs/build.h"

enum { THAW_MOBILENET_V2_STAGES = 7 };

struct thaw_mobilenet_v2 { /* widths and depths */
    int stem, top;
    int repeats[THAW_MOBILENET_V2_STAGES], channels[THAW_MOBILENET_V2_STAGES];
};

struct thaw_graph *thaw_mobilenet_v2_build(const struct thaw_mobilenet_v2 *net,
                                           const struct thaw_arch *arch,
                                           const struct thaw_arch_options *options,
                                           struct thaw_error *err);

#endif
