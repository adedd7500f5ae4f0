#include "nn/archs/build_efficientnet_lite.h"

static const struct thaw_lite variant = {.width = 1.0, .depth = 1.0};

static bool torch_recognise(const struct thaw_torch_file *file, struct thaw_arch_options *options)
{
    return thaw_lite_torch_recognise(&variant, file, options);
}

static bool torch_name(const struct thaw_node *node, const struct thaw_param *param, char *name,
                       size_t size)
{
    return thaw_lite_torch_name(&variant, node, param, name, size);
}

const struct thaw_arch thaw_arch_efficientnet_lite0 = {
    .name = "efficientnet_lite0",
    .variant = &variant,
    .preprocess = "lite",
    .size = 224,
    .build = thaw_lite_build,
    .matches = thaw_lite_matches,
    .blocks = thaw_lite_blocks,
    .torch_name = torch_name,
    .torch_recognise = torch_recognise,
};
