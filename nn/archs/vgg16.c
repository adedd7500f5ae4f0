#include "nn/archs/build_vgg.h"

static struct thaw_graph *build(const struct thaw_arch_options *options, struct thaw_error *err)
{
    static const int convs[5] = {2, 2, 3, 3, 3};
    return thaw_build_vgg("vgg16", convs, options, err);
}

static bool recognise(const struct thaw_keras_file *file, struct thaw_arch_options *options)
{
    return thaw_build_vgg_recognise(file, false, options);
}

static bool matches(const struct thaw_graph *graph)
{
    return thaw_build_vgg_matches(graph, false);
}

const struct thaw_arch thaw_arch_vgg16 = {
    .name = "vgg16",
    .preprocess = "caffe",
    .size = 224,
    .build = build,
    .recognise = recognise,
    .matches = matches,
    .blocks = thaw_build_vgg_blocks,
};
