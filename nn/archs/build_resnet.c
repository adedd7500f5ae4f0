#include "nn/archs/build_resnet.h"

#include <stdio.h>

/* One convolution and its norm; `relu` after the first two of a block. */
static int unit(struct thaw_build *b, const struct thaw_resnet_style *style, int stage, int block,
                int part, int filters, int stride, bool relu)
{
    char name[48];
    style->layer(name, stage, block, part, "conv");
    thaw_build_conv(b, name, filters, part == 2 ? 3 : 1, stride,
                    THAW_BIAS | (part == 2 ? THAW_SAME : 0));
    style->layer(name, stage, block, part, "bn");
    int node = thaw_build_norm(b, name, style->epsilon, 0.99);
    if (relu) {
        style->layer(name, stage, block, part, "relu");
        node = thaw_build_relu(b, name);
    }
    return node;
}

/* Built level by level, as Keras lists it. */
static void bottleneck(struct thaw_build *b, const struct thaw_resnet_style *style, int stage,
                       int block, int filters, int stride)
{
    char name[48];
    int shortcut = b->last;
    unit(b, style, stage, block, 1, filters, stride, true);
    int main = unit(b, style, stage, block, 2, filters, 1, true);
    if (block == 0) {
        b->last = shortcut;
        shortcut = unit(b, style, stage, block, 0, 4 * filters, stride, false);
        b->last = main;
    }
    main = unit(b, style, stage, block, 3, 4 * filters, 1, false);
    style->layer(name, stage, block, 4, "add");
    thaw_build_merge(b, "Add", name, (int[]){shortcut, main}, 2);
    style->layer(name, stage, block, 5, "out");
    thaw_build_relu(b, name);
}

struct thaw_graph *thaw_resnet_build(const struct thaw_arch *arch,
                                     const struct thaw_arch_options *options,
                                     struct thaw_error *err)
{
    const struct thaw_resnet *net = arch->variant;
    const struct thaw_resnet_style *style = net->style;
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    char name[48];
    thaw_build_pad(&b, "conv1_pad", 3, 3, 3, 3);
    style->layer(name, 1, 0, 1, "conv");
    thaw_build_conv(&b, name, 64, 7, 2, THAW_BIAS);
    thaw_build_norm(&b, style->stem_norm, style->epsilon, 0.99);
    thaw_build_relu(&b, style->stem_relu);
    thaw_build_pad(&b, "pool1_pad", 1, 1, 1, 1);
    thaw_build_max_pool(&b, "pool1_pool", 3, 2, 0);
    for (int stage = 2; stage <= 5; stage++)
        for (int block = 0; block < net->blocks[stage - 2]; block++)
            bottleneck(&b, style, stage, block, 64 << (stage - 2), block == 0 && stage > 2 ? 2 : 1);
    if (options->classes) {
        thaw_build_layer(&b, "GlobalAveragePooling2D", "avg_pool", NULL);
        thaw_build_dense(&b, style->classifier, options->classes, "softmax");
    }
    return thaw_build_finish(&b);
}

/* --- since 2019 --- */

static void layer(char name[48], int stage, int block, int part, const char *kind)
{
    if (stage == 1)
        snprintf(name, 48, "conv1_%s", kind);
    else if (part > 3)
        snprintf(name, 48, "conv%d_block%d_%s", stage, block + 1, kind);
    else
        snprintf(name, 48, "conv%d_block%d_%d_%s", stage, block + 1, part, kind);
}

const struct thaw_resnet_style thaw_resnet_style = {.epsilon = 1.001e-5,
                                                    .stem_norm = "conv1_bn",
                                                    .stem_relu = "conv1_relu",
                                                    .classifier = "predictions",
                                                    .layer = layer};

const char *const thaw_resnet_blocks[] = {"conv1_conv", "conv*_block*_1_conv", NULL};

bool thaw_resnet_depth(const struct thaw_arch_layers *layers, const int blocks[4],
                       const char *layer)
{
    char name[48];
    for (int stage = 2; stage <= 5; stage++)
        for (int i = blocks[stage - 2]; i <= blocks[stage - 2] + 1; i++) {
            snprintf(name, sizeof name, "conv%d_block%d_%s", stage, i, layer);
            if (thaw_arch_has(layers, name) != (i == blocks[stage - 2]))
                return false;
        }
    return true;
}

/* Version 2 has no norm after the third convolution. */
bool thaw_resnet_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    const struct thaw_resnet *net = arch->variant;
    return thaw_arch_width(layers, "conv1_conv") == 64 &&
           thaw_arch_width(layers, "conv2_block1_0_conv") == 256 &&
           thaw_resnet_depth(layers, net->blocks, "3_bn");
}
