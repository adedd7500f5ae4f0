#include "nn/archs/build_resnet.h"

#include <stdio.h>

struct window {
    int filters, kernel, stride;
};

/* One convolution and its norm; `relu` after all but the last of a block. */
static int unit(struct thaw_build *b, const struct thaw_resnet *net, int stage, int block, int part,
                struct window window, bool relu)
{
    const struct thaw_resnet_style *style = net->style;
    unsigned flags = (window.kernel > 1 ? THAW_SAME : 0) | (b->torch ? 0 : THAW_BIAS);
    char name[48];
    style->layer(name, stage, block, part, "conv");
    if (part == 2 && net->groups > 1)
        thaw_build_conv_groups(b, name, window.filters, window.kernel, window.stride, net->groups,
                               flags);
    else
        thaw_build_conv(b, name, window.filters, window.kernel, window.stride, flags);
    style->layer(name, stage, block, part, "bn");
    int node = thaw_build_norm(b, name, style->epsilon, 0.99);
    if (relu) {
        style->layer(name, stage, block, part, "relu");
        node = thaw_build_relu(b, name);
    }
    return node;
}

static int shortcut(struct thaw_build *b, const struct thaw_resnet *net, int stage, int block,
                    int filters, int stride)
{
    char name[48];
    if (net->averages && stride > 1) {
        net->style->layer(name, stage, block, 0, "pool");
        thaw_build_average_pool(b, name, stride, stride, THAW_SAME);
        stride = 1;
    }
    return unit(b, net, stage, block, 0, (struct window){filters, 1, stride}, false);
}

/* Built level by level, as Keras lists it. The stride is PyTorch's on the 3x3 convolution. */
static void block_of(struct thaw_build *b, const struct thaw_resnet *net, int stage, int block)
{
    const struct thaw_resnet_style *style = net->style;
    char name[48];
    int stride = block == 0 && stage > 2 ? 2 : 1, from = b->last;
    int width = (net->width ? net->width : 64) << (stage - 2), out = 64 << (stage - 2);
    struct window first = {width, 1, b->torch ? 1 : stride}, second = {width, 3, 1};
    if (b->torch)
        second.stride = stride;
    if (net->basic) {
        first = (struct window){out, 3, stride};
        second = (struct window){out, 3, 1};
    } else {
        out *= 4;
    }
    unit(b, net, stage, block, 1, first, true);
    int main = unit(b, net, stage, block, 2, second, !net->basic);
    if (block == 0 && !(net->basic && stride == 1)) {
        b->last = from;
        from = shortcut(b, net, stage, block, out, stride);
        b->last = main;
    }
    if (!net->basic)
        main = unit(b, net, stage, block, 3, (struct window){out, 1, 1}, false);
    style->layer(name, stage, block, 4, "add");
    thaw_build_merge(b, "Add", name, (int[]){from, main}, 2);
    style->layer(name, stage, block, 5, "out");
    thaw_build_relu(b, name);
}

/* One 7x7 convolution, or three of 3x3. */
static void stem(struct thaw_build *b, const struct thaw_resnet *net)
{
    const struct thaw_resnet_style *style = net->style;
    char name[48];
    bool deep = net->stem[0] > 0;
    thaw_build_pad(b, "conv1_pad", deep ? 1 : 3, deep ? 1 : 3, deep ? 1 : 3, deep ? 1 : 3);
    for (int i = 0; deep && i < 2; i++) {
        thaw_build_prefix(b, "conv1_%d_", i + 1);
        thaw_build_conv(b, "conv", net->stem[i], 3, i ? 1 : 2, i ? THAW_SAME : 0);
        thaw_build_norm(b, "bn", style->epsilon, 0.99);
        thaw_build_relu(b, "relu");
    }
    thaw_build_prefix(b, "%s", "");
    style->layer(name, 1, 0, 1, "conv");
    thaw_build_conv(b, name, net->first ? net->first : 64, deep ? 3 : 7, deep ? 1 : 2,
                    (deep ? THAW_SAME : 0) | (b->torch ? 0 : THAW_BIAS));
    thaw_build_norm(b, style->stem_norm, style->epsilon, 0.99);
    thaw_build_relu(b, style->stem_relu);
    thaw_build_pad(b, "pool1_pad", 1, 1, 1, 1);
    thaw_build_max_pool(b, "pool1_pool", 3, 2, 0);
}

struct thaw_graph *thaw_resnet_build(const struct thaw_arch *arch,
                                     const struct thaw_arch_options *options,
                                     struct thaw_error *err)
{
    const struct thaw_resnet *net = arch->variant;
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    stem(&b, net);
    for (int stage = 2; stage <= 5; stage++)
        for (int block = 0; block < net->blocks[stage - 2]; block++)
            block_of(&b, net, stage, block);
    thaw_build_classifier(&b, net->style->classifier, 0, options->classes);
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

/* Version 2 has no norm after the third convolution; others have wider blocks or deeper stems. */
bool thaw_resnet_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    const struct thaw_resnet *net = arch->variant;
    return thaw_arch_width(layers, "conv1_conv") == 64 &&
           thaw_arch_width(layers, "conv2_block1_0_conv") == 256 &&
           thaw_arch_width(layers, "conv2_block1_1_conv") == 64 &&
           !thaw_arch_has(layers, "conv1_1_conv") && thaw_resnet_depth(layers, net->blocks, "3_bn");
}
