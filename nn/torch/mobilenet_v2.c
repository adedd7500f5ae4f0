/* MobileNetV2 of torchvision and timm, in all widths and depths. */
#include "nn/archs/build_mobilenet_v2.h"

#include <stdio.h>

#include "nn/torch.h"

static const struct thaw_torch_form vision[] = {
    {"Conv1", "features.0.0"},
    {"bn_Conv1", "features.0.1"},
    {"expanded_conv_depthwise", "features.1.conv.0.0"},
    {"expanded_conv_depthwise_BN", "features.1.conv.0.1"},
    {"expanded_conv_project", "features.1.conv.1"},
    {"expanded_conv_project_BN", "features.1.conv.2"},
    {"block_#_expand", "features.{0+1}.conv.0.0"},
    {"block_#_expand_BN", "features.{0+1}.conv.0.1"},
    {"block_#_depthwise", "features.{0+1}.conv.1.0"},
    {"block_#_depthwise_BN", "features.{0+1}.conv.1.1"},
    {"block_#_project", "features.{0+1}.conv.2"},
    {"block_#_project_BN", "features.{0+1}.conv.3"},
    {"Conv_1", "features.18.0"},
    {"Conv_1_bn", "features.18.1"},
    {"predictions", "classifier.1"},
    {NULL, NULL}};

static const struct thaw_torch_form timm[] = {{"Conv1", "conv_stem"},
                                              {"bn_Conv1", "bn1"},
                                              {"expanded_conv_depthwise", "blocks.0.0.conv_dw"},
                                              {"expanded_conv_depthwise_BN", "blocks.0.0.bn1"},
                                              {"expanded_conv_project", "blocks.0.0.conv_pw"},
                                              {"expanded_conv_project_BN", "blocks.0.0.bn2"},
                                              {"block_#_expand", "blocks.{a}.{b}.conv_pw"},
                                              {"block_#_expand_BN", "blocks.{a}.{b}.bn1"},
                                              {"block_#_depthwise", "blocks.{a}.{b}.conv_dw"},
                                              {"block_#_depthwise_BN", "blocks.{a}.{b}.bn2"},
                                              {"block_#_project", "blocks.{a}.{b}.conv_pwl"},
                                              {"block_#_project_BN", "blocks.{a}.{b}.bn3"},
                                              {"Conv_1", "conv_head"},
                                              {"Conv_1_bn", "bn2"},
                                              {"predictions", "classifier"},
                                              {NULL, NULL}};

static const struct thaw_torch_names names[] = {{.source = "torchvision",
                                                 .forms = vision,
                                                 .arithmetic = {.epsilon = 1e-5},
                                                 .preprocess = "torch",
                                                 .head = {"classifier."}},
                                                {.source = "timm",
                                                 .forms = timm,
                                                 .place = thaw_torch_stage,
                                                 .arithmetic = {.epsilon = 1e-5},
                                                 .preprocess = "torch",
                                                 .head = {"classifier."}},
                                                {0}};

/* EfficientNets have 5x5 kernels in the third stage. */
static bool matches(const struct thaw_torch_weights *w)
{
    if (w->names->forms == vision)
        return thaw_torch_is(w, "features.1.conv.0.0.weight", 4, 0) &&
               thaw_torch_width(w, "Conv_1");
    const struct thaw_tensor *third = thaw_torch_tensor(w, "blocks.2.0.conv_dw.weight");
    return third && third->rank == 4 && third->dims[2] == 3 &&
           thaw_torch_is(w, "blocks.6.0.conv_pwl.weight", 4, 0) &&
           !thaw_torch_tensor(w, "blocks.3.0.se.conv_reduce.weight");
}

/* Where a stage begins shows in timm's names only; torchvision has one depth. */
static int repeats(const struct thaw_torch_weights *w, int stage)
{
    static const int usual[THAW_MOBILENET_V2_STAGES] = {1, 2, 3, 4, 3, 3, 1};
    int n = 0;
    if (w->names->forms == vision)
        return usual[stage];
    while (n < THAW_TORCH_BLOCKS && thaw_torch_tensor(w, "blocks.%d.%d.conv_dw.weight", stage, n))
        n++;
    return n;
}

static void read(const struct thaw_torch_weights *w, struct thaw_mobilenet_v2 *net)
{
    int n = 0;
    char name[48];
    net->stem = thaw_torch_width(w, "Conv1");
    net->top = thaw_torch_width(w, "Conv_1");
    for (int i = 0; i < THAW_MOBILENET_V2_STAGES; n += net->repeats[i++]) {
        snprintf(name, sizeof name, "block_%d_project", n);
        net->channels[i] = thaw_torch_width(w, n ? name : "expanded_conv_project");
        net->repeats[i] = repeats(w, i);
    }
}

static struct thaw_graph *build(struct thaw_torch_weights *w, struct thaw_torch_net *net,
                                struct thaw_error *err)
{
    struct thaw_mobilenet_v2 variant;
    const struct thaw_arch arch = {.name = "mobilenet_v2", .size = 224};
    read(w, &variant);
    return thaw_mobilenet_v2_build(&variant, &arch, &net->options, err);
}

const struct thaw_torch_family thaw_torch_family_mobilenet_v2 = {.name = "MobileNetV2",
                                                                 .names = names,
                                                                 .classifier = "predictions",
                                                                 .matches = matches,
                                                                 .build = build};
