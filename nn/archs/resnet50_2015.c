/* ResNet-50 with the weights that its authors published and the names that Keras gave them until
 * 2019 ("res2a_branch2a"): the same arithmetic as resnet50 but for the epsilon of its norms. */
#include <stdio.h>

#include "nn/archs/build_resnet.h"

static void layer(char name[48], int stage, int block, int part, const char *kind)
{
    char letter = (char)('a' + block);
    const char *front = kind[0] == 'c' ? "res" : kind[0] == 'b' ? "bn" : "act";
    if (stage == 1)
        snprintf(name, 48, "conv1");
    else if (part == 0)
        snprintf(name, 48, "%s%d%c_branch1", front, stage, letter);
    else if (part <= 3)
        snprintf(name, 48, "%s%d%c_branch2%c", front, stage, letter, 'a' + part - 1);
    else
        snprintf(name, 48, "%s%d%c", part == 4 ? "add" : "act", stage, letter);
}

static const struct thaw_resnet_style style = {.epsilon = 1e-3,
                                               .stem_norm = "bn_conv1",
                                               .stem_relu = "act_conv1",
                                               .classifier = "fc1000",
                                               .layer = layer};

static const struct thaw_resnet variant = {.style = &style, .blocks = {3, 4, 6, 3}};

static bool matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    (void)arch;
    return thaw_arch_width(layers, "conv1") == 64 && thaw_arch_has(layers, "bn_conv1") &&
           thaw_arch_width(layers, "res5c_branch2c") == 2048 &&
           thaw_arch_has(layers, "res4f_branch2c") && !thaw_arch_has(layers, "res4b1_branch2a");
}

static const char *const blocks[] = {"conv1", "res*_branch2a", NULL};

const struct thaw_arch thaw_arch_resnet50_2015 = {
    .name = "resnet50_2015",
    .variant = &variant,
    .preprocess = "caffe",
    .size = 224,
    .build = thaw_resnet_build,
    .matches = matches,
    .blocks = blocks,
};
