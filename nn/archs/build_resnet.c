#include "nn/archs/build_resnet.h"

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

struct thaw_graph *thaw_build_resnet50(const struct thaw_resnet_style *style,
                                       const struct thaw_arch_options *options,
                                       struct thaw_error *err)
{
    static const int blocks[4] = {3, 4, 6, 3};
    struct thaw_build b = thaw_build_start(style->name, options, 224, err);
    char name[48];
    thaw_build_pad(&b, "conv1_pad", 3, 3, 3, 3);
    style->layer(name, 1, 0, 1, "conv");
    thaw_build_conv(&b, name, 64, 7, 2, THAW_BIAS);
    thaw_build_norm(&b, style->stem_norm, style->epsilon, 0.99);
    thaw_build_relu(&b, style->stem_relu);
    thaw_build_pad(&b, "pool1_pad", 1, 1, 1, 1);
    thaw_build_max_pool(&b, "pool1_pool", 3, 2, 0);
    for (int stage = 2; stage <= 5; stage++)
        for (int block = 0; block < blocks[stage - 2]; block++)
            bottleneck(&b, style, stage, block, 64 << (stage - 2), block == 0 && stage > 2 ? 2 : 1);
    if (options->classes) {
        thaw_build_layer(&b, "GlobalAveragePooling2D", "avg_pool", NULL);
        thaw_build_dense(&b, style->classifier, options->classes, "softmax");
    }
    return thaw_build_finish(&b);
}
