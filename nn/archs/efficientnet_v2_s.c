#include "nn/archs/build_efficientnet_v2.h"

static const struct thaw_efficientnet_v2 variant = {.stem = 24,
                                                    .top = 1280,
                                                    .repeats = {2, 4, 4, 6, 9, 15},
                                                    .channels = {24, 48, 64, 128, 160, 256},
                                                    .standardises = false};

const struct thaw_arch thaw_arch_efficientnet_v2_s = {
    .name = "efficientnet_v2_s",
    .variant = &variant,
    .preprocess = "tf",
    .size = 384,
    .build = thaw_efficientnet_v2_build,
    .matches = thaw_efficientnet_v2_matches,
    .blocks = thaw_efficientnet_v2_blocks,
};
