#include "nn/archs/build_densenet.h"

static const struct thaw_densenet variant = {.layers = {6, 12, 32, 32}};

const struct thaw_arch thaw_arch_densenet169 = {
    .name = "densenet169",
    .variant = &variant,
    .preprocess = "torch",
    .size = 224,
    .build = thaw_densenet_build,
    .matches = thaw_densenet_matches,
    .blocks = thaw_densenet_blocks,
};
