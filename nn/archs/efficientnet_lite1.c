#include "nn/archs/build_efficientnet_lite.h"

static const struct thaw_lite lite = {"efficientnet_lite1", 1.0, 1.1, 240};

static struct thaw_graph *build(const struct thaw_arch_options *options, struct thaw_error *err)
{
    return thaw_build_lite(&lite, options, err);
}

static bool recognise(const struct thaw_keras_file *file, struct thaw_arch_options *options)
{
    return thaw_build_lite_recognise(&lite, file, options);
}

static bool matches(const struct thaw_graph *graph)
{
    return thaw_build_lite_matches(&lite, graph);
}

static bool torch_recognise(const struct thaw_torch_file *file, struct thaw_arch_options *options)
{
    return thaw_build_lite_torch_recognise(&lite, file, options);
}

static bool torch_name(const struct thaw_node *node, const struct thaw_param *param, char *name,
                       size_t size)
{
    return thaw_build_lite_torch_name(&lite, node, param, name, size);
}

const struct thaw_arch thaw_arch_efficientnet_lite1 = {
    .name = "efficientnet_lite1",
    .preprocess = "lite",
    .size = 240,
    .build = build,
    .recognise = recognise,
    .matches = matches,
    .blocks = thaw_build_lite_blocks,
    .torch_name = torch_name,
    .torch_recognise = torch_recognise,
};
