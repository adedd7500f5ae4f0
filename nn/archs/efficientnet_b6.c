#include "nn/archs/build_efficientnet.h"

static const struct thaw_efficientnet variant = {.width = 1.8, .depth = 2.6, .dropout = 0.5};

const struct thaw_arch thaw_arch_efficientnet_b6 = {
    .name = "efficientnet_b6",
    .variant = &variant,
    .preprocess = "torch",
    .size = 528,
    .build = thaw_efficientnet_build,
    .matches = thaw_efficientnet_matches,
    .read = thaw_efficientnet_read,
    .blocks = thaw_efficientnet_blocks,
};
