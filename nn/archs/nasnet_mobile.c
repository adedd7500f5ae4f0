#include "nn/archs/build_nasnet.h"

static const struct thaw_nasnet variant = {.stem = 32, .filters = 44, .cells = 4};

const struct thaw_arch thaw_arch_nasnet_mobile = {
    .name = "nasnet_mobile",
    .variant = &variant,
    .preprocess = "tf",
    .size = 224,
    .build = thaw_nasnet_build,
    .matches = thaw_nasnet_matches,
    .blocks = thaw_nasnet_blocks,
};
