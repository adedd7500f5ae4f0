/* ResNet-50 as Keras names it since 2019 (keras applications/resnet.py). */
#include <stdio.h>

#include "nn/archs/build_resnet.h"

static void layer(char name[48], int stage, int block, int part, const char *kind)
{
    if (stage == 1)
        snprintf(name, 48, "conv1_%s", kind);
    else if (part > 3)
        snprintf(name, 48, "conv%d_block%d_%s", stage, block + 1, kind);
    else
        snprintf(name, 48, "conv%d_block%d_%d_%s", stage, block + 1, part, kind);
}

static const struct thaw_resnet_style style = {.name = "resnet50",
                                               .epsilon = 1.001e-5,
                                               .stem_norm = "conv1_bn",
                                               .stem_relu = "conv1_relu",
                                               .classifier = "predictions",
                                               .layer = layer};

static struct thaw_graph *build(const struct thaw_arch_options *options, struct thaw_error *err)
{
    return thaw_build_resnet50(&style, options, err);
}

/* The deeper ones have more blocks in stage 4, version 2 has norms before the convolutions. */
static bool recognise(const struct thaw_keras_file *file, struct thaw_arch_options *options)
{
    if (thaw_build_group_width(file, "conv1_conv") != 64 ||
        thaw_build_group_width(file, "conv5_block3_3_conv") != 2048 ||
        !thaw_build_group(file, "conv5_block3_3_bn") ||
        thaw_build_group(file, "conv4_block7_1_conv"))
        return false;
    options->classes = thaw_build_group_width(file, "predictions");
    if (!options->classes)
        options->classes = thaw_build_group_width(file, "probs");
    return true;
}

static bool matches(const struct thaw_graph *graph)
{
    return thaw_build_has(graph, "conv5_block3_3_bn") &&
           thaw_build_has(graph, "conv2_block1_0_bn") &&
           !thaw_build_has(graph, "conv4_block7_1_conv");
}

static const char *const blocks[] = {
    "conv1_conv",          "conv2_block1_1_conv", "conv2_block2_1_conv",
    "conv2_block3_1_conv", "conv3_block1_1_conv", "conv3_block2_1_conv",
    "conv3_block3_1_conv", "conv3_block4_1_conv", "conv4_block1_1_conv",
    "conv4_block2_1_conv", "conv4_block3_1_conv", "conv4_block4_1_conv",
    "conv4_block5_1_conv", "conv4_block6_1_conv", "conv5_block1_1_conv",
    "conv5_block2_1_conv", "conv5_block3_1_conv", NULL};

const struct thaw_arch thaw_arch_resnet50 = {
    .name = "resnet50",
    .preprocess = "caffe",
    .size = 224,
    .build = build,
    .recognise = recognise,
    .matches = matches,
    .blocks = blocks,
};
