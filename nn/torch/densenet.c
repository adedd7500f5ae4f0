/* DenseNet of torchvision and timm, also with the names that torchvision's published files have
 * kept from its first versions ("norm.1"). */
#include "nn/archs/build_densenet.h"

#include <stdio.h>

#include "nn/torch.h"

#define LAYER "features.denseblock{0-1}.denselayer{1}."
static const struct thaw_torch_form forms[] = {{"conv1_conv", "features.conv0"},
                                               {"conv1_bn", "features.norm0"},
                                               {"conv#_block#_0_bn", LAYER "norm1"},
                                               {"conv#_block#_0_bn", LAYER "norm.1"},
                                               {"conv#_block#_1_conv", LAYER "conv1"},
                                               {"conv#_block#_1_conv", LAYER "conv.1"},
                                               {"conv#_block#_1_bn", LAYER "norm2"},
                                               {"conv#_block#_1_bn", LAYER "norm.2"},
                                               {"conv#_block#_2_conv", LAYER "conv2"},
                                               {"conv#_block#_2_conv", LAYER "conv.2"},
                                               {"pool#_bn", "features.transition{0-1}.norm"},
                                               {"pool#_conv", "features.transition{0-1}.conv"},
                                               {"bn", "features.norm5"},
                                               {"predictions", "classifier"},
                                               {NULL, NULL}};

static const struct thaw_torch_names names[] = {{.source = "torchvision and timm",
                                                 .forms = forms,
                                                 .arithmetic = {.epsilon = 1e-5},
                                                 .preprocess = "torch",
                                                 .head = {"classifier."}},
                                                {0}};

static bool matches(const struct thaw_torch_weights *w)
{
    return thaw_torch_width(w, "conv1_conv") && thaw_torch_width(w, "conv5_block1_2_conv");
}

static int layers(const struct thaw_torch_weights *w, int stage)
{
    char name[48];
    int n = 0;
    do
        snprintf(name, sizeof name, "conv%d_block%d_2_conv", stage, ++n);
    while (n <= THAW_TORCH_BLOCKS && thaw_torch_width(w, name));
    return n - 1;
}

static struct thaw_graph *build(struct thaw_torch_weights *w, struct thaw_torch_net *net,
                                struct thaw_error *err)
{
    struct thaw_densenet variant = {.stem = thaw_torch_width(w, "conv1_conv"),
                                    .growth = thaw_torch_width(w, "conv2_block1_2_conv")};
    char name[48];
    int depth = 5;
    for (int i = 0; i < 4; i++)
        depth += 2 * (variant.layers[i] = layers(w, i + 2));
    snprintf(name, sizeof name, "densenet%d", depth);
    const struct thaw_arch arch = {.name = name, .variant = &variant, .size = 224};
    return thaw_densenet_build(&arch, &net->options, err);
}

const struct thaw_torch_family thaw_torch_family_densenet = {.name = "DenseNet",
                                                             .names = names,
                                                             .classifier = "predictions",
                                                             .matches = matches,
                                                             .build = build};
