#include "nn/archs/build_efficientnet.h"

static const struct thaw_efficientnet variant = {.width = 1.4, .depth = 1.8, .dropout = 0.4};

const struct thaw_arch thaw_arch_efficientnet_b4 = {
    .name = "efficientnet_b4",
    .variant = &variant,
    .preprocess = "torch",
    .size = 380,
    .build = thaw_efficientnet_build,
    .matches = thaw_efficientnet_matches,
    .read = thaw_efficientnet_read,
    .blocks = thaw_efficientnet_blocks,
};
