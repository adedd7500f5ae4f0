#include "nn/archs/build_efficientnet_lite.h"

static const struct thaw_lite variant = {.width = 1.0, .depth = 1.1};

const struct thaw_arch thaw_arch_efficientnet_lite1 = {
    .name = "efficientnet_lite1",
    .variant = &variant,
    .preprocess = "lite",
    .size = 240,
    .build = thaw_lite_build,
    .matches = thaw_lite_matches,
    .blocks = thaw_lite_blocks,
};
