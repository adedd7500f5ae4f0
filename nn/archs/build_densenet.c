#include "nn/archs/build_densenet.h"

#include <stdio.h>

enum { GROWTH = 32 };

static void norm_relu(struct thaw_build *b, const char *norm, const char *relu)
{
    thaw_build_norm(b, norm, 1.001e-5, 0.99);
    thaw_build_relu(b, relu);
}

/* Adds `growth` channels to those it reads. */
static void layer(struct thaw_build *b, int growth)
{
    int from = b->last;
    norm_relu(b, "0_bn", "0_relu");
    thaw_build_conv(b, "1_conv", 4 * growth, 1, 1, 0);
    norm_relu(b, "1_bn", "1_relu");
    thaw_build_conv(b, "2_conv", growth, 3, 1, THAW_SAME);
    thaw_build_merge(b, "Concatenate", "concat", (int[]){from, b->last}, 2);
}

static void transition(struct thaw_build *b, int channels)
{
    norm_relu(b, "bn", "relu");
    thaw_build_conv(b, "conv", channels, 1, 1, 0);
    thaw_build_average_pool(b, "pool", 2, 2, 0);
}

struct thaw_graph *thaw_densenet_build(const struct thaw_arch *arch,
                                       const struct thaw_arch_options *options,
                                       struct thaw_error *err)
{
    const struct thaw_densenet *net = arch->variant;
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    int channels = net->stem ? net->stem : 64, growth = net->growth ? net->growth : GROWTH;
    thaw_build_pad(&b, NULL, 3, 3, 3, 3);
    thaw_build_conv(&b, "conv1_conv", channels, 7, 2, 0);
    norm_relu(&b, "conv1_bn", "conv1_relu");
    thaw_build_pad(&b, NULL, 1, 1, 1, 1);
    thaw_build_max_pool(&b, "pool1", 3, 2, 0);
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < net->layers[i]; k++) {
            thaw_build_prefix(&b, "conv%d_block%d_", i + 2, k + 1);
            layer(&b, growth);
        }
        channels += growth * net->layers[i];
        thaw_build_prefix(&b, "pool%d_", i + 2);
        if (i < 3)
            transition(&b, channels /= 2);
    }
    thaw_build_prefix(&b, "%s", "");
    norm_relu(&b, "bn", "relu");
    thaw_build_classifier(&b, "predictions", 0, options->classes);
    return thaw_build_finish(&b);
}

bool thaw_densenet_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    const struct thaw_densenet *net = arch->variant;
    char name[48];
    if (!thaw_arch_width(layers, "pool4_conv") || thaw_arch_width(layers, "conv1_conv") != 64)
        return false;
    for (int i = 0; i < 4; i++)
        for (int k = net->layers[i]; k <= net->layers[i] + 1; k++) {
            snprintf(name, sizeof name, "conv%d_block%d_2_conv", i + 2, k);
            if ((thaw_arch_width(layers, name) == GROWTH) != (k == net->layers[i]))
                return false;
        }
    return true;
}

/* A block for each layer would be too many to thaw one after the other. */
const char *const thaw_densenet_blocks[] = {"conv1_conv",        "conv2_block1_0_bn",
                                            "conv3_block1_0_bn", "conv4_block1_0_bn",
                                            "conv5_block1_0_bn", NULL};
