/* MobileNetV3 of torchvision and timm, in all widths; "tf_mobilenetv3" are Google's own weights. */
#include "nn/archs/build_mobilenet_v3.h"

#include "nn/torch.h"

static const struct thaw_torch_form vision[] = {
    {"conv", "features.0.0"},
    {"conv_bn", "features.0.1"},
    {"expanded_conv_depthwise", "features.1.block.0.0"},
    {"expanded_conv_depthwise_bn", "features.1.block.0.1"},
    {"expanded_conv_squeeze_excite_conv", "features.1.block.1.fc1"},
    {"expanded_conv_squeeze_excite_conv_1", "features.1.block.1.fc2"},
    {"expanded_conv_project", "features.1.block.2.0"},
    {"expanded_conv_project", "features.1.block.1.0"}, /* where nothing is squeezed */
    {"expanded_conv_project_bn", "features.1.block.2.1"},
    {"expanded_conv_project_bn", "features.1.block.1.1"},
    {"expanded_conv_#_expand", "features.{0+1}.block.0.0"},
    {"expanded_conv_#_expand_bn", "features.{0+1}.block.0.1"},
    {"expanded_conv_#_depthwise", "features.{0+1}.block.1.0"},
    {"expanded_conv_#_depthwise_bn", "features.{0+1}.block.1.1"},
    {"expanded_conv_#_squeeze_excite_conv", "features.{0+1}.block.2.fc1"},
    {"expanded_conv_#_squeeze_excite_conv_1", "features.{0+1}.block.2.fc2"},
    {"expanded_conv_#_project", "features.{0+1}.block.3.0"},
    {"expanded_conv_#_project", "features.{0+1}.block.2.0"},
    {"expanded_conv_#_project_bn", "features.{0+1}.block.3.1"},
    {"expanded_conv_#_project_bn", "features.{0+1}.block.2.1"},
    {"conv_1", "features.16.0"},
    {"conv_1", "features.12.0"},
    {"conv_1_bn", "features.16.1"},
    {"conv_1_bn", "features.12.1"},
    {"conv_2", "classifier.0"},
    {"logits", "classifier.3"},
    {NULL, NULL}};

static const struct thaw_torch_form timm[] = {
    {"conv", "conv_stem"},
    {"conv_bn", "bn1"},
    {"expanded_conv_depthwise", "blocks.0.0.conv_dw"},
    {"expanded_conv_depthwise_bn", "blocks.0.0.bn1"},
    {"expanded_conv_squeeze_excite_conv", "blocks.0.0.se.conv_reduce"},
    {"expanded_conv_squeeze_excite_conv_1", "blocks.0.0.se.conv_expand"},
    {"expanded_conv_project", "blocks.0.0.conv_pw"},
    {"expanded_conv_project_bn", "blocks.0.0.bn2"},
    {"expanded_conv_#_expand", "blocks.{a}.{b}.conv_pw"},
    {"expanded_conv_#_expand_bn", "blocks.{a}.{b}.bn1"},
    {"expanded_conv_#_depthwise", "blocks.{a}.{b}.conv_dw"},
    {"expanded_conv_#_depthwise_bn", "blocks.{a}.{b}.bn2"},
    {"expanded_conv_#_squeeze_excite_conv", "blocks.{a}.{b}.se.conv_reduce"},
    {"expanded_conv_#_squeeze_excite_conv_1", "blocks.{a}.{b}.se.conv_expand"},
    {"expanded_conv_#_project", "blocks.{a}.{b}.conv_pwl"},
    {"expanded_conv_#_project_bn", "blocks.{a}.{b}.bn3"},
    {"conv_1", "blocks.6.0.conv"},
    {"conv_1", "blocks.5.0.conv"},
    {"conv_1_bn", "blocks.6.0.bn1"},
    {"conv_1_bn", "blocks.5.0.bn1"},
    {"conv_2", "conv_head"},
    {"logits", "classifier"},
    {NULL, NULL}};

static const struct thaw_torch_names names[] = {{.source = "torchvision",
                                                 .forms = vision,
                                                 .arithmetic = {.epsilon = 1e-3},
                                                 .preprocess = "torch",
                                                 .head = {"classifier."}},
                                                {.source = "timm",
                                                 .forms = timm,
                                                 .place = thaw_torch_stage,
                                                 .arithmetic = {.epsilon = 1e-5},
                                                 .preprocess = "torch",
                                                 .head = {"conv_head.", "classifier."},
                                                 .word = "mobilenetv3"},
                                                {.source = "timm's tf_ ports",
                                                 .forms = timm,
                                                 .place = thaw_torch_stage,
                                                 .arithmetic = {.epsilon = 1e-3, .same = true},
                                                 .preprocess = "tf",
                                                 .head = {"conv_head.", "classifier."},
                                                 .word = "mobilenetv3",
                                                 .ported = true},
                                                {0}};

static bool matches(const struct thaw_torch_weights *w)
{
    if (w->names->forms == vision)
        return thaw_torch_is(w, "features.1.block.0.0.weight", 4, 0) &&
               thaw_torch_width(w, "conv_1");
    return thaw_torch_width(w, "conv_1") && thaw_torch_is(w, "blocks.0.0.conv_dw.weight", 4, 0);
}

static struct thaw_graph *build(struct thaw_torch_weights *w, struct thaw_torch_net *net,
                                struct thaw_error *err)
{
    const struct thaw_arch *arch = thaw_torch_arch(w, thaw_mobilenet_v3_build, NULL, err);
    if (!arch)
        return NULL;
    net->options.alpha = thaw_mobilenet_v3_alpha(&(struct thaw_arch_layers){.torch = w});
    return arch->build(arch, &net->options, err);
}

const struct thaw_torch_family thaw_torch_family_mobilenet_v3 = {.name = "MobileNetV3",
                                                                 .names = names,
                                                                 .classifier = "logits",
                                                                 .matches = matches,
                                                                 .build = build};
