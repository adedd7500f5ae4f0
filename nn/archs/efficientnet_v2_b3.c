#include "nn/archs/build_efficientnet_v2.h"

static const struct thaw_efficientnet_v2 variant = {.stem = 40,
                                                    .top = 1536,
                                                    .repeats = {2, 3, 3, 5, 7, 12},
                                                    .channels = {16, 40, 56, 112, 136, 232},
                                                    .standardises = true};

const struct thaw_arch thaw_arch_efficientnet_v2_b3 = {
    .name = "efficientnet_v2_b3",
    .variant = &variant,
    .preprocess = "torch",
    .size = 300,
    .build = thaw_efficientnet_v2_build,
    .matches = thaw_efficientnet_v2_matches,
    .blocks = thaw_efficientnet_v2_blocks,
};
