#include "nn/archs/build_mobilenet_v3.h"

static const struct thaw_mobilenet_v3 variant = {
    .blocks = thaw_mobilenet_v3_large, .n_blocks = 15, .last = 1280};

const struct thaw_arch thaw_arch_mobilenet_v3_large = {
    .name = "mobilenet_v3_large",
    .variant = &variant,
    .preprocess = "tf",
    .size = 224,
    .has_alpha = true,
    .build = thaw_mobilenet_v3_build,
    .matches = thaw_mobilenet_v3_matches,
    .read = thaw_mobilenet_v3_read,
    .blocks = thaw_mobilenet_v3_blocks,
};
