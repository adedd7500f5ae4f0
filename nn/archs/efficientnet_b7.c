#include "nn/archs/build_efficientnet.h"

static const struct thaw_efficientnet variant = {.width = 2.0, .depth = 3.1, .dropout = 0.5};

const struct thaw_arch thaw_arch_efficientnet_b7 = {
    .name = "efficientnet_b7",
    .variant = &variant,
    .preprocess = "torch",
    .size = 600,
    .build = thaw_efficientnet_build,
    .matches = thaw_efficientnet_matches,
    .read = thaw_efficientnet_read,
    .blocks = thaw_efficientnet_blocks,
};
