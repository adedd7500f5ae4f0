#include "nn/archs/build_vgg.h"

static const struct thaw_vgg variant = {.convs = {2, 2, 4, 4, 4}};

const struct thaw_arch thaw_arch_vgg19 = {
    .name = "vgg19",
    .variant = &variant,
    .preprocess = "caffe",
    .size = 224,
    .build = thaw_vgg_build,
    .matches = thaw_vgg_matches,
    .blocks = thaw_vgg_blocks,
};
