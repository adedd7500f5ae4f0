/* ConvNeXt of torchvision, timm and its authors, in all sizes. */
#include "nn/archs/build_convnext.h"

#include <stdio.h>

#include "nn/torch.h"

static const struct thaw_torch_form vision[] = {
    {"*_stem_conv", "features.0.0"},
    {"*_stem_layernorm", "features.0.1"},
    {"*_downsampling_layernorm_#", "features.{0*2+2}.0"},
    {"*_downsampling_conv_#", "features.{0*2+2}.1"},
    {"*_stage_#_block_#_depthwise_conv", "features.{0*2+1}.{1}.block.0"},
    {"*_stage_#_block_#_layernorm", "features.{0*2+1}.{1}.block.2"},
    {"*_stage_#_block_#_pointwise_conv_1", "features.{0*2+1}.{1}.block.3"},
    {"*_stage_#_block_#_pointwise_conv_2", "features.{0*2+1}.{1}.block.5"},
    {"*_stage_#_block_#_layer_scale", "features.{0*2+1}.{1}.layer_scale="},
    {"layer_normalization", "classifier.0"},
    {"*_head_layernorm", "classifier.0"},
    {"*_head_dense", "classifier.2"},
    {NULL, NULL}};

static const struct thaw_torch_form timm[] = {
    {"*_stem_conv", "stem.0"},
    {"*_stem_layernorm", "stem.1"},
    {"*_downsampling_layernorm_#", "stages.{0+1}.downsample.0"},
    {"*_downsampling_conv_#", "stages.{0+1}.downsample.1"},
    {"*_stage_#_block_#_depthwise_conv", "stages.{0}.blocks.{1}.conv_dw"},
    {"*_stage_#_block_#_layernorm", "stages.{0}.blocks.{1}.norm"},
    {"*_stage_#_block_#_pointwise_conv_1", "stages.{0}.blocks.{1}.mlp.fc1"},
    {"*_stage_#_block_#_pointwise_conv_2", "stages.{0}.blocks.{1}.mlp.fc2"},
    {"*_stage_#_block_#_layer_scale", "stages.{0}.blocks.{1}.gamma="},
    {"layer_normalization", "head.norm"},
    {"*_head_layernorm", "head.norm"},
    {"*_head_dense", "head.fc"},
    {NULL, NULL}};

static const struct thaw_torch_form authors[] = {
    {"*_stem_conv", "downsample_layers.0.0"},
    {"*_stem_layernorm", "downsample_layers.0.1"},
    {"*_downsampling_layernorm_#", "downsample_layers.{0+1}.0"},
    {"*_downsampling_conv_#", "downsample_layers.{0+1}.1"},
    {"*_stage_#_block_#_depthwise_conv", "stages.{0}.{1}.dwconv"},
    {"*_stage_#_block_#_layernorm", "stages.{0}.{1}.norm"},
    {"*_stage_#_block_#_pointwise_conv_1", "stages.{0}.{1}.pwconv1"},
    {"*_stage_#_block_#_pointwise_conv_2", "stages.{0}.{1}.pwconv2"},
    {"*_stage_#_block_#_layer_scale", "stages.{0}.{1}.gamma="},
    {"layer_normalization", "norm"},
    {"*_head_layernorm", "norm"},
    {"*_head_dense", "head"},
    {NULL, NULL}};

#define NAMES(who, table, first)                                                                   \
    {                                                                                              \
        .source = who, .forms = table, .arithmetic = {.epsilon = 1e-6}, .preprocess = "torch",     \
        .head = {                                                                                  \
            first                                                                                  \
        }                                                                                          \
    }
static const struct thaw_torch_names names[] = {NAMES("torchvision", vision, "classifier."),
                                                NAMES("timm", timm, "head."),
                                                NAMES("its authors", authors, "head."),
                                                {0}};

static bool matches(const struct thaw_torch_weights *w)
{
    return thaw_torch_width(w, "_stem_conv") &&
           thaw_torch_layer(w, "_stage_3_block_0_layer_scale", "gamma", NULL);
}

static int width(const struct thaw_torch_weights *w, int stage, int block)
{
    char name[64];
    snprintf(name, sizeof name, "_stage_%d_block_%d_pointwise_conv_2", stage, block);
    return thaw_torch_width(w, name);
}

static struct thaw_graph *build(struct thaw_torch_weights *w, struct thaw_torch_net *net,
                                struct thaw_error *err)
{
    const struct thaw_arch_layers layers = {.torch = w};
    struct thaw_convnext variant = {{0}, {0}};
    struct thaw_arch arch = {.name = "convnext", .variant = &variant, .size = 224};
    for (int i = 0; i < 4; i++) {
        variant.channels[i] = width(w, i, 0);
        while (variant.depths[i] < THAW_TORCH_BLOCKS && width(w, i, variant.depths[i]))
            variant.depths[i]++;
    }
    for (int i = 0; thaw_archs[i]; i++) /* the sizes that Keras has, too, are called as there */
        if (thaw_archs[i]->build == thaw_convnext_build &&
            thaw_archs[i]->matches(thaw_archs[i], &layers))
            arch.name = thaw_archs[i]->name;
    return thaw_convnext_build(&arch, &net->options, err);
}

const struct thaw_torch_family thaw_torch_family_convnext = {.name = "ConvNeXt",
                                                             .names = names,
                                                             .classifier = "_head_dense",
                                                             .matches = matches,
                                                             .build = build};
