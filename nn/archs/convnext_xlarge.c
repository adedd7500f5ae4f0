#include "nn/archs/build_convnext.h"

static const struct thaw_convnext variant = {.depths = {3, 3, 27, 3},
                                             .channels = {256, 512, 1024, 2048}};

const struct thaw_arch thaw_arch_convnext_xlarge = {
    .name = "convnext_xlarge",
    .variant = &variant,
    .preprocess = "torch",
    .size = 224,
    .build = thaw_convnext_build,
    .matches = thaw_convnext_matches,
    .blocks = thaw_convnext_blocks,
    .nested = thaw_convnext_nested,
};
