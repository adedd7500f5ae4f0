/* EfficientNetV2 of torchvision and timm; "tf_efficientnetv2" are Google's own weights. */
#include "nn/archs/build_efficientnet_v2.h"

#include <stdio.h>

#include "nn/torch.h"

static const struct thaw_torch_form vision[] = {
    {"stem_conv", "features.0.0"},
    {"stem_bn", "features.0.1"},
    {"block1@_project_conv", "features.1.{0}.block.0.0"},
    {"block1@_project_bn", "features.1.{0}.block.0.1"},
    {"block#@_expand_conv", "features.{0}.{1}.block.0.0"},
    {"block#@_expand_bn", "features.{0}.{1}.block.0.1"},
    {"block#@_dwconv2", "features.{0}.{1}.block.1.0"},
    {"block#@_bn", "features.{0}.{1}.block.1.1"},
    {"block#@_se_reduce", "features.{0}.{1}.block.2.fc1"},
    {"block#@_se_expand", "features.{0}.{1}.block.2.fc2"},
    {"block#@_project_conv", "features.{0}.{1}.block.3.0"},
    {"block#@_project_conv", "features.{0}.{1}.block.1.0"}, /* of fused blocks */
    {"block#@_project_bn", "features.{0}.{1}.block.3.1"},
    {"block#@_project_bn", "features.{0}.{1}.block.1.1"},
    {"top_conv", "features.8.0"},
    {"top_conv", "features.7.0"}, /* behind six stages */
    {"top_bn", "features.8.1"},
    {"top_bn", "features.7.1"},
    {"predictions", "classifier.1"},
    {NULL, NULL}};

static const struct thaw_torch_form timm[] = {
    {"stem_conv", "conv_stem"},
    {"stem_bn", "bn1"},
    {"block1@_project_conv", "blocks.0.{0}.conv"},
    {"block1@_project_bn", "blocks.0.{0}.bn1"},
    {"block#@_expand_conv", "blocks.{0-1}.{1}.conv_pw"},
    {"block#@_expand_conv", "blocks.{0-1}.{1}.conv_exp"}, /* of fused blocks */
    {"block#@_expand_bn", "blocks.{0-1}.{1}.bn1"},
    {"block#@_dwconv2", "blocks.{0-1}.{1}.conv_dw"},
    {"block#@_bn", "blocks.{0-1}.{1}.bn2"},
    {"block#@_se_reduce", "blocks.{0-1}.{1}.se.conv_reduce"},
    {"block#@_se_expand", "blocks.{0-1}.{1}.se.conv_expand"},
    {"block#@_project_conv", "blocks.{0-1}.{1}.conv_pwl"},
    {"block#@_project_bn", "blocks.{0-1}.{1}.bn3"},
    {"block#@_project_bn", "blocks.{0-1}.{1}.bn2"},
    {"top_conv", "conv_head"},
    {"top_bn", "bn2"},
    {"predictions", "classifier"},
    {NULL, NULL}};

static const struct thaw_torch_names names[] = {{.source = "torchvision",
                                                 .forms = vision,
                                                 .arithmetic = {.epsilon = 1e-3},
                                                 .preprocess = "torch",
                                                 .head = {"classifier."}},
                                                {.source = "timm",
                                                 .forms = timm,
                                                 .arithmetic = {.epsilon = 1e-5},
                                                 .preprocess = "torch",
                                                 .head = {"classifier."},
                                                 .word = "efficientnetv2"},
                                                {.source = "timm's tf_ ports",
                                                 .forms = timm,
                                                 .arithmetic = {.epsilon = 1e-3, .same = true},
                                                 .preprocess = "torch",
                                                 .head = {"classifier."},
                                                 .word = "efficientnetv2",
                                                 .ported = true},
                                                {0}};

/* The convolution that widens the second stage is a 3x3 one in no other family. */
static bool matches(const struct thaw_torch_weights *w)
{
    const struct thaw_tensor *fused = thaw_torch_layer(w, "block2a_expand_conv", "kernel", NULL);
    return fused && fused->rank == 4 && fused->dims[1] > 1 && fused->dims[2] == 3 &&
           thaw_torch_width(w, "block1a_project_conv") && thaw_torch_width(w, "block4a_dwconv2") &&
           thaw_torch_width(w, "top_conv");
}

/* Sizes differ in their deviation from the usual pictures, too: S, M and L of the ports and
 * torchvision's L see -1 .. 1. */
static const char *find_preprocess(const struct thaw_torch_weights *w, const struct thaw_arch *arch)
{
    const struct thaw_efficientnet_v2 *size = arch->variant;
    bool lettered = !size->standardises, large = size->repeats[6] == 7;
    if (w->names->ported ? lettered : large && w->names->forms == vision)
        return "tf";
    return "torch";
}

static struct thaw_graph *build(struct thaw_torch_weights *w, struct thaw_torch_net *net,
                                struct thaw_error *err)
{
    const struct thaw_arch *arch = thaw_torch_arch(w, thaw_efficientnet_v2_build, NULL, err);
    if (!arch)
        return NULL;
    net->preprocess = find_preprocess(w, arch);
    return arch->build(arch, &net->options, err);
}

const struct thaw_torch_family thaw_torch_family_efficientnet_v2 = {.name = "EfficientNetV2",
                                                                    .names = names,
                                                                    .classifier = "predictions",
                                                                    .matches = matches,
                                                                    .build = build};
