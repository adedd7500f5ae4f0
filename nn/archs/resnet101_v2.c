#include "nn/archs/build_resnet_v2.h"

static const struct thaw_resnet_v2 variant = {{3, 4, 23, 3}};

const struct thaw_arch thaw_arch_resnet101_v2 = {
    .name = "resnet101_v2",
    .variant = &variant,
    .preprocess = "tf",
    .size = 224,
    .build = thaw_resnet_v2_build,
    .matches = thaw_resnet_v2_matches,
    .blocks = thaw_resnet_v2_blocks,
};
