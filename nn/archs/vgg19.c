#include "nn/archs/build_vgg.h"

static struct thaw_graph *build(const struct thaw_arch_options *options, struct thaw_error *err)
{
    static const int convs[5] = {2, 2, 4, 4, 4};
    return thaw_build_vgg("vgg19", convs, options, err);
}

static bool recognise(const struct thaw_keras_file *file, struct thaw_arch_options *options)
{
    return thaw_build_vgg_recognise(file, true, options);
}

static bool matches(const struct thaw_graph *graph)
{
    return thaw_build_vgg_matches(graph, true);
}

const struct thaw_arch thaw_arch_vgg19 = {
    .name = "vgg19",
    .preprocess = "caffe",
    .size = 224,
    .build = build,
    .recognise = recognise,
    .matches = matches,
    .blocks = thaw_build_vgg_blocks,
};
