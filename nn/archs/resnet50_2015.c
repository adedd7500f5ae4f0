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

static const struct thaw_resnet_style style = {.name = "resnet50_2015",
                                               .epsilon = 1e-3,
                                               .stem_norm = "bn_conv1",
                                               .stem_relu = "act_conv1",
                                               .classifier = "fc1000",
                                               .layer = layer};

static struct thaw_graph *build(const struct thaw_arch_options *options, struct thaw_error *err)
{
    return thaw_build_resnet50(&style, options, err);
}

static bool recognise(const struct thaw_keras_file *file, struct thaw_arch_options *options)
{
    if (thaw_build_group_width(file, "conv1") != 64 ||
        thaw_build_group_width(file, "res5c_branch2c") != 2048 ||
        !thaw_build_group(file, "bn5c_branch2c") || thaw_build_group(file, "res4b1_branch2a"))
        return false;
    options->classes = thaw_build_group_width(file, "fc1000");
    return true;
}

static bool matches(const struct thaw_graph *graph)
{
    return thaw_build_has(graph, "res5c_branch2c") && thaw_build_has(graph, "res4f_branch2c") &&
           thaw_build_has(graph, "bn_conv1");
}

static const char *const blocks[] = {"conv1",          "res2a_branch2a", "res2b_branch2a",
                                     "res2c_branch2a", "res3a_branch2a", "res3b_branch2a",
                                     "res3c_branch2a", "res3d_branch2a", "res4a_branch2a",
                                     "res4b_branch2a", "res4c_branch2a", "res4d_branch2a",
                                     "res4e_branch2a", "res4f_branch2a", "res5a_branch2a",
                                     "res5b_branch2a", "res5c_branch2a", NULL};

const struct thaw_arch thaw_arch_resnet50_2015 = {
    .name = "resnet50_2015",
    .preprocess = "caffe",
    .size = 224,
    .build = build,
    .recognise = recognise,
    .matches = matches,
    .blocks = blocks,
};
