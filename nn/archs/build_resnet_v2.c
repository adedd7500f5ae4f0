#include "nn/archs/build_resnet_v2.h"

#include <stdio.h>

#include "nn/archs/build_resnet.h"

static void norm_relu(struct thaw_build *b, const char *norm, const char *relu)
{
    thaw_build_norm(b, norm, 1.001e-5, 0.99);
    thaw_build_relu(b, relu);
}

static void block(struct thaw_build *b, int filters, int stride, bool first)
{
    int shortcut = b->last;
    norm_relu(b, "preact_bn", "preact_relu");
    int from = b->last;
    if (first) {
        shortcut = thaw_build_conv(b, "0_conv", 4 * filters, 1, 1, THAW_BIAS);
    } else if (stride > 1) {
        b->last = shortcut;
        shortcut = thaw_build_max_pool(b, NULL, 1, stride, 0);
    }
    b->last = from;
    thaw_build_conv(b, "1_conv", filters, 1, 1, 0);
    norm_relu(b, "1_bn", "1_relu");
    thaw_build_pad(b, "2_pad", 1, 1, 1, 1);
    thaw_build_conv(b, "2_conv", filters, 3, stride, 0);
    norm_relu(b, "2_bn", "2_relu");
    thaw_build_conv(b, "3_conv", 4 * filters, 1, 1, THAW_BIAS);
    thaw_build_merge(b, "Add", "out", (int[]){shortcut, b->last}, 2);
}

struct thaw_graph *thaw_resnet_v2_build(const struct thaw_arch *arch,
                                        const struct thaw_arch_options *options,
                                        struct thaw_error *err)
{
    const struct thaw_resnet_v2 *net = arch->variant;
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    thaw_build_pad(&b, "conv1_pad", 3, 3, 3, 3);
    thaw_build_conv(&b, "conv1_conv", 64, 7, 2, THAW_BIAS);
    thaw_build_pad(&b, "pool1_pad", 1, 1, 1, 1);
    thaw_build_max_pool(&b, "pool1_pool", 3, 2, 0);
    for (int stage = 2; stage <= 5; stage++)
        for (int i = 0, n = net->blocks[stage - 2]; i < n; i++) {
            thaw_build_prefix(&b, "conv%d_block%d_", stage, i + 1);
            block(&b, 64 << (stage - 2), i == n - 1 && stage < 5 ? 2 : 1, i == 0);
        }
    thaw_build_prefix(&b, "%s", "");
    norm_relu(&b, "post_bn", "post_relu");
    thaw_build_classifier(&b, "predictions", 0, options->classes);
    return thaw_build_finish(&b);
}

bool thaw_resnet_v2_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    const struct thaw_resnet_v2 *net = arch->variant;
    return thaw_arch_width(layers, "conv1_conv") == 64 && thaw_arch_has(layers, "post_bn") &&
           thaw_resnet_depth(layers, net->blocks, "preact_bn");
}

const char *const thaw_resnet_v2_blocks[] = {"conv1_conv", "conv*_block*_preact_bn", NULL};
