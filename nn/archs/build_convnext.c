#include "nn/archs/build_convnext.h"

#include <stdio.h>

static void norm(struct thaw_build *b, const char *name)
{
    double epsilon = b->torch ? b->torch->epsilon : 1e-6;
    thaw_build_layer(b, "LayerNormalization", name, json_pack("{s:f}", "epsilon", epsilon));
}

static void front(struct thaw_build *b)
{
    static const double mean[3] = {0.485 * 255, 0.456 * 255, 0.406 * 255};
    static const double root[3] = {0.229 * 255, 0.224 * 255, 0.225 * 255};
    thaw_build_layer(b, "Normalization", "prestem_normalization",
                     json_pack("{s:[fff], s:[fff]}", "mean", mean[0], mean[1], mean[2], "variance",
                               root[0] * root[0], root[1] * root[1], root[2] * root[2]));
}

static void block(struct thaw_build *b, int channels)
{
    int from = b->last;
    thaw_build_layer(b, "Conv2D", "depthwise_conv",
                     json_pack("{s:i, s:[ii], s:s, s:i}", "filters", channels, "kernel_size", 7, 7,
                               "padding", "same", "groups", channels));
    norm(b, "layernorm");
    thaw_build_dense(b, "pointwise_conv_1", 4 * channels, "linear");
    thaw_build_act(b, "gelu", "gelu");
    thaw_build_dense(b, "pointwise_conv_2", channels, "linear");
    thaw_build_layer(b, "LayerScale", "layer_scale",
                     json_pack("{s:f, s:i}", "init_values", 1e-6, "projection_dim", channels));
    thaw_build_merge(b, "Add", "add", (int[]){from, b->last}, 2);
}

static void top(struct thaw_build *b, int classes)
{
    if (!classes) {
        thaw_build_prefix(b, "%s", "");
        norm(b, NULL);
        return;
    }
    thaw_build_layer(b, "GlobalAveragePooling2D", "head_gap", NULL);
    norm(b, "head_layernorm");
    thaw_build_dense(b, "head_dense", classes, "softmax");
}

struct thaw_graph *thaw_convnext_build(const struct thaw_arch *arch,
                                       const struct thaw_arch_options *options,
                                       struct thaw_error *err)
{
    const struct thaw_convnext *net = arch->variant;
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    char name[40];
    thaw_build_prefix(&b, "%s_", arch->name);
    if (!b.torch)
        front(&b);
    thaw_build_conv(&b, "stem_conv", net->channels[0], 4, 4, THAW_BIAS);
    norm(&b, "stem_layernorm");
    for (int i = 0; i < 4; i++) {
        thaw_build_prefix(&b, "%s_", arch->name);
        if (i) {
            snprintf(name, sizeof name, "downsampling_layernorm_%d", i - 1);
            norm(&b, name);
            snprintf(name, sizeof name, "downsampling_conv_%d", i - 1);
            thaw_build_conv(&b, name, net->channels[i], 2, 2, THAW_BIAS);
        }
        for (int k = 0; k < net->depths[i]; k++) {
            thaw_build_prefix(&b, "%s_stage_%d_block_%d_", arch->name, i, k);
            block(&b, net->channels[i]);
        }
    }
    thaw_build_prefix(&b, "%s_", arch->name);
    top(&b, options->classes);
    return thaw_build_finish(&b);
}

/* Names begin with the size, which a user may have changed. */
bool thaw_convnext_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    const struct thaw_convnext *net = arch->variant;
    char name[48];
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "*_stage_%d_block_%d_pointwise_conv_2", i, net->depths[i] - 1);
        if (thaw_arch_width(layers, name) != net->channels[i])
            return false;
        snprintf(name, sizeof name, "*_stage_%d_block_%d_pointwise_conv_2", i, net->depths[i]);
        if (thaw_arch_has(layers, name))
            return false;
    }
    return true;
}

const char *const thaw_convnext_blocks[] = {"*_stem_conv", "*_downsampling_layernorm_*",
                                            "*_stage_*_block_*_depthwise_conv", NULL};

const char *const thaw_convnext_nested[] = {"*_stem_*", "*_downsampling_*_0", "*_downsampling_*_1",
                                            "*_downsampling_*_2", NULL};
