#include "nn/archs/build_efficientnet_v2.h"

static const struct thaw_efficientnet_v2 variant = {.stem = 32,
                                                    .top = 1280,
                                                    .repeats = {2, 3, 3, 4, 6, 9},
                                                    .channels = {16, 32, 48, 96, 112, 192},
                                                    .standardises = true};

const struct thaw_arch thaw_arch_efficientnet_v2_b1 = {
    .name = "efficientnet_v2_b1",
    .variant = &variant,
    .preprocess = "torch",
    .size = 240,
    .build = thaw_efficientnet_v2_build,
    .matches = thaw_efficientnet_v2_matches,
    .blocks = thaw_efficientnet_v2_blocks,
};
