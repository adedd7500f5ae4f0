#include "nn/archs/build_efficientnet.h"

static const struct thaw_efficientnet variant = {.width = 1.6, .depth = 2.2, .dropout = 0.4};

const struct thaw_arch thaw_arch_efficientnet_b5 = {
    .name = "efficientnet_b5",
    .variant = &variant,
    .preprocess = "torch",
    .size = 456,
    .build = thaw_efficientnet_build,
    .matches = thaw_efficientnet_matches,
    .read = thaw_efficientnet_read,
    .blocks = thaw_efficientnet_blocks,
};
