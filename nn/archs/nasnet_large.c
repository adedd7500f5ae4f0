#include "nn/archs/build_nasnet.h"

static const struct thaw_nasnet variant = {.stem = 96, .filters = 168, .cells = 6, .skips = true};

const struct thaw_arch thaw_arch_nasnet_large = {
    .name = "nasnet_large",
    .variant = &variant,
    .preprocess = "tf",
    .size = 331,
    .build = thaw_nasnet_build,
    .matches = thaw_nasnet_matches,
    .blocks = thaw_nasnet_blocks,
};
