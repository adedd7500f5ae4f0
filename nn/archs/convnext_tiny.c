#include "nn/archs/build_convnext.h"

static const struct thaw_convnext variant = {.depths = {3, 3, 9, 3},
                                             .channels = {96, 192, 384, 768}};

const struct thaw_arch thaw_arch_convnext_tiny = {
    .name = "convnext_tiny",
    .variant = &variant,
    .preprocess = "torch",
    .size = 224,
    .build = thaw_convnext_build,
    .matches = thaw_convnext_matches,
    .blocks = thaw_convnext_blocks,
    .nested = thaw_convnext_nested,
};
