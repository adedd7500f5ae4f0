#include "nn/archs/build_efficientnet_v2.h"

static const struct thaw_efficientnet_v2 variant = {.stem = 32,
                                                    .top = 1280,
                                                    .repeats = {4, 7, 7, 10, 19, 25, 7},
                                                    .channels = {32, 64, 96, 192, 224, 384, 640},
                                                    .standardises = false};

const struct thaw_arch thaw_arch_efficientnet_v2_l = {
    .name = "efficientnet_v2_l",
    .variant = &variant,
    .preprocess = "tf",
    .size = 480,
    .build = thaw_efficientnet_v2_build,
    .matches = thaw_efficientnet_v2_matches,
    .blocks = thaw_efficientnet_v2_blocks,
};
