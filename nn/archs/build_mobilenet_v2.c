#include "nn/archs/build_mobilenet_v2.h"

#include <stdio.h>

static const int strides[THAW_MOBILENET_V2_STAGES] = {1, 2, 2, 2, 1, 2, 1};

static void norm(struct thaw_build *b, const char *name)
{
    thaw_build_norm(b, name, 1e-3, 0.999);
}

/* Returns the channels that the block passes on. */
static int block(struct thaw_build *b, int in, int filters, int stride, bool expand)
{
    int shortcut = b->last;
    if (expand) {
        thaw_build_conv(b, "expand", 6 * in, 1, 1, THAW_SAME);
        norm(b, "expand_BN");
        thaw_build_relu6(b, "expand_relu");
    }
    if (stride == 2)
        thaw_build_correct_pad(b, "pad", 3);
    thaw_build_depthwise(b, "depthwise", 3, stride, stride == 1 ? THAW_SAME : 0);
    norm(b, "depthwise_BN");
    thaw_build_relu6(b, "depthwise_relu");
    thaw_build_conv(b, "project", filters, 1, 1, THAW_SAME);
    norm(b, "project_BN");
    if (stride == 1 && in == filters)
        thaw_build_merge(b, "Add", "add", (int[]){shortcut, b->last}, 2);
    return filters;
}

struct thaw_graph *thaw_mobilenet_v2_build(const struct thaw_mobilenet_v2 *net,
                                           const struct thaw_arch *arch,
                                           const struct thaw_arch_options *options,
                                           struct thaw_error *err)
{
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    int width = net->stem, number = 0;
    thaw_build_conv(&b, "Conv1", width, 3, 2, THAW_SAME);
    norm(&b, "bn_Conv1");
    thaw_build_relu6(&b, "Conv1_relu");
    for (int i = 0; i < THAW_MOBILENET_V2_STAGES; i++)
        for (int k = 0; k < net->repeats[i]; k++, number++) {
            if (number)
                thaw_build_prefix(&b, "block_%d_", number);
            else
                thaw_build_prefix(&b, "expanded_conv_");
            width = block(&b, width, net->channels[i], k ? 1 : strides[i], number > 0);
        }
    thaw_build_prefix(&b, "%s", "");
    thaw_build_conv(&b, "Conv_1", net->top, 1, 1, 0);
    norm(&b, "Conv_1_bn");
    thaw_build_relu6(&b, "out_relu");
    if (options->classes) {
        thaw_build_layer(&b, "GlobalAveragePooling2D", "global_average_pooling2d", NULL);
        thaw_build_dense(&b, "predictions", options->classes, "softmax");
    }
    return thaw_build_finish(&b);
}
