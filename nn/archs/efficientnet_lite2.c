#include "nn/archs/build_efficientnet_lite.h"

static const struct thaw_lite variant = {.width = 1.1, .depth = 1.2};

const struct thaw_arch thaw_arch_efficientnet_lite2 = {
    .name = "efficientnet_lite2",
    .variant = &variant,
    .preprocess = "lite",
    .size = 260,
    .build = thaw_lite_build,
    .matches = thaw_lite_matches,
    .blocks = thaw_lite_blocks,
};
