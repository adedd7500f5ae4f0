#include "nn/archs/build_vgg.h"

static const struct thaw_vgg variant = {.convs = {2, 2, 3, 3, 3}};

const struct thaw_arch thaw_arch_vgg16 = {
    .name = "vgg16",
    .variant = &variant,
    .preprocess = "caffe",
    .size = 224,
    .build = thaw_vgg_build,
    .matches = thaw_vgg_matches,
    .blocks = thaw_vgg_blocks,
};
