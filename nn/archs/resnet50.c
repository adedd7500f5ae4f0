#include "nn/archs/build_resnet.h"

static const struct thaw_resnet variant = {.style = &thaw_resnet_style, .blocks = {3, 4, 6, 3}};

const struct thaw_arch thaw_arch_resnet50 = {
    .name = "resnet50",
    .variant = &variant,
    .preprocess = "caffe",
    .size = 224,
    .build = thaw_resnet_build,
    .matches = thaw_resnet_matches,
    .blocks = thaw_resnet_blocks,
};
