/* EfficientNet-Lite of timm and efficientnet_lite_pytorch; "tf_efficientnet_lite" are Google's own
 * weights. */
#include "nn/archs/build_efficientnet_lite.h"

#include "nn/torch/efficientnet.h"

static void place(const struct thaw_torch_weights *w, const int seen[3], int out[2])
{
    int repeats[THAW_EFFICIENTNET_STAGES] = {0};
    for (int i = 0; w->variant && i < THAW_EFFICIENTNET_STAGES; i++)
        repeats[i] = thaw_lite_repeats(w->variant, i);
    out[0] = thaw_torch_efficientnet_number(seen, repeats);
}

static const struct thaw_torch_names names[] = {{.source = "efficientnet_lite_pytorch",
                                                 .forms = thaw_torch_efficientnet_port,
                                                 .place = place,
                                                 .arithmetic = {.epsilon = 1e-3, .same = true},
                                                 .preprocess = "lite",
                                                 .head = {"_fc."}},
                                                {.source = "timm",
                                                 .forms = thaw_torch_efficientnet_timm,
                                                 .arithmetic = {.epsilon = 1e-5},
                                                 .preprocess = "torch",
                                                 .head = {"classifier."},
                                                 .word = "efficientnet_lite"},
                                                {.source = "timm's tf_ ports",
                                                 .forms = thaw_torch_efficientnet_timm,
                                                 .arithmetic = {.epsilon = 1e-3, .same = true},
                                                 .preprocess = "tf",
                                                 .head = {"classifier."},
                                                 .word = "efficientnet_lite",
                                                 .ported = true},
                                                {0}};

/* MobileNetV2 has 3x3 kernels in the third stage. */
static bool matches(const struct thaw_torch_weights *w)
{
    if (w->names->forms == thaw_torch_efficientnet_port)
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
