#include "nn/archs/build_efficientnet.h"

static const struct thaw_efficientnet variant = {.width = 1.1, .depth = 1.2, .dropout = 0.3};

const struct thaw_arch thaw_arch_efficientnet_b2 = {
    .name = "efficientnet_b2",
    .variant = &variant,
    .preprocess = "torch",
    .size = 260,
    .build = thaw_efficientnet_build,
    .matches = thaw_efficientnet_matches,
    .read = thaw_efficientnet_read,
    .blocks = thaw_efficientnet_blocks,
};
