/* ResNet with norm and activation before the convolutions (He et al., arXiv:1603.05027) as keras
 * applications/resnet_v2.py builds it: the stride on the 3x3 convolution of a stage's last block,
 * whose shortcut is then every second pixel. */
#ifndef THAW_NN_ARCHS_BUILD_RESNET_V2_H
#define THAW_NN_ARCHS_BUILD_RESNET_V2_H

#include "nn/archs/build.h"

struct thaw_resnet_v2 { /* the variant */
    int blocks[4];      /* of stages 2 .. 5 */
};

struct thaw_graph *thaw_resnet_v2_build(const struct thaw_arch *arch,
                                        const struct thaw_arch_options *options,
                                        struct thaw_error *err);
bool thaw_resnet_v2_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers);
extern const char *const thaw_resnet_v2_blocks[];

#endif
