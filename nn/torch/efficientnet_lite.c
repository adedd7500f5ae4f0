/* EfficientNet-Lite of timm and efficientnet_lite_pytorch; "tf_efficientnet_lite" are Google's own
 * weights. */
#include "nn/archs/build_efficientnet_lite.h"

#include "nn/torch.h"

static const struct thaw_torch_form timm[] = {{"stem_conv", "conv_stem"},
                                              {"stem_bn", "bn1"},
                                              {"block1@_bn", "blocks.0.{0}.bn1"},
                                              {"block1@_project_conv", "blocks.0.{0}.conv_pw"},
                                              {"block1@_project_bn", "blocks.0.{0}.bn2"},
                                              {"block#@_expand_conv", "blocks.{0-1}.{1}.conv_pw"},
                                              {"block#@_expand_bn", "blocks.{0-1}.{1}.bn1"},
                                              {"block#@_dwconv", "blocks.{0-1}.{1}.conv_dw"},
                                              {"block#@_bn", "blocks.{0-1}.{1}.bn2"},
                                              {"block#@_project_conv", "blocks.{0-1}.{1}.conv_pwl"},
                                              {"block#@_project_bn", "blocks.{0-1}.{1}.bn3"},
                                              {"top_conv", "conv_head"},
                                              {"top_bn", "bn2"},
                                              {"predictions", "classifier"},
                                              {NULL, NULL}};

static const struct thaw_torch_form port[] = {{"stem_conv", "_conv_stem"},
                                              {"stem_bn", "_bn0"},
                                              {"block#@_expand_conv", "_blocks.{a}._expand_conv"},
                                              {"block#@_expand_bn", "_blocks.{a}._bn0"},
                                              {"block#@_dwconv", "_blocks.{a}._depthwise_conv"},
                                              {"block#@_bn", "_blocks.{a}._bn1"},
                                              {"block#@_project_conv", "_blocks.{a}._project_conv"},
                                              {"block#@_project_bn", "_blocks.{a}._bn2"},
                                              {"top_conv", "_conv_head"},
                                              {"top_bn", "_bn1"},
                                              {"predictions", "_fc"},
                                              {NULL, NULL}};

/* The port counts blocks through; -1: the network has no such block. */
static void place(const struct thaw_torch_weights *w, const int seen[3], int out[2])
{
    out[0] = -1;
    if (!w->variant || seen[0] < 1 || seen[0] > 7 ||
        seen[1] >= thaw_lite_repeats(w->variant, seen[0] - 1))
        return;
    out[0] = seen[1];
    for (int i = 0; i < seen[0] - 1; i++)
        out[0] += thaw_lite_repeats(w->variant, i);
}

static const struct thaw_torch_names names[] = {{.source = "efficientnet_lite_pytorch",
                                                 .forms = port,
                                                 .place = place,
                                                 .arithmetic = {.epsilon = 1e-3, .same = true},
                                                 .preprocess = "lite",
                                                 .head = {"_fc."}},
                                                {.source = "timm",
                                                 .forms = timm,
                                                 .arithmetic = {.epsilon = 1e-5},
                                                 .preprocess = "torch",
                                                 .head = {"classifier."},
                                                 .word = "efficientnet_lite"},
                                                {.source = "timm's tf_ ports",
                                                 .forms = timm,
                                                 .arithmetic = {.epsilon = 1e-3, .same = true},
                                                 .preprocess = "tf",
                                                 .head = {"classifier."},
                                                 .word = "efficientnet_lite",
                                                 .ported = true},
                                                {0}};

/* MobileNetV2 has 3x3 kernels in the third stage. */
static bool matches(const struct thaw_torch_weights *w)
{
    if (w->names->forms == port)
        return thaw_torch_is(w, "_blocks.0._depthwise_conv.weight", 4, 32) &&
               !thaw_torch_tensor(w, "_blocks.0._se_reduce.weight");
    const struct thaw_tensor *third = thaw_torch_layer(w, "block3a_dwconv", "kernel", NULL);
    return third && third->rank == 4 && third->dims[2] == 5 &&
           thaw_torch_width(w, "block7a_dwconv") &&
           !thaw_torch_tensor(w, "blocks.3.0.se.conv_reduce.weight");
}

/* PyTorch has two more. */
static const struct thaw_lite lite3_variant = {.width = 1.2, .depth = 1.4},
                              lite4_variant = {.width = 1.4, .depth = 1.8};
static const struct thaw_arch lite3 = {.name = "efficientnet_lite3",
                                       .variant = &lite3_variant,
                                       .size = 300,
                                       .build = thaw_lite_build,
                                       .matches = thaw_lite_matches},
                              lite4 = {.name = "efficientnet_lite4",
                                       .variant = &lite4_variant,
                                       .size = 380,
                                       .build = thaw_lite_build,
                                       .matches = thaw_lite_matches};

static struct thaw_graph *build(struct thaw_torch_weights *w, struct thaw_torch_net *net,
                                struct thaw_error *err)
{
    static const struct thaw_arch *const more[] = {&lite3, &lite4, NULL};
    const struct thaw_arch *arch = thaw_torch_arch(w, thaw_lite_build, more, err);
    return arch ? arch->build(arch, &net->options, err) : NULL;
}

const struct thaw_torch_family thaw_torch_family_efficientnet_lite = {.name = "EfficientNet-Lite",
                                                                      .names = names,
                                                                      .classifier = "predictions",
                                                                      .matches = matches,
                                                                      .build = build};
