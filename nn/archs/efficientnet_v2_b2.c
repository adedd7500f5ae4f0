#include "nn/archs/build_efficientnet_v2.h"

static const struct thaw_efficientnet_v2 variant = {.stem = 32,
                                                    .top = 1408,
                                                    .repeats = {2, 3, 3, 4, 6, 10},
                                                    .channels = {16, 32, 56, 104, 120, 208},
                                                    .standardises = true};

const struct thaw_arch thaw_arch_efficientnet_v2_b2 = {
    .name = "efficientnet_v2_b2",
    .variant = &variant,
    .preprocess = "torch",
    .size = 260,
    .build = thaw_efficientnet_v2_build,
    .matches = thaw_efficientnet_v2_matches,
    .blocks = thaw_efficientnet_v2_blocks,
};
