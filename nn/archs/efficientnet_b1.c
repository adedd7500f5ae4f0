#include "nn/archs/build_efficientnet.h"

static const struct thaw_efficientnet variant = {.width = 1.0, .depth = 1.1, .dropout = 0.2};

const struct thaw_arch thaw_arch_efficientnet_b1 = {
    .name = "efficientnet_b1",
    .variant = &variant,
    .preprocess = "torch",
    .size = 240,
    .build = thaw_efficientnet_build,
    .matches = thaw_efficientnet_matches,
    .read = thaw_efficientnet_read,
    .blocks = thaw_efficientnet_blocks,
};
