#include "nn/archs/build_efficientnet.h"

static const struct thaw_efficientnet variant = {.width = 1.2, .depth = 1.4, .dropout = 0.3};

const struct thaw_arch thaw_arch_efficientnet_b3 = {
    .name = "efficientnet_b3",
    .variant = &variant,
    .preprocess = "torch",
    .size = 300,
    .build = thaw_efficientnet_build,
    .matches = thaw_efficientnet_matches,
    .read = thaw_efficientnet_read,
    .blocks = thaw_efficientnet_blocks,
};
