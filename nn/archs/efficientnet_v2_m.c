#include "nn/archs/build_efficientnet_v2.h"

static const struct thaw_efficientnet_v2 variant = {.stem = 24,
                                                    .top = 1280,
                                                    .repeats = {3, 5, 5, 7, 14, 18, 5},
                                                    .channels = {24, 48, 80, 160, 176, 304, 512},
                                                    .standardises = false};

const struct thaw_arch thaw_arch_efficientnet_v2_m = {
    .name = "efficientnet_v2_m",
    .variant = &variant,
    .preprocess = "tf",
    .size = 480,
    .build = thaw_efficientnet_v2_build,
    .matches = thaw_efficientnet_v2_matches,
    .blocks = thaw_efficientnet_v2_blocks,
};
