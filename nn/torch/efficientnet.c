/* EfficientNet of torchvision, timm and efficientnet_pytorch; "tf_efficientnet" are Google's own
 * weights. */
#include "nn/torch/efficientnet.h"

static const struct thaw_torch_form vision[] = {
    {"stem_conv", "features.0.0"},
    {"stem_bn", "features.0.1"},
    {"block1@_dwconv", "features.1.{0}.block.0.0"},
    {"block1@_bn", "features.1.{0}.block.0.1"},
    {"block1@_se_reduce", "features.1.{0}.block.1.fc1"},
    {"block1@_se_expand", "features.1.{0}.block.1.fc2"},
    {"block1@_project_conv", "features.1.{0}.block.2.0"},
    {"block1@_project_bn", "features.1.{0}.block.2.1"},
    {"block#@_expand_conv", "features.{0}.{1}.block.0.0"},
    {"block#@_expand_bn", "features.{0}.{1}.block.0.1"},
    {"block#@_dwconv", "features.{0}.{1}.block.1.0"},
    {"block#@_bn", "features.{0}.{1}.block.1.1"},
    {"block#@_se_reduce", "features.{0}.{1}.block.2.fc1"},
    {"block#@_se_expand", "features.{0}.{1}.block.2.fc2"},
    {"block#@_project_conv", "features.{0}.{1}.block.3.0"},
    {"block#@_project_bn", "features.{0}.{1}.block.3.1"},
    {"top_conv", "features.8.0"},
    {"top_bn", "features.8.1"},
    {"predictions", "classifier.1"},
    {NULL, NULL}};

const struct thaw_torch_form thaw_torch_efficientnet_timm[] = {
    {"stem_conv", "conv_stem"},
    {"stem_bn", "bn1"},
    {"block1@_bn", "blocks.0.{0}.bn1"},
    {"block1@_project_conv", "blocks.0.{0}.conv_pw"},
    {"block1@_project_bn", "blocks.0.{0}.bn2"},
    {"block#@_expand_conv", "blocks.{0-1}.{1}.conv_pw"},
    {"block#@_expand_bn", "blocks.{0-1}.{1}.bn1"},
    {"block#@_dwconv", "blocks.{0-1}.{1}.conv_dw"},
    {"block#@_bn", "blocks.{0-1}.{1}.bn2"},
    {"block#@_se_reduce", "blocks.{0-1}.{1}.se.conv_reduce"},
    {"block#@_se_expand", "blocks.{0-1}.{1}.se.conv_expand"},
    {"block#@_project_conv", "blocks.{0-1}.{1}.conv_pwl"},
    {"block#@_project_bn", "blocks.{0-1}.{1}.bn3"},
    {"top_conv", "conv_head"},
    {"top_bn", "bn2"},
    {"predictions", "classifier"},
    {NULL, NULL}};

const struct thaw_torch_form thaw_torch_efficientnet_port[] = {
    {"stem_conv", "_conv_stem"},
    {"stem_bn", "_bn0"},
    {"block#@_expand_conv", "_blocks.{a}._expand_conv"},
    {"block#@_expand_bn", "_blocks.{a}._bn0"},
    {"block#@_dwconv", "_blocks.{a}._depthwise_conv"},
    {"block#@_bn", "_blocks.{a}._bn1"},
    {"block#@_se_reduce", "_blocks.{a}._se_reduce"},
    {"block#@_se_expand", "_blocks.{a}._se_expand"},
    {"block#@_project_conv", "_blocks.{a}._project_conv"},
    {"block#@_project_bn", "_blocks.{a}._bn2"},
    {"top_conv", "_conv_head"},
    {"top_bn", "_bn1"},
    {"predictions", "_fc"},
    {NULL, NULL}};

int thaw_torch_efficientnet_number(const int seen[3], const int repeats[THAW_EFFICIENTNET_STAGES])
{
    int stage = seen[0] - 1, number = seen[1];
    if (stage < 0 || stage >= THAW_EFFICIENTNET_STAGES || number >= repeats[stage])
        return -1;
    for (int i = 0; i < stage; i++)
        number += repeats[i];
    return number;
}

static void place(const struct thaw_torch_weights *w, const int seen[3], int out[2])
{
    int repeats[THAW_EFFICIENTNET_STAGES] = {0};
    for (int i = 0; w->variant && i < THAW_EFFICIENTNET_STAGES; i++)
        repeats[i] = thaw_efficientnet_repeats(w->variant, i);
    out[0] = thaw_torch_efficientnet_number(seen, repeats);
}

static const struct thaw_torch_names names[] = {{.source = "torchvision",
                                                 .forms = vision,
                                                 .arithmetic = {.epsilon = 1e-5},
                                                 .preprocess = "torch",
                                                 .head = {"classifier."}},
                                                {.source = "timm",
                                                 .forms = thaw_torch_efficientnet_timm,
                                                 .arithmetic = {.epsilon = 1e-5},
                                                 .preprocess = "torch",
                                                 .head = {"classifier."},
                                                 .word = "efficientnet"},
                                                {.source = "timm's tf_ ports",
                                                 .forms = thaw_torch_efficientnet_timm,
                                                 .arithmetic = {.epsilon = 1e-3, .same = true},
                                                 .preprocess = "torch",
                                                 .head = {"classifier."},
                                                 .word = "efficientnet",
                                                 .ported = true},
                                                {.source = "efficientnet_pytorch",
                                                 .forms = thaw_torch_efficientnet_port,
                                                 .place = place,
                                                 .arithmetic = {.epsilon = 1e-3, .same = true},
                                                 .preprocess = "torch",
                                                 .head = {"_fc."}},
                                                {0}};

/* The 1x1 layer of MobileNetV3 stands where the seventh stage is here. */
static bool matches(const struct thaw_torch_weights *w)
{
    if (w->names->forms == thaw_torch_efficientnet_port)
        return thaw_torch_is(w, "_blocks.0._se_reduce.weight", 4, 0) &&
               thaw_torch_is(w, "_conv_head.weight", 4, 0);
    return thaw_torch_width(w, "block1a_se_reduce") && thaw_torch_width(w, "block7a_dwconv") &&
           thaw_torch_width(w, "top_conv");
}

/* PyTorch has one more than Keras. */
static const struct thaw_efficientnet b8_variant = {.width = 2.2, .depth = 3.6, .dropout = 0.5};
static const struct thaw_arch b8 = {.name = "efficientnet_b8",
                                    .variant = &b8_variant,
                                    .size = 672,
                                    .build = thaw_efficientnet_build,
                                    .matches = thaw_efficientnet_matches};

static struct thaw_graph *build(struct thaw_torch_weights *w, struct thaw_torch_net *net,
                                struct thaw_error *err)
{
    static const struct thaw_arch *const more[] = {&b8, NULL};
    const struct thaw_arch *arch = thaw_torch_arch(w, thaw_efficientnet_build, more, err);
    if (!arch)
        return NULL;
    const struct thaw_efficientnet *size = arch->variant;
    if (w->names->forms == vision && size->width > 1.5) /* from B5 on */
        net->arithmetic.epsilon = 1e-3;
    return arch->build(arch, &net->options, err);
}

const struct thaw_torch_family thaw_torch_family_efficientnet = {.name = "EfficientNet",
                                                                 .names = names,
                                                                 .classifier = "predictions",
                                                                 .matches = matches,
                                                                 .build = build};
